import Bedrock
import LSM
import Model

/// What is in a segment and where its index sections stand: the only part read when a segment is opened.
///
/// ```
/// ┌──────┬─────────────────────────────────────────────────────────┬─ per section ──────────────────────────────────┐
/// │ tier │ first and last time (svarint), rows, streams, blocks,   │ kind u8, offset, offset of the copy (0: none), │
/// │      │ line bytes, section count                               │ stored bytes, raw bytes (0: not compressed),   │
/// │      │                                                         │ CRC-32C u32, items                             │
/// └──────┴─────────────────────────────────────────────────────────┴────────────────────────────────────────────────┘
/// ```
/// The footer, the tail that points to it and, save for short-lived dictionaries, the sections are written twice, so that no single damaged
/// byte costs more than its block.
struct LogFooter: Sendable {
    struct Section: Sendable {
        var kind: LogLayout.Section
        var offset: Int
        /// 0: there is no copy.
        var copyOffset = 0
        var storedBytes: Int
        var rawBytes: Int
        var checksum: UInt32
        /// Items of its kind in earlier sections, and in this one.
        var firstItem: Int
        var itemCount: Int
    }

    var tier = 0
    /// Nanoseconds, both included.
    var firstTime = Int64.max
    var lastTime = Int64.min
    var rowCount = 0
    var streamCount = 0
    var blockCount = 0
    var lineBytes = 0
    var sections: [Section] = []

    func encode(into target: inout ByteBuffer) {
        target.append(varint: tier)
        target.append(signedVarint: firstTime)
        target.append(signedVarint: lastTime)
        for number in [rowCount, streamCount, blockCount, lineBytes, sections.count] { target.append(varint: number) }
        for section in sections {
            target.append(section.kind.rawValue)
            for number in [section.offset, section.copyOffset, section.storedBytes, section.rawBytes] {
                target.append(varint: number)
            }
            target.append(littleEndian: section.checksum)
            target.append(varint: section.itemCount)
        }
    }

    /// - Parameter end: where sections must end.
    init(_ bytes: UnsafeRawBufferPointer, end: Int) throws(DecodeError) {
        var reader = ByteReader(bytes)
        tier = try reader.length(limit: 64)
        firstTime = try reader.signedVarint()
        lastTime = try reader.signedVarint()
        rowCount = try reader.length(limit: 1 << 48)
        streamCount = try reader.length(limit: Int(Int32.max))
        blockCount = try reader.length(limit: Int(Int32.max))
        lineBytes = try reader.length(limit: 1 << 60)
        var items = [Int](repeating: 0, count: 8)
        // A section takes ten bytes at least.
        for _ in 0..<(try reader.length(limit: reader.remaining / 10)) {
            let code = try reader.u8()
            guard let kind = LogLayout.Section(rawValue: code) else {
                throw DecodeError("unknown section \(code)", at: reader.offset - 1)
            }
            let offset = try reader.length(limit: end)
            let copy = try reader.length(limit: end)
            let stored = try reader.length(limit: end - max(offset, copy))
            let raw = try reader.length(limit: LogStoreLimits.sectionBytesMax)
            let checksum = try reader.littleEndian(UInt32.self)
            let count = try reader.length(limit: kind.itemsMax)
            sections.append(
                Section(
                    kind: kind, offset: offset, copyOffset: copy, storedBytes: stored, rawBytes: raw,
                    checksum: checksum,
                    firstItem: items[Int(code)], itemCount: count))
            items[Int(code)] += count
        }
        guard reader.isAtEnd, items[Int(LogLayout.Section.streams.rawValue)] == streamCount,
            items[Int(LogLayout.Section.blocks.rawValue)] == blockCount
        else { throw DecodeError("sections and counts of the footer differ", at: reader.offset) }
    }

    init() {}

    // MARK: In an object

    /// Appends footer and tail, twice.
    func write(to out: any ObjectWriter) throws {
        var bytes = ByteBuffer(capacity: 1024)
        encode(into: &bytes)
        let start = out.count
        try out.append(bytes.bytes)
        try out.append(bytes.bytes)
        for copy in 0..<2 {
            var tail = ByteBuffer(capacity: LogLayout.tailBytes)
            tail.append(littleEndian: UInt64(start + copy * bytes.count))
            tail.append(littleEndian: UInt32(bytes.count))
            tail.append(littleEndian: CRC32C.of(bytes.bytes))
            tail.append(littleEndian: UInt32(LogLayout.version))
            tail.append(littleEndian: CRC32C.of(tail.bytes))
            tail.append(LogLayout.magic)
            try out.append(tail.bytes)
        }
    }

    /// Finds a sound footer from an object's last bytes. What is damaged and made good by its copy is told to `damage`.
    /// - Throws: `SegmentDamage` when neither copy is sound.
    static func read(_ object: any ObjectReader, damage: (SegmentDamage) -> Void = { _ in }) throws -> LogFooter {
        var found: LogFooter?
        var damages: [SegmentDamage] = []
        for copy in [1, 0] {
            let tail = object.size - (2 - copy) * LogLayout.tailBytes
            do {
                let footer = try read(object, tail: tail)
                if found == nil { found = footer }
            } catch let error as DecodeError {
                damages.append(
                    SegmentDamage(
                        object: object.name, block: "footer \(copy)", offset: max(0, tail),
                        lost: "nothing: there is a copy", reason: "\(error)"))
            }
        }
        guard let found else {
            var damage = damages[0]
            damage.lost = "the whole segment"
            throw damage
        }
        for one in damages { damage(one) }
        return found
    }

    private static func read(_ object: any ObjectReader, tail start: Int) throws -> LogFooter {
        guard start >= LogLayout.magic.count else { throw DecodeError("only \(object.size) bytes", at: 0) }
        let tail = try object.bytes(start..<start + LogLayout.tailBytes)
        var reader = ByteReader(tail.bytes)
        let offset = try reader.littleEndian(UInt64.self)
        let length = try reader.littleEndian(UInt32.self)
        let checksum = try reader.littleEndian(UInt32.self)
        let version = try reader.littleEndian(UInt32.self)
        let own = UnsafeRawBufferPointer(rebasing: tail.bytes[..<reader.offset])
        guard try reader.littleEndian(UInt32.self) == CRC32C.of(own),
            LogLayout.magic.elementsEqual(tail.bytes.suffix(LogLayout.magic.count))
        else { throw DecodeError("this is no log segment, or its end is missing or damaged", at: start) }
        guard version == LogLayout.version else {
            throw DecodeError(
                "format version \(version); this program knows \(LogLayout.version): use a newer one", at: start)
        }
        guard offset <= UInt64(start), UInt64(length) <= UInt64(start) - offset else {
            throw DecodeError("footer at \(offset) with \(length) bytes", at: start)
        }
        let bytes = try object.bytes(Int(offset)..<Int(offset) + Int(length))
        guard CRC32C.of(bytes.bytes) == checksum else { throw DecodeError("checksum", at: Int(offset)) }
        return try LogFooter(bytes.bytes, end: Int(offset))
    }
}
