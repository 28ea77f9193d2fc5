import Bedrock

/// One record in a log file: a header of 32 bytes, the payload, zeros up to a multiple of 8.
///
///      0        4        8        16              24       28       32
///     ┌────────┬────────┬────────┬───────────────┬────────┬────────┬─────────┬───────┐
///     │ marker │ length │ offset │ synced through│ crc32c │ zero   │ payload │ zeros │
///     └────────┴────────┴────────┴───────────────┴────────┴────────┴─────────┴───────┘
///
/// The checksum covers bytes 4 to 24 and the payload. `syncedThrough` is the last offset that was durable when the frame was written: a
/// frame proves that all offsets up to that one were durable once, which tells damage from a torn tail.
struct LogFrame {
    static let marker: UInt32 = 0x4C72_6A9D
    static let headerBytes = 32
    static let alignment = 8

    var offset: UInt64
    var syncedThrough: UInt64
    /// Where in the file the frame starts, and where the next may start.
    var extent: Range<Int>
    var payload: UnsafeRawBufferPointer

    static func append(
        _ payload: UnsafeRawBufferPointer, offset: UInt64, syncedThrough: UInt64, to buffer: inout ByteBuffer
    ) {
        let start = buffer.count
        buffer.append(littleEndian: marker)
        buffer.append(littleEndian: UInt32(payload.count))
        buffer.append(littleEndian: offset)
        buffer.append(littleEndian: syncedThrough)
        let checked = UnsafeRawBufferPointer(rebasing: buffer.bytes[(start + 4)..<(start + 24)])
        buffer.append(littleEndian: CRC32C.of(payload, continuing: CRC32C.of(checked)))
        buffer.append(littleEndian: UInt32(0))
        buffer.append(payload)
        buffer.pad(from: start, to: alignment)
    }

    /// The frame at `position`, if a whole and sound one is there.
    static func read(_ bytes: UnsafeRawBufferPointer, at position: Int, payloadBytesMax: Int) -> LogFrame? {
        guard position >= 0, bytes.count - position >= headerBytes else { return nil }
        func load<T: FixedWidthInteger>(_ at: Int, _: T.Type) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: position + at, as: T.self))
        }
        guard load(0, UInt32.self) == marker else { return nil }
        let length = Int(load(4, UInt32.self))
        guard length <= payloadBytesMax, length <= bytes.count - position - headerBytes else { return nil }
        let payload = UnsafeRawBufferPointer(
            rebasing: bytes[(position + headerBytes)..<(position + headerBytes + length)])
        let checked = UnsafeRawBufferPointer(rebasing: bytes[(position + 4)..<(position + 24)])
        guard CRC32C.of(payload, continuing: CRC32C.of(checked)) == load(24, UInt32.self) else { return nil }
        // The zeros behind the last frame may not have made it.
        let end = min(bytes.count, position + headerBytes + (length + alignment - 1) / alignment * alignment)
        return LogFrame(
            offset: load(8, UInt64.self), syncedThrough: load(16, UInt64.self), extent: position..<end, payload: payload
        )
    }
}
