import Bedrock
import LSM
import Model

/// Takes batches through the whole trace store in memory, and says what each step costs and what the spans become, by column.
///
/// For `obsbench`: CPU time of the calling thread, no disk. Not thread-safe.
public final class TraceStoreBenchmark {
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
    /// Segments of a tier at which they are merged into one of the next.
    private let runsPerMerge: Int
    private let format = TraceFormat()
    private var table = SpanMemtable()
    private var offset: UInt64 = 0
    private var record = ByteBuffer(capacity: 1 << 20)
    private var tiers: [[TraceSegment]] = [[]]
    private var spans = 0.0
    private var spent: [String: Double] = [:]
    private var recordBytes = 0.0
    private var memtableBytes = 0.0
    private var flushedBytes = 0.0
    private var damages = 0
    private var ids: [TraceID] = []

    public init(memtableBytesMax: Int = 32 << 20, runsPerMerge: Int = 4) {
        self.memtableBytesMax = memtableBytesMax
        self.runsPerMerge = runsPerMerge
    }

    /// Encodes, applies, and flushes when the memtable is full.
    public func add(_ batch: SpanBatch) throws {
        record.clear()
        let rows = batch.rows.indices.map { Int32(truncatingIfNeeded: $0) }
        timed("record") { SpanRecord.encode(batch, rows: rows, into: &record) }
        if let row = batch.rows.first { ids.append(row.traceID) }
        recordBytes += Double(record.count)
        spans += Double(batch.rowCount)
        offset += 1
        try timed("memtable") { try table.apply(record.bytes, tenant: .default, offset: offset) }
        if table.byteCount >= memtableBytesMax { try flush() }
    }

    private func flush() throws {
        memtableBytes += Double(table.byteCount)
        let object = BenchmarkObject()
        guard try timed("flush", { try format.flush(table, tenant: .default, into: object) }) != nil else { return }
        flushedBytes += Double(object.size)
        table = SpanMemtable()
        tiers[0].append(try format.open(object))
        for tier in 0..<tiers.count where tiers[tier].count >= runsPerMerge { try merge(tier) }
    }

    private func merge(_ tier: Int) throws {
        if tiers.count == tier + 1 { tiers.append([]) }
        tiers[tier + 1].append(try merged(tiers[tier], tier: tier + 1))
        tiers[tier] = []
    }

    private func merged(_ inputs: [TraceSegment], tier: Int) throws -> TraceSegment {
        let object = BenchmarkObject()
        _ = try timed("merges") {
            try format.merge(
                inputs, clip: .everything, tombstones: [], tier: tier, into: object, damage: { _ in damages += 1 },
                yield: {})
        }
        return try format.open(object)
    }

    /// Flushes, merges everything, reads it, and draws the sums.
    public func finish() throws {
        try flush()
        let runs = tiers.reversed().joined().map { StoredRun($0) }
        try search(SpanEngineSnapshot(runs), ", \(runs.count) runs")
        let whole = try merged(Array(tiers.reversed().joined()), tier: tiers.count)
        add("spans", spans, "")
        add("record", recordBytes / spans, "B/span")
        add("memtable", memtableBytes / spans, "B/span")
        add("flushed", flushedBytes / spans, "B/span")
        add("merged", Double(whole.object.size) / spans, "B/span")
        try addShares(whole)
        try search(SpanEngineSnapshot([StoredRun(whole)]), ", 1 run")
        for (name, nanoseconds) in spent.sorted(by: { $0.key < $1.key }) {
            add("CPU, \(name)", nanoseconds / 1000 / spans, "µs/span")
        }
        if damages > 0 { add("damages", Double(damages), "") }
    }

    private func addShares(_ segment: TraceSegment) throws {
        let index = try segment.index()
        var columns: [String: Int] = [:]
        for chunk in index.blocks.flatMap(\.chunks) {
            let number = chunk.column - BlockColumn.firstAttribute
            let name =
                number < 0
                ? BlockColumn.name(chunk.column)
                : index.columns[number].role == .attribute
                    ? String(decoding: index.columns[number].key, as: UTF8.self) : "\(index.columns[number].role)"
            columns[name, default: 0] += chunk.byteCount
        }
        columns["id pages"] = index.idPages.reduce(0) { $0 + $1.byteCount }
        for kind in TraceLayout.Section.allCases {
            columns["section \(kind.name), twice"] = 2 * (segment.footer.section(kind)?.length ?? 0)
        }
        for (column, bytes) in columns.sorted(by: { $0.value > $1.value }) {
            add("  \(column)", Double(bytes) / spans, "B/span")
        }
    }

    // MARK: Reading

    private func search(_ snapshot: SpanEngineSnapshot, _ suffix: String) throws {
        var times: [Double] = []
        let batch = SpanBatch()
        for id in ids.enumerated().filter({ $0.offset % max(ids.count / 200, 1) == 0 }).map(\.element) {
            batch.clear()
            times.append(
                try cpu {
                    _ = try snapshot.trace(
                        id, range: .everything, into: batch, bytesMax: .max, cancellation: Cancellation())
                })
        }
        times.sort()
        add("look-up by id, median of \(times.count)\(suffix)", times[times.count / 2] / 1e6, "ms")
        func service(_ name: String) -> SpanFilter {
            .condition(SpanCondition(.attribute(.resource, "service.name"), .compare(.equal, .string(name))))
        }
        let slow = SpanCondition(.intrinsic(.duration), .compare(.greater, .duration(400_000_000)))
        let place = SpanCondition(.intrinsic(.name), .compare(.equal, .string("place")))
        let status = SpanCondition(.attribute(.span, "http.response.status_code"), .compare(.equal, .int(500)))
        let filters: [(String, SpanFilter)] = [
            ("service and min duration", .all([service("payment"), .condition(slow)])),
            ("service and operation", .all([service("checkout"), .condition(place)])),
            ("service and status 500", .all([service("frontend"), .condition(status)])),
        ]
        for (name, filter) in filters {
            add("\(name), 20\(suffix)", try cpu { _ = try count(snapshot, filter, limit: 20) } / 1e6, "ms")
            var found = 0
            add("\(name), all\(suffix)", try cpu { found = try count(snapshot, filter, limit: .max) } / 1e6, "ms")
            add("\(name), traces\(suffix)", Double(found), "")
        }
        var services = 0
        let time = try cpu {
            services = try snapshot.values(
                of: .attribute(.resource, "service.name"), where: .everything, range: .everything, limit: 1000,
                cancellation: Cancellation()
            ).count
        }
        add("\(services) services\(suffix)", time / 1e6, "ms")
    }

    /// Traces with a span that passes, until there are `limit`.
    private func count(_ snapshot: SpanEngineSnapshot, _ filter: SpanFilter, limit: Int) throws -> Int {
        let selection = try snapshot.select(
            SpanRequest(
                filters: [filter], range: .everything, grouping: .matchesByTrace,
                fields: [.intrinsic(.duration), .intrinsic(.name)]))
        var found = 0
        for part in 0..<selection.partCount where found < limit {
            let block = try selection.open(part)
            for trace in block.traceStarts.indices.dropLast() {
                _ = try block.summary(trace)
                found += 1
            }
            if block.rowCount > 0 { _ = try block.column(.intrinsic(.duration)) }
        }
        return found
    }

    private func add(_ name: String, _ value: Double, _ unit: String) {
        measures.append(Measure(name: name, value: value, unit: unit))
    }

    private func cpu(_ body: () throws -> Void) rethrows -> Double {
        let start = threadCPUNanoseconds()
        try body()
        return threadCPUNanoseconds() - start
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
    let name = "traces/0/benchmark"
    private var buffer = ByteBuffer(capacity: 1 << 20)

    var count: Int { buffer.count }
    var size: Int { buffer.count }
    func append(_ bytes: UnsafeRawBufferPointer) { buffer.append(bytes) }
    func finish() {}
    func bytes(_ range: Range<Int>) throws -> ObjectBytes {
        ObjectBytes(UnsafeRawBufferPointer(rebasing: buffer.bytes[range]), owner: self)
    }
}
