import Bedrock

/// The first 32 bytes of a head file: `OBSHEAD`, version (u8), first offset of the memtable (u64), the segment format's version (u32), zero
/// (u32), CRC32C of those (u32), zero (u32).
struct HeadFileHeader: Equatable {
    static let byteCount = 32
    static let version: UInt8 = 1
    private static let magic: [UInt8] = Array("OBSHEAD".utf8)
    private static let checkedBytes = 24

    var firstOffset: UInt64
    var formatVersion: UInt32

    func append(to buffer: inout ByteBuffer) {
        let start = buffer.count
        buffer.append(Self.magic)
        buffer.append(Self.version)
        buffer.append(littleEndian: firstOffset)
        buffer.append(littleEndian: formatVersion)
        buffer.append(littleEndian: UInt32(0))
        let checksum = CRC32C.of(UnsafeRawBufferPointer(rebasing: buffer.bytes[start...]))
        buffer.append(littleEndian: checksum)
        buffer.append(littleEndian: UInt32(0))
    }

    enum Verdict: Equatable {
        case sound(HeadFileHeader)
        case damaged
        case newer(version: Int)
    }

    static func read(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        guard bytes.count >= byteCount, bytes.prefix(magic.count).elementsEqual(magic) else { return .damaged }
        let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
        guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<checkedBytes])) == checksum else { return .damaged }
        if bytes[7] > version { return .newer(version: Int(bytes[7])) }
        return .sound(
            HeadFileHeader(
                firstOffset: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                formatVersion: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))))
    }
}
