import Bedrock
import Model

/// Log entries of many streams in columns: lines in one arena, label sets once each.
public struct LogTable: Equatable, Sendable {
    /// One entry.
    public struct Row: Equatable, Sendable {
        /// Nanoseconds since the Unix epoch.
        public var timestamp: Int64
        /// Into `streams`.
        public var stream: Int
        /// Into `labelSets`.
        var metadata: Int
        var parsed: Int
        /// Of the line, in `bytes`.
        var lineStart: Int
        var lineEnd: Int
    }

    /// Labels of the streams, in the order of the answer.
    public internal(set) var streams: [Labels] = []
    public internal(set) var rows: [Row] = []
    /// Distinct sets of structured metadata and of parsed labels; the first is empty.
    var labelSets: [Labels] = [.empty]
    /// Lines, one behind the other.
    var bytes: [UInt8] = []

    public init() {}

    public var count: Int { rows.count }
    public var isEmpty: Bool { rows.isEmpty }

    /// Labels of the stream of a row.
    public func labels(_ row: Int) -> Labels { streams[rows[row].stream] }
    /// Structured metadata of a row.
    public func metadata(_ row: Int) -> Labels { labelSets[rows[row].metadata] }
    /// What the query's parsers made of a row.
    public func parsed(_ row: Int) -> Labels { labelSets[rows[row].parsed] }

    /// The bytes of a line, valid UTF-8 or not, valid within `body`.
    public func withLine<R>(_ row: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let place = rows[row]
        return try bytes.withUnsafeBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[place.lineStart..<place.lineEnd]))
        }
    }

    /// A copy of a line.
    public func line(_ row: Int) -> [UInt8] { withLine(row) { Array($0) } }

    /// A line as text; bytes that aren't UTF-8 become U+FFFD.
    public func text(_ row: Int) -> String { withLine(row) { String(decoding: $0, as: UTF8.self) } }

    /// Puts the rows of all streams in order of time; rows of equal time stay in the order of the answer.
    public mutating func sort(_ direction: LogDirection) {
        let order = rows.indices.sorted { a, b in
            let (first, second) = (rows[a].timestamp, rows[b].timestamp)
            if first == second { return a < b }
            return direction == .forward ? first < second : first > second
        }
        rows = order.map { rows[$0] }
    }

    /// Turns the order of the rows around.
    public mutating func reverse() { rows.reverse() }

    /// Keeps the first `count` rows.
    public mutating func truncate(to count: Int) { rows.removeLast(max(0, rows.count - count)) }

    /// The rows that pass, in their order.
    public func filter(_ keeps: (Int) -> Bool) -> LogTable {
        var result = self
        result.rows = rows.indices.filter(keeps).map { rows[$0] }
        return result
    }

    /// What makes a row equal to another: its time, the stream, the metadata and the line, hashed.
    public func identity(_ row: Int) -> Hash128 {
        var key = ByteBuffer(capacity: 256)
        key.append(littleEndian: rows[row].timestamp)
        for labels in [labels(row), metadata(row)] { labels.storage.withUnsafeBytes { key.append(prefixed: $0) } }
        withLine(row) { key.append($0) }
        return Hash128(of: key.bytes)
    }

    /// Adds a row; for tests and for sources other than HTTP.
    public mutating func append(
        timestamp: Int64, labels: Labels, metadata: Labels = .empty, parsed: Labels = .empty, line: [UInt8]
    ) {
        let stream = streams.lastIndex(of: labels) ?? streams.count
        if stream == streams.count { streams.append(labels) }
        let start = bytes.count
        bytes += line
        rows.append(
            Row(
                timestamp: timestamp, stream: stream, metadata: index(metadata), parsed: index(parsed),
                lineStart: start, lineEnd: bytes.count))
    }

    /// Adds a row of another table.
    public mutating func append(_ other: LogTable, row: Int) {
        append(
            timestamp: other.rows[row].timestamp, labels: other.labels(row), metadata: other.metadata(row),
            parsed: other.parsed(row), line: other.line(row))
    }

    /// Adds the rows of another table.
    public mutating func append(contentsOf other: LogTable) {
        if isEmpty {
            self = other
        } else {
            for row in other.rows.indices { append(other, row: row) }
        }
    }

    private mutating func index(_ labels: Labels) -> Int {
        if let known = labelSets.firstIndex(of: labels) { return known }
        labelSets.append(labels)
        return labelSets.count - 1
    }
}

/// Which end of the range the answer begins at.
public enum LogDirection: String, Sendable {
    /// Newest first.
    case backward
    /// Oldest first.
    case forward
}
