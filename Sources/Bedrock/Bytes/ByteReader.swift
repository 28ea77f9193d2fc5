/// A cursor over bytes it doesn't own. Every read is checked against the end; nothing is copied.
///
/// The caller keeps the underlying bytes alive for as long as the reader is used. Not thread-safe; copy it to fork a position.
public struct ByteReader {
    public let bytes: UnsafeRawBufferPointer
    public var offset: Int

    @inlinable public init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    @inlinable public var remaining: Int { bytes.count - offset }
    @inlinable public var isAtEnd: Bool { offset >= bytes.count }

    @inlinable public mutating func u8() throws(DecodeError) -> UInt8 {
        guard offset < bytes.count else { throw DecodeError("input ends too early", at: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// A fixed-width little-endian integer.
    @inlinable public mutating func littleEndian<T: FixedWidthInteger>(_: T.Type = T.self) throws(DecodeError) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw DecodeError("input ends too early", at: offset) }
        defer { offset += size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    @inlinable public mutating func double() throws(DecodeError) -> Double {
        Double(bitPattern: try littleEndian(UInt64.self))
    }

    /// An unsigned LEB128 number of at most ten bytes.
    @inlinable public mutating func varint() throws(DecodeError) -> UInt64 {
        if offset < bytes.count {
            let first = bytes[offset]
            if first < 0x80 {
                offset += 1
                return UInt64(first)
            }
        }
        var result: UInt64 = 0
        var shift: UInt64 = 0
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if shift == 63 && byte > 1 { throw DecodeError("varint is too large", at: start) }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
            if shift > 63 { throw DecodeError("varint is too long", at: start) }
        }
        throw DecodeError("input ends inside a varint", at: start)
    }

    /// A zigzag-coded signed varint.
    @inlinable public mutating func signedVarint() throws(DecodeError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A varint that counts or measures something in memory: at most `limit`.
    @inlinable public mutating func length(limit: Int) throws(DecodeError) -> Int {
        let start = offset
        let raw = try varint()
        guard raw <= UInt64(limit) else { throw DecodeError("length \(raw) is over \(limit)", at: start) }
        return Int(raw)
    }

    /// The next `count` bytes, not copied.
    @inlinable public mutating func take(_ count: Int) throws(DecodeError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw DecodeError("input ends too early", at: offset) }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// Bytes behind a varint length, not copied.
    @inlinable public mutating func prefixed() throws(DecodeError) -> UnsafeRawBufferPointer {
        try take(try length(limit: remaining))
    }

    @inlinable public mutating func skip(_ count: Int) throws(DecodeError) {
        guard count >= 0, count <= remaining else { throw DecodeError("input ends too early", at: offset) }
        offset += count
    }
}
