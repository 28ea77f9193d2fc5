import Bedrock
import Formats
import Model

/// Entries that came together, in JSON already, for all clients of one filter. Immutable and thread-safe.
final class TailChunk: Sendable {
    fileprivate struct Group: Sendable {
        /// JSON of the labels, in `text`.
        let labels: Range<Int>
        let rows: [Int]
    }

    fileprivate struct Row: Sendable {
        let timestamp: Int64
        let group: Int
        /// JSON of the value, in `text`.
        let value: Range<Int>
        let identity: UInt64
    }

    /// When its first entry became durable, monotonic nanoseconds.
    let arrivedAt: UInt64
    /// Nanoseconds since the epoch.
    let newestTimestamp: Int64
    /// JSON of all streams.
    let streams: [UInt8]
    fileprivate let text: [UInt8]
    fileprivate let groups: [Group]
    fileprivate let rows: [Row]

    fileprivate init(arrivedAt: UInt64, text: [UInt8], groups: [Group], rows: [Row]) {
        self.arrivedAt = arrivedAt
        self.text = text
        self.groups = groups
        self.rows = rows
        newestTimestamp = rows.reduce(.min) { max($0, $1.timestamp) }
        streams = Self.streams(text, groups, rows)
    }

    var count: Int { rows.count }
    var byteCount: Int { streams.count }
    /// What tells each entry from others: a hash of time, labels and line.
    var identities: [UInt64] { rows.map(\.identity) }

    /// The chunk without the entries in `known`; nil when nothing is left.
    func without(_ known: Set<UInt64>) -> TailChunk? {
        let kept = rows.indices.filter { !known.contains(rows[$0].identity) }
        if kept.count == rows.count { return self }
        if kept.isEmpty { return nil }
        var numbers: [Int: Int] = [:]
        for (new, old) in kept.enumerated() { numbers[old] = new }
        let left = groups.map { Group(labels: $0.labels, rows: $0.rows.compactMap { numbers[$0] }) }
        return TailChunk(arrivedAt: arrivedAt, text: text, groups: left, rows: kept.map { rows[$0] })
    }

    /// Labels and time of the first few entries, as `{"labels":{…},"timestamp":"…"}`, for those who are told that they are dropped.
    func dropped(atMost limit: Int) -> [[UInt8]] {
        rows.prefix(limit).map { row in
            Array("{\"labels\":".utf8) + text[groups[row.group].labels]
                + Array(",\"timestamp\":\"\(row.timestamp)\"}".utf8)
        }
    }

    private static func streams(_ text: [UInt8], _ groups: [Group], _ rows: [Row]) -> [UInt8] {
        var json: [UInt8] = [UInt8(ascii: "[")]
        json.reserveCapacity(text.count + groups.count * 32 + rows.count + 2)
        for group in groups where !group.rows.isEmpty {
            if json.count > 1 { json.append(UInt8(ascii: ",")) }
            json += Array("{\"stream\":".utf8)
            json += text[group.labels]
            json += Array(",\"values\":[".utf8)
            for (index, row) in group.rows.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                json += text[rows[row].value]
            }
            json += Array("]}".utf8)
        }
        json.append(UInt8(ascii: "]"))
        return json
    }
}

/// Makes chunks. One owner.
struct TailChunkBuilder: ~Copyable {
    private var grouping: LogGrouping
    private var text = ByteBuffer(capacity: 16 << 10)
    private var writer = JSONWriter(capacity: 1024)
    private var rows: [(timestamp: Int64, value: Range<Int>, identity: UInt64)] = []

    init(encoding: LogValueEncoding) { grouping = LogGrouping(encoding: encoding, keepsAddresses: false) }

    /// Whether what was added is enough for one message.
    var isFull: Bool { rows.count >= Self.entriesMax || text.count >= Self.bytesMax }

    private static let entriesMax = 1000
    private static let bytesMax = 256 << 10

    mutating func add(_ entry: LogEntryView) {
        writer.clear()
        writer.value(entry, grouping.encoding)
        let start = text.count
        text.append(writer.buffer.bytes)
        grouping.add(rows.count, entry)
        var identity = Hash128(of: entry.line, seed: UInt64(bitPattern: entry.timestamp))
        identity = Hash128(of: entry.stream, seed: identity.low)
        identity = Hash128(of: entry.metadata, seed: identity.low)
        rows.append((entry.timestamp, start..<text.count, identity.low))
    }

    /// What was added, as a chunk; nil when that is nothing. Begins anew.
    mutating func finish(arrivedAt: UInt64) -> TailChunk? {
        guard !rows.isEmpty else { return nil }
        var groupOfRow = [Int](repeating: 0, count: rows.count)
        var groups: [TailChunk.Group] = []
        for (index, group) in grouping.groups.enumerated() {
            writer.clear()
            writer.labels(group.labels)
            let start = text.count
            text.append(writer.buffer.bytes)
            groups.append(TailChunk.Group(labels: start..<text.count, rows: group.entries))
            for row in group.entries { groupOfRow[row] = index }
        }
        let chunk = TailChunk(
            arrivedAt: arrivedAt, text: text.array(), groups: groups,
            rows: rows.enumerated().map { index, row in
                TailChunk.Row(
                    timestamp: row.timestamp, group: groupOfRow[index], value: row.value, identity: row.identity)
            })
        grouping = LogGrouping(encoding: grouping.encoding, keepsAddresses: false)
        text.clear()
        rows = []
        return chunk
    }
}
