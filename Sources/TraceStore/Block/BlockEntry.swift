import Bedrock
import Model

/// Numbers of the columns of a block. Part of the format.
enum BlockColumn {
    /// Ids (16 bytes each), numbers of spans (`IntegerColumn`), starts of the first spans (`TimeColumn`).
    static let traces = 0
    /// Eight bytes each.
    static let spanIDs = 1
    /// Numbers in the block's list of names.
    static let names = 2
    static let parents = 3
    static let starts = 4
    static let durations = 5
    static let resources = 6
    static let scopes = 7
    /// Kind, and status in bit 4.
    static let codes = 8
    /// The block's layouts, then which each row has: the numbers of its columns in order, which tell what it has a value of.
    static let layouts = 9
    /// Over texts that only the block has.
    static let filter = 10
    static let firstAttribute = 16

    static func name(_ column: Int) -> String {
        let names = [
            "trace ids", "span ids", "names", "parents", "starts", "durations", "resources", "scopes", "kinds",
            "layouts", "filter",
        ]
        return column < names.count ? names[column] : "column \(column - firstAttribute)"
    }
}

/// What the directory knows of a block: bounds, what occurs in it, and where its chunks stand.
///
/// ```
/// ┌────────┬──────┬────────┬─────────────┬──────────────┬──────────┬───────┬───────────┬────────┬────────┬─ per chunk ──────┐
/// │ offset │ rows │ traces │ first start │ last - first │ longest  │ names │ resources │ scopes │ chunks │ column, bytes,   │
/// │        │      │        │ (svarint)   │ start        │ duration │       │           │        │        │ CRC-32C u32      │
/// └────────┴──────┴────────┴─────────────┴──────────────┴──────────┴───────┴───────────┴────────┴────────┴──────────────────┘
/// ```
/// Lists are a count and differences (svarints). Chunks stand one behind the other from `offset` on.
struct BlockEntry: Sendable {
    struct Chunk: Sendable {
        var column: Int
        var offset: Int
        var byteCount: Int
        var checksum: UInt32
    }

    var offset = 0
    var rowCount = 0
    var traceCount = 0
    /// Nanoseconds.
    var firstStart = Int64.max
    var lastStart = Int64.min
    var durationMax: Int64 = 0
    /// Numbers in the segment's lists, in the order of the block's own.
    var names: [Int32] = []
    var resources: [Int32] = []
    var scopes: [Int32] = []
    var chunks: [Chunk] = []

    init() {}

    func chunk(_ column: Int) -> Chunk? { chunks.first { $0.column == column } }

    func encode(into target: inout ByteBuffer) {
        for number in [offset, rowCount, traceCount] { target.append(varint: number) }
        target.append(signedVarint: firstStart)
        target.append(varint: UInt64(bitPattern: lastStart &- firstStart))
        target.append(varint: UInt64(bitPattern: durationMax))
        for list in [names, resources, scopes] {
            target.append(varint: list.count)
            var previous: Int32 = 0
            for number in list {
                target.append(signedVarint: Int64(number) - Int64(previous))
                previous = number
            }
        }
        target.append(varint: chunks.count)
        for chunk in chunks {
            target.append(varint: chunk.column)
            target.append(varint: chunk.byteCount)
            target.append(littleEndian: chunk.checksum)
        }
    }

    /// What the segment has of each, for checks.
    struct Bounds {
        var names: Int
        var resources: Int
        var scopes: Int
        var columns: Int
        /// Where the last chunk must end at the latest.
        var end: Int
    }

    init(_ reader: inout ByteReader, _ bounds: Bounds) throws(DecodeError) {
        offset = try reader.length(limit: bounds.end)
        // A trace of many spans may fill a block by itself; one span more, when a cut falls behind it.
        rowCount = try reader.length(limit: TraceStoreLimits.blockRowsMax * 2)
        traceCount = try reader.length(limit: rowCount)
        guard rowCount > 0, traceCount > 0 else { throw DecodeError("a block without rows", at: reader.offset) }
        firstStart = try reader.signedVarint()
        lastStart = firstStart &+ Int64(bitPattern: try reader.varint())
        durationMax = Int64(bitPattern: try reader.varint())
        names = try Self.list(&reader, limit: bounds.names)
        resources = try Self.list(&reader, limit: bounds.resources)
        scopes = try Self.list(&reader, limit: bounds.scopes)
        var position = offset
        // A chunk takes six bytes at least.
        for _ in 0..<(try reader.length(limit: reader.remaining / 6)) {
            let column = try reader.length(limit: BlockColumn.firstAttribute + bounds.columns - 1)
            let bytes = try reader.length(limit: bounds.end - position)
            chunks.append(
                Chunk(column: column, offset: position, byteCount: bytes, checksum: try reader.littleEndian()))
            position += bytes
        }
    }

    private static func list(_ reader: inout ByteReader, limit: Int) throws(DecodeError) -> [Int32] {
        var list: [Int32] = []
        var previous: Int64 = 0
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let (number, overflow) = previous.addingReportingOverflow(try reader.signedVarint())
            guard !overflow, number >= 0, number < Int64(limit) else {
                throw DecodeError("number \(number) of \(limit)", at: reader.offset)
            }
            list.append(Int32(truncatingIfNeeded: number))
            previous = number
        }
        return list
    }
}
