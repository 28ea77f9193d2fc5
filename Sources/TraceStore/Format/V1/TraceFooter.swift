import Bedrock
import Columns
import LSM
import Model

/// The end of a segment: bounds, counts, and where its sections are.
///
/// ```
/// ┌──────┬─────────────────────────┬──────┬────────┬────────┬──────────────────┐
/// │ tier │ first, last start       │ rows │ traces │ blocks │ SectionDirectory │
/// │      │ (svarints, nanoseconds) │      │ pieces │        │                  │
/// └──────┴─────────────────────────┴──────┴────────┴────────┴──────────────────┘
/// ```
/// Then tails: offset of the footer u64, its length u32, CRC-32C u32, version u32, CRC-32C of these u32, magic. Footer and tail stand twice.
struct TraceFooter: Sendable {
    var tier = 0
    var firstStart = Int64.max
    var lastStart = Int64.min
    var rowCount = 0
    /// A trace that is cut over blocks counts for each.
    var traceCount = 0
    var blockCount = 0
    var directory = SectionDirectory()

    init() {}

    func section(_ kind: TraceLayout.Section, copy: Bool = false) -> Section? {
        let number = kind.rawValue | (copy ? TraceLayout.copyBit : 0)
        return directory.sections.first { $0.kind == number }
    }

    func encode(into target: inout ByteBuffer) {
        target.append(varint: tier)
        target.append(signedVarint: firstStart)
        target.append(signedVarint: lastStart)
        for number in [rowCount, traceCount, blockCount] { target.append(varint: number) }
        directory.encode(into: &target)
    }

    /// - Parameter end: where sections must end.
    init(_ bytes: UnsafeRawBufferPointer, end: Int) throws(DecodeError) {
        var reader = ByteReader(bytes)
        tier = try reader.length(limit: 64)
        firstStart = try reader.signedVarint()
        lastStart = try reader.signedVarint()
        rowCount = try reader.length(limit: 1 << 48)
        traceCount = try reader.length(limit: Int(Int32.max))
        blockCount = try reader.length(limit: Int(Int32.max))
        directory = try SectionDirectory(&reader, limit: end)
        guard reader.isAtEnd else { throw DecodeError("bytes behind the footer", at: reader.offset) }
        for kind in TraceLayout.Section.allCases where section(kind) == nil {
            throw DecodeError("there are no \(kind.name)", at: 0)
        }
    }

    /// What the catalog keeps.
    func summary(byteCount: Int) -> SegmentSummary {
        SegmentSummary(
            timeRange: NanosecondTime.milliseconds(firstStart, through: lastStart), seriesCount: traceCount,
            rowCount: rowCount, byteCount: byteCount, formatVersion: TraceLayout.version)
    }

    // MARK: In an object

    func write(to out: any ObjectWriter) throws {
        var bytes = ByteBuffer(capacity: 1024)
        encode(into: &bytes)
        let start = out.count
        try out.append(bytes.bytes)
        try out.append(bytes.bytes)
        for copy in 0..<2 {
            var tail = ByteBuffer(capacity: TraceLayout.tailBytes)
            tail.append(littleEndian: UInt64(start + copy * bytes.count))
            tail.append(littleEndian: UInt32(bytes.count))
            tail.append(littleEndian: CRC32C.of(bytes.bytes))
            tail.append(littleEndian: UInt32(TraceLayout.version))
            tail.append(littleEndian: CRC32C.of(tail.bytes))
            tail.append(TraceLayout.magic)
            try out.append(tail.bytes)
        }
    }

    /// Finds a sound footer from an object's last bytes. What is damaged and made good by its copy is told to `damage`.
    /// - Throws: `SegmentDamage` when neither copy is sound.
    static func read(_ object: any ObjectReader, damage: (SegmentDamage) -> Void = { _ in }) throws -> TraceFooter {
        var found: TraceFooter?
        var damages: [SegmentDamage] = []
        for copy in [1, 0] {
            let tail = object.size - (2 - copy) * TraceLayout.tailBytes
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

    private static func read(_ object: any ObjectReader, tail start: Int) throws -> TraceFooter {
        guard start >= TraceLayout.magic.count else { throw DecodeError("only \(object.size) bytes", at: 0) }
        let tail = try object.bytes(start..<start + TraceLayout.tailBytes)
        var reader = ByteReader(tail.bytes)
        let offset = try reader.littleEndian(UInt64.self)
        let length = try reader.littleEndian(UInt32.self)
        let checksum = try reader.littleEndian(UInt32.self)
        let version = try reader.littleEndian(UInt32.self)
        let own = UnsafeRawBufferPointer(rebasing: tail.bytes[..<reader.offset])
        guard try reader.littleEndian(UInt32.self) == CRC32C.of(own),
            TraceLayout.magic.elementsEqual(tail.bytes.suffix(TraceLayout.magic.count))
        else { throw DecodeError("this is no trace segment, or its end is missing or damaged", at: start) }
        guard version == TraceLayout.version else {
            throw DecodeError(
                "format version \(version); this program knows \(TraceLayout.version): use a newer one", at: start)
        }
        guard offset <= UInt64(start), UInt64(length) <= UInt64(start) - offset else {
            throw DecodeError("footer at \(offset) with \(length) bytes", at: start)
        }
        let bytes = try object.bytes(Int(offset)..<Int(offset) + Int(length))
        guard CRC32C.of(bytes.bytes) == checksum else { throw DecodeError("checksum", at: Int(offset)) }
        return try TraceFooter(bytes.bytes, end: Int(offset))
    }
}
