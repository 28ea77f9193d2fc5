import Bedrock

/// The first 32 bytes of a log file.
///
///      0        6         8              16                 24       28
///     ┌────────┬─────────┬──────────────┬──────────────────┬────────┬──────┐
///     │ OBSLOG │ version │ first offset │ published through│ crc32c │ zero │
///     └────────┴─────────┴──────────────┴──────────────────┴────────┴──────┘
///
/// A file gets its name only when its first group of records is synced: `published through` is the last offset of that group.
struct LogFileHeader: Equatable {
    static let byteCount = 32
    static let version: UInt16 = 1
    private static let magic: [UInt8] = Array("OBSLOG".utf8)
    private static let checkedBytes = 24

    var firstOffset: UInt64
    var publishedThrough: UInt64

    func append(to buffer: inout ByteBuffer) {
        let start = buffer.count
        buffer.append(Self.magic)
        buffer.append(littleEndian: Self.version)
        buffer.append(littleEndian: firstOffset)
        buffer.append(littleEndian: publishedThrough)
        let checksum = CRC32C.of(UnsafeRawBufferPointer(rebasing: buffer.bytes[start...]))
        buffer.append(littleEndian: checksum)
        buffer.append(littleEndian: UInt32(0))
    }

    enum Verdict: Equatable {
        case sound(LogFileHeader)
        case damaged
        case newer(version: Int)
    }

    static func read(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        guard bytes.count >= byteCount, bytes.prefix(magic.count).elementsEqual(magic) else { return .damaged }
        func load<T: FixedWidthInteger>(_ at: Int, _: T.Type) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: T.self))
        }
        guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<checkedBytes])) == load(24, UInt32.self) else {
            return .damaged
        }
        let found = load(6, UInt16.self)
        if found > version { return .newer(version: Int(found)) }
        return .sound(LogFileHeader(firstOffset: load(8, UInt64.self), publishedThrough: load(16, UInt64.self)))
    }
}
