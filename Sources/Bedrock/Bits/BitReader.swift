/// Reads what `BitWriter` wrote. Every read is checked against the end of the bytes, which the caller keeps alive.
public struct BitReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// Bits read so far.
    public private(set) var position = 0
    @usableFromInline let end: Int

    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        end = bytes.count * 8
    }

    /// The next `count` (0...64) bits.
    public mutating func read(_ count: Int) throws(DecodeError) -> UInt64 {
        guard count <= end - position else { throw DecodeError("bit stream ends too early", at: position >> 3) }
        guard count > 0, let base = bytes.baseAddress else { return 0 }
        let byte = position >> 3
        let shift = UInt64(position & 7)
        position += count
        let mask: UInt64 = count == 64 ? .max : (1 << UInt64(count)) - 1
        if byte + 8 <= bytes.count {
            var word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: byte, as: UInt64.self)) >> shift
            if Int(shift) + count > 64 {
                word |= UInt64(base.load(fromByteOffset: byte + 8, as: UInt8.self)) << (64 - shift)
            }
            return word & mask
        }
        var word: UInt64 = 0
        for i in byte..<bytes.count {
            word |= UInt64(base.load(fromByteOffset: i, as: UInt8.self)) << UInt64((i - byte) * 8)
        }
        return (word >> shift) & mask
    }
}
