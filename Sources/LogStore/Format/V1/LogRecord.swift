import Bedrock
import LSM
import Model

/// The payload of a queue record of logs, version 1.
///
/// ```
/// ┌────────────┬─────────┬─ per stream ──────────────────────────────────────────────────────────────────────┐
/// │ version u8 │ streams │ labels (prefixed), rows; per row: time - previous time of the record (svarint),   │
/// │     1      │ varint  │ line (prefixed), metadata: 0 the same as the row before it in the record,         │
/// │            │         │ else length + 1 and canonical label bytes                                         │
/// └────────────┴─────────┴───────────────────────────────────────────────────────────────────────────────────┘
/// ```
/// A memtable keeps payloads as they are, so the form is also that of rows in memory.
public enum LogRecord {
    static let version: UInt8 = 1

    /// Appends the entries `streams` (positions in `batch.streams`) of a batch as one payload.
    public static func encode(_ batch: LogBatch, streams: [Int], into target: inout ByteBuffer) {
        target.append(version)
        target.append(varint: streams.count)
        batch.withArena { arena in
            let rows = batch.rows
            var time: Int64 = 0
            var metadata = UnsafeRawBufferPointer(start: nil, count: 0)
            for index in streams {
                let stream = batch.streams[index]
                target.append(
                    prefixed: UnsafeRawBufferPointer(
                        rebasing: arena[stream.labelOffset..<stream.labelOffset + stream.labelLength]))
                target.append(varint: stream.rowCount)
                for row in rows[stream.firstRow..<stream.firstRow + stream.rowCount] {
                    target.append(signedVarint: row.timestamp &- time)
                    time = row.timestamp
                    target.append(
                        prefixed: UnsafeRawBufferPointer(
                            rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength]))
                    let own = UnsafeRawBufferPointer(
                        rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength])
                    if compareMemory(own, metadata) == 0 {
                        target.append(0 as UInt8)
                    } else {
                        target.append(varint: own.count + 1)
                        target.append(own)
                        metadata = own
                    }
                }
            }
        }
    }
}

/// Walks a payload in place. Everything is checked; nothing is copied. Not thread-safe.
///
/// ```
/// var reader = try LogRecordReader(payload)
/// while try reader.nextStream() { use reader.labels; for each of reader.rowCount: try reader.nextRow() }
/// ```
struct LogRecordReader {
    private var reader: ByteReader
    private var streamsLeft: Int
    private var time: Int64 = 0
    private(set) var labels = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var rowCount = 0
    /// Where the length prefix of the metadata of the row stands in the payload; nil when it has none.
    private(set) var metadataOffset: Int?

    init(_ payload: UnsafeRawBufferPointer) throws(DecodeError) {
        reader = ByteReader(payload)
        let version = try reader.u8()
        guard version == LogRecord.version else { throw DecodeError("unknown record version \(version)", at: 0) }
        // A stream takes two bytes at least.
        streamsLeft = try reader.length(limit: payload.count / 2)
    }

    /// Moves on to the next stream, behind the last row of the one before; false at the end of the record.
    mutating func nextStream() throws(DecodeError) -> Bool {
        guard streamsLeft > 0 else {
            guard reader.isAtEnd else { throw DecodeError("bytes behind the end of a record", at: reader.offset) }
            return false
        }
        streamsLeft -= 1
        let start = reader.offset
        labels = try reader.prefixed()
        guard isCanonical(labels) else { throw DecodeError("labels of a stream are not canonical", at: start) }
        // A row takes three bytes at least.
        rowCount = try reader.length(limit: reader.remaining / 3)
        return true
    }

    /// The next row: its time, and where the length prefix of its line stands in the payload.
    @inline(__always)
    mutating func nextRow() throws(DecodeError) -> (time: Int64, lineOffset: Int, lineLength: Int) {
        time = time &+ (try reader.signedVarint())
        let line = reader.offset
        let length = try reader.prefixed().count
        let metadata = reader.offset
        let code = try reader.varint()
        if code > 0 {
            guard code - 1 <= UInt64(reader.remaining) else {
                throw DecodeError("metadata of \(code - 1) bytes", at: metadata)
            }
            let bytes = try reader.take(Int(code - 1))
            guard isCanonical(bytes) else { throw DecodeError("metadata is not canonical", at: metadata) }
            metadataOffset = bytes.isEmpty ? nil : metadata
        }
        return (time, line, length)
    }
}
