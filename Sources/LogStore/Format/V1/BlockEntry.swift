import Bedrock
import Model

/// What the directory knows of a block: its runs, and where its column chunks stand.
///
/// ```
/// ┌────────┬──────┬────────────┬──────┬─ per run ──────────────────────────────────┬────────┬─ per chunk ───────────┐
/// │ offset │ rows │ first time │ runs │ stream - previous run's, rows, first time -│ chunks │ column, bytes,        │
/// │        │      │ (svarint)  │      │ block's first, last - first, line bytes    │        │ CRC-32C u32           │
/// └────────┴──────┴────────────┴──────┴────────────────────────────────────────────┴────────┴───────────────────────┘
/// ```
/// Chunks stand one behind the other from `offset` on. Column 0 holds times, column 1 lines, column 2 + n metadata field n.
struct BlockEntry: Sendable {
    struct Run: Sendable {
        var stream: Int32
        var firstRow: Int32
        var rowCount: Int32
        /// Nanoseconds, both included.
        var firstTime: Int64
        var lastTime: Int64
        var lineBytes: Int
    }

    struct Chunk: Sendable {
        var column: Int
        var offset: Int
        var byteCount: Int
        var checksum: UInt32
    }

    static let timeColumn = 0
    static let lineColumn = 1
    static let firstFieldColumn = 2

    var offset = 0
    var rowCount = 0
    var firstTime = Int64.max
    var lastTime = Int64.min
    var runs: [Run] = []
    var chunks: [Chunk] = []

    func chunk(_ column: Int) -> Chunk? { chunks.first { $0.column == column } }

    /// Any row has structured metadata.
    var hasMetadata: Bool { chunks.contains { $0.column >= Self.firstFieldColumn } }

    func encode(into target: inout ByteBuffer) {
        target.append(varint: offset)
        target.append(varint: rowCount)
        target.append(signedVarint: firstTime)
        target.append(varint: runs.count)
        var stream: Int32 = 0
        for run in runs {
            target.append(varint: Int(run.stream - stream))
            stream = run.stream
            target.append(varint: Int(run.rowCount))
            target.append(varint: UInt64(bitPattern: run.firstTime &- firstTime))
            target.append(varint: UInt64(bitPattern: run.lastTime &- run.firstTime))
            target.append(varint: run.lineBytes)
        }
        target.append(varint: chunks.count)
        for chunk in chunks {
            target.append(varint: chunk.column)
            target.append(varint: chunk.byteCount)
            target.append(littleEndian: chunk.checksum)
        }
    }

    init() {}

    /// - Parameter end: where the last chunk must end at the latest.
    init(_ reader: inout ByteReader, streamCount: Int, fieldCount: Int, end: Int) throws(DecodeError) {
        offset = try reader.length(limit: end)
        rowCount = try reader.length(limit: LogStoreLimits.blockRowsMax)
        firstTime = try reader.signedVarint()
        try readRuns(&reader, streamCount: streamCount)
        var position = offset
        // A chunk takes six bytes at least.
        for _ in 0..<(try reader.length(limit: reader.remaining / 6)) {
            let column = try reader.length(limit: Self.firstFieldColumn + fieldCount - 1)
            let bytes = try reader.length(limit: end - position)
            chunks.append(
                Chunk(column: column, offset: position, byteCount: bytes, checksum: try reader.littleEndian()))
            position += bytes
        }
        guard chunk(Self.timeColumn) != nil, chunk(Self.lineColumn) != nil else {
            throw DecodeError("a block without times or lines", at: reader.offset)
        }
    }

    private mutating func readRuns(_ reader: inout ByteReader, streamCount: Int) throws(DecodeError) {
        var stream = 0
        var row = 0
        // A run takes five bytes at least.
        for _ in 0..<(try reader.length(limit: reader.remaining / 5)) {
            stream += try reader.length(limit: streamCount)
            guard stream < streamCount else {
                throw DecodeError("stream \(stream) of \(streamCount)", at: reader.offset)
            }
            let rows = try reader.length(limit: rowCount - row)
            let first = firstTime &+ Int64(bitPattern: try reader.varint())
            let last = first &+ Int64(bitPattern: try reader.varint())
            guard last >= first else { throw DecodeError("a run from \(first) to \(last)", at: reader.offset) }
            runs.append(
                Run(
                    stream: Int32(truncatingIfNeeded: stream), firstRow: Int32(row), rowCount: Int32(rows),
                    firstTime: first, lastTime: last, lineBytes: try reader.length(limit: 1 << 40)))
            lastTime = max(lastTime, last)
            row += rows
        }
        guard row == rowCount else { throw DecodeError("runs of \(row) rows in \(rowCount)", at: reader.offset) }
    }
}
