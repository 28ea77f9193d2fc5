import Bedrock

/// One checkpoint in a head file.
///
///      0        4        8       16        24       28             32
///     ┌────────┬────────┬───────┬─────────┬────────┬──────────────┬───────┬─────────────────┬───────┐
///     │ marker │ length │ after │ through │ crc32c │ lanes length │ lanes │ memtable's block│ zeros │
///     └────────┴────────┴───────┴─────────┴────────┴──────────────┴───────┴─────────────────┴───────┘
///
/// It holds what records (after, through] brought to the memtable and to the lanes. `length` counts lanes and block; the checksum covers bytes
/// 4 to 24, 28 to 32, lanes and block. Zeros fill up to a multiple of 8.
struct HeadFrame {
    static let marker: UInt32 = 0x4864_F2A7
    static let headerBytes = 32
    static let alignment = 8

    var after: UInt64
    var through: UInt64
    var lanes: UnsafeRawBufferPointer
    var block: UnsafeRawBufferPointer
    /// The whole frame as it is in the file.
    var bytes: UnsafeRawBufferPointer

    static func append(
        after: UInt64, through: UInt64, lanes: UnsafeRawBufferPointer, block: UnsafeRawBufferPointer,
        to buffer: inout ByteBuffer
    ) {
        let start = buffer.count
        buffer.append(littleEndian: marker)
        buffer.append(littleEndian: UInt32(lanes.count + block.count))
        buffer.append(littleEndian: after)
        buffer.append(littleEndian: through)
        buffer.append(littleEndian: UInt32(0))
        buffer.append(littleEndian: UInt32(lanes.count))
        buffer.append(lanes)
        buffer.append(block)
        let checksum = checksum(UnsafeRawBufferPointer(rebasing: buffer.bytes[start...]))
        buffer.patch(littleEndian: checksum, at: start + 24)
        buffer.pad(from: start, to: alignment)
    }

    /// The frame at `position`, if a whole and sound one is there.
    static func read(_ bytes: UnsafeRawBufferPointer, at position: Int) -> HeadFrame? {
        guard position >= 0, bytes.count - position >= headerBytes else { return nil }
        func load<T: FixedWidthInteger>(_ at: Int, _: T.Type) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: position + at, as: T.self))
        }
        guard load(0, UInt32.self) == marker else { return nil }
        let length = Int(load(4, UInt32.self))
        let lanesLength = Int(load(28, UInt32.self))
        guard length <= bytes.count - position - headerBytes, lanesLength <= length else { return nil }
        let whole = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + headerBytes + length)])
        guard checksum(whole) == load(24, UInt32.self) else { return nil }
        let end = min(bytes.count, position + headerBytes + (length + alignment - 1) / alignment * alignment)
        return HeadFrame(
            after: load(8, UInt64.self), through: load(16, UInt64.self),
            lanes: UnsafeRawBufferPointer(rebasing: whole[headerBytes..<(headerBytes + lanesLength)]),
            block: UnsafeRawBufferPointer(rebasing: whole[(headerBytes + lanesLength)...]),
            bytes: UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
    }

    private static func checksum(_ frame: UnsafeRawBufferPointer) -> UInt32 {
        let head = CRC32C.of(UnsafeRawBufferPointer(rebasing: frame[4..<24]))
        return CRC32C.of(UnsafeRawBufferPointer(rebasing: frame[28...]), continuing: head)
    }
}
