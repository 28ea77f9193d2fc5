import Bedrock
import LSM
import Model

/// Takes batches through the whole log store in memory, and says what each step costs and what the lines become, by column.
///
/// For `obsbench`: CPU time of the calling thread, no disk. Not thread-safe.
public final class LogStoreBenchmark {
    /// One figure.
    public struct Measure: Sendable {
        public var name: String
        public var value: Double
        public var unit: String
    }

    /// In the order of the steps.
    public private(set) var measures: [Measure] = []
    /// Memtables are flushed at this size, as in the engine.
    private let memtableBytesMax: Int
    private let format = LogFormat()
    private var table = LogMemtable()
    private var offset: UInt64 = 0
    private var record = ByteBuffer(capacity: 1 << 20)
    private var segments: [LogSegment] = []
    private var lines = 0.0
    private var lineBytes = 0.0
    private var spent: [String: Double] = [:]
    private var recordBytes = 0.0
    private var memtableOverhead = 0.0

    public init(memtableBytesMax: Int = 64 << 20) { self.memtableBytesMax = memtableBytesMax }

    /// Encodes, applies, and flushes when the memtable is full.
    public func add(_ batch: LogBatch) throws {
        record.clear()
        timed("record") { LogRecord.encode(batch, streams: Array(batch.streams.indices), into: &record) }
        recordBytes += Double(record.count)
        lines += Double(batch.rowCount)
        lineBytes += Double(batch.rows.reduce(0) { $0 + $1.lineLength })
        offset += 1
        try timed("memtable") { try table.apply(record.bytes, tenant: .default, offset: offset) }
        if table.byteCount >= memtableBytesMax { try flush() }
    }

    private func flush() throws {
        memtableOverhead += Double(table.byteCount)
        let object = BenchmarkObject()
        guard try timed("flush", { try format.flush(table, tenant: .default, into: object) }) != nil else { return }
        segments.append(try format.open(object))
        table = LogMemtable()
    }

    /// Flushes, merges everything, reads it, and draws the sums.
    public func finish() throws {
        try flush()
        let object = BenchmarkObject()
        var damages = 0
        _ = try timed("merge") {
            try format.merge(
                segments, clip: .everything, tombstones: [], tier: 1, into: object, damage: { _ in damages += 1 },
                yield: {})
        }
        let merged = try format.open(object)
        add("lines", lines, "")
        add("bytes of a line", lineBytes / lines, "B")
        add("record size", recordBytes / lines, "B/line")
        add("memtable", memtableOverhead / lines, "B/line")
        let flushed = segments.reduce(0.0) { $0 + Double($1.object.size) }
        add("tier 0, \(segments.count) segments", flushed / lines, "B/line")
        try addShares("tier 0", segments)
        add("tier 1", Double(object.size) / lines, "B/line")
        try addShares("tier 1", [merged])
        try read(merged)
        for (name, nanoseconds) in spent.sorted(by: { $0.key < $1.key }) {
            add("CPU, \(name)", nanoseconds / 1000 / lines, "µs/line")
        }
        if damages > 0 { add("damages", Double(damages), "") }
    }

    private func addShares(_ name: String, _ segments: [LogSegment]) throws {
        var columns: [String: Int] = [:]
        for segment in segments {
            let index = try segment.index()
            for chunk in index.blocks.flatMap(\.chunks) {
                let column =
                    switch chunk.column {
                    case BlockEntry.timeColumn: "times"
                    case BlockEntry.lineColumn: "lines"
                    default: "metadata"
                    }
                columns[column, default: 0] += chunk.byteCount
            }
            for section in segment.footer.sections { columns[section.kind.name, default: 0] += section.storedBytes }
        }
        for (column, bytes) in columns.sorted(by: { $0.key < $1.key }) {
            add("  \(name), \(column)", Double(bytes) / lines, "B/line")
        }
    }

    private func read(_ segment: LogSegment) throws {
        let snapshot = LogEngineSnapshot([StoredRun(segment)])
        let arena = LineArena()
        func scan(_ name: String, _ filters: [LineFilter], readLines: Bool) throws {
            try timed(name) {
                let selection = try snapshot.select(LogRequest(matchers: [], range: .everything, filters: filters))
                for part in 0..<selection.partCount {
                    let block = try selection.open(part)
                    let rows = try block.matchingRows()
                    _ = try block.times()
                    arena.clear()
                    if readLines { try block.readLines(rows, into: arena) }
                }
            }
        }
        try scan("read times", [], readLines: false)
        try scan("read lines", [], readLines: true)
        try scan(
            "search a literal that is nowhere", [LineFilter([.literal(Array("qzxj-nowhere".utf8))])], readLines: true)
        try scan("search a frequent literal", [LineFilter([.literal(Array("block".utf8))])], readLines: false)
        let regex = try RegularExpression("(?s)port [0-9]+1 ssh2", anchored: false)
        try scan("search a regex", [LineFilter([.regex(regex)])], readLines: false)
    }

    private func add(_ name: String, _ value: Double, _ unit: String) {
        measures.append(Measure(name: name, value: value, unit: unit))
    }

    @discardableResult
    private func timed<R>(_ name: String, _ body: () throws -> R) rethrows -> R {
        let start = threadCPUNanoseconds()
        defer { spent[name, default: 0] += threadCPUNanoseconds() - start }
        return try body()
    }

}

/// An object in memory: written once, then read.
private final class BenchmarkObject: ObjectWriter, ObjectReader, @unchecked Sendable {
    let name = "logs/0/benchmark"
    private var buffer = ByteBuffer(capacity: 1 << 20)

    var count: Int { buffer.count }
    var size: Int { buffer.count }
    func append(_ bytes: UnsafeRawBufferPointer) { buffer.append(bytes) }
    func finish() {}
    func bytes(_ range: Range<Int>) throws -> ObjectBytes {
        ObjectBytes(UnsafeRawBufferPointer(rebasing: buffer.bytes[range]), owner: self)
    }
}
