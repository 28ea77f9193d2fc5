import Bedrock
import LSM

/// Finds and checks the directory of a segment from its last bytes.
enum SegmentFooter {
    static func read(_ object: any ObjectReader) throws -> SegmentDirectory {
        func damage(_ reason: String, at offset: Int) -> SegmentDamage {
            SegmentDamage(
                object: object.name, block: "footer", offset: offset, lost: "the whole segment", reason: reason)
        }
        let tailStart = object.size - SegmentLayout.tailBytes
        guard tailStart >= SegmentLayout.magic.count else { throw damage("only \(object.size) bytes", at: 0) }
        let tail = try object.bytes(tailStart..<object.size)
        guard tail.bytes.count == SegmentLayout.tailBytes,
            SegmentLayout.magic.elementsEqual(tail.bytes.suffix(SegmentLayout.magic.count))
        else { throw damage("this is no metric segment, or its end is missing", at: tailStart) }
        var reader = ByteReader(tail.bytes)
        do {
            let offset = try reader.littleEndian(UInt64.self)
            let length = try reader.littleEndian(UInt32.self)
            let checksum = try reader.littleEndian(UInt32.self)
            let version = try reader.littleEndian(UInt32.self)
            let own = UnsafeRawBufferPointer(rebasing: tail.bytes[..<reader.offset])
            guard try reader.littleEndian(UInt32.self) == CRC32C.of(own) else {
                throw damage("tail checksum", at: tailStart)
            }
            guard (1...UInt32(SegmentLayout.version)).contains(version) else {
                throw damage(
                    "format version \(version); this program knows \(SegmentLayout.version): use a newer one",
                    at: tailStart)
            }
            guard offset <= UInt64(tailStart), Int(offset) + Int(length) == tailStart else {
                throw damage("directory at \(offset) with \(length) bytes", at: tailStart)
            }
            let bytes = try object.bytes(Int(offset)..<tailStart)
            guard CRC32C.of(bytes.bytes) == checksum else { throw damage("directory checksum", at: Int(offset)) }
            var directory = try SegmentDirectory(bytes.bytes, end: Int(offset))
            directory.formatVersion = Int(version)
            return directory
        } catch let error as DecodeError {
            throw damage("\(error)", at: tailStart)
        }
    }
}
