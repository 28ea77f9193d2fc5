import Bedrock
import LSM
import Model

/// LogQL's view of an engine's logs. Thread-safe.
public struct LogEngineSource: LogSource {
    private let engine: SignalEngine<LogFormat>

    public init(_ engine: SignalEngine<LogFormat>) { self.engine = engine }

    public func snapshot(tenant: Tenant) throws -> any LogSnapshot {
        let damage = engine.damage
        return try LogEngineSnapshot(engine.snapshot(), tenant: tenant) { damage.report($0) }
    }
}

/// One consistent view of a tenant's logs: an engine's snapshot with its memtables pinned. Thread-safe.
struct LogEngineSnapshot: LogSnapshot {
    /// Older ones first, shard by shard.
    let runs: [StoredRun]
    /// Rows before this are not served; nanoseconds.
    let retentionStart: Int64
    let report: @Sendable (SegmentDamage) -> Void

    init(
        _ runs: [StoredRun], retentionStart: Int64 = .min,
        report: @escaping @Sendable (SegmentDamage) -> Void = { _ in }
    ) {
        self.runs = runs
        self.retentionStart = retentionStart
        self.report = report
    }

    init(
        _ snapshot: EngineSnapshot<LogFormat>, tenant: Tenant, report: @escaping @Sendable (SegmentDamage) -> Void
    ) throws {
        var runs: [StoredRun] = []
        for shard in snapshot.shards {
            let tombstones = shard.tombstones.filter { $0.tenant == tenant }
            let hides = try tombstones.map { (offset: $0.offset, hide: try LogHide($0)) }
            for handle in shard.segments where handle.record.tenant == tenant {
                runs.append(
                    StoredRun(
                        handle.segment, handle: handle,
                        hides: hides.filter { $0.offset > handle.record.lastOffset }.map(\.hide)))
            }
            for (table, lastOffset) in zip(shard.memtables, shard.memtableOffsets) {
                let own = hides.filter { $0.offset == .max || $0.offset > lastOffset }.map(\.hide)
                if let run = StoredRun(table, tenant: tenant, hides: own) { runs.append(run) }
            }
        }
        self.init(runs, retentionStart: NanosecondTime.nanoseconds(snapshot.retentionStart), report: report)
    }

    /// What is left of a range, as first and last nanosecond; nil when nothing is.
    func clipped(_ range: LogTimeRange) -> (first: Int64, last: Int64)? {
        guard !range.isEmpty else { return nil }
        let first = max(range.start, retentionStart)
        return first <= range.end - 1 ? (first, range.end - 1) : nil
    }

    func select(_ request: LogRequest) throws -> any LogSelection {
        try request.cancellation.check()
        let selection = SelectionBuilder(request, report: report)
        if let (first, last) = clipped(request.range) {
            selection.first = first
            selection.last = last
            for run in runs where run.overlaps(first, through: last) { try selection.add(run) }
        }
        return selection.finish()
    }

    // MARK: Streams

    func streams(matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws -> [Labels] {
        var found: Set<Labels> = []
        try forEachStream(sets, range, cancellation) { found.insert(Labels(canonical: $0)) }
        return found.sorted()
    }

    func labelNames(matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws -> [String] {
        var found: Set<[UInt8]> = []
        try forEachStream(sets, range, cancellation) { labels in
            var cursor = LabelCursor(labels)
            while cursor.next() { found.insert(Array(cursor.name)) }
        }
        return Self.sorted(found)
    }

    func labelValues(
        _ name: String, matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation
    ) throws -> [String] {
        let wanted = Array(name.utf8)
        var found: Set<[UInt8]> = []
        try forEachStream(sets, range, cancellation) { labels in
            var cursor = LabelCursor(labels)
            while cursor.next() { if wanted.elementsEqual(cursor.name) { found.insert(Array(cursor.value)) } }
        }
        return Self.sorted(found)
    }

    private static func sorted(_ found: Set<[UInt8]>) -> [String] {
        found.sorted { $0.lexicographicallyPrecedes($1) }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `body` for every stream that passes one of the sets and may have rows in the range; for the same stream perhaps several times.
    private func forEachStream(
        _ sets: [[Matcher]], _ range: LogTimeRange, _ cancellation: Cancellation,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) throws {
        guard let (first, last) = clipped(range) else { return }
        for run in runs where run.overlaps(first, through: last) {
            for matchers in sets.isEmpty ? [[]] : sets {
                try cancellation.check()
                switch run.storage {
                case .segment(let segment, _):
                    try forEachStream(segment, run.hides, matchers, first, last, body)
                case .memtable(let pin, let table):
                    let matcher = StreamMatcher(matchers)
                    for number in 0..<table.streams.count {
                        let stream = table.streams.pointer(number)
                        guard matcher.matches(stream.pointee.labels) else { continue }
                        let hides = run.hides.filter { $0.matches(stream.pointee.labels) }
                        let spans = pin.spans(stream, first: first, last: last, rowsMax: .max)
                        let isThere = spans.contains { span in
                            span.overlaps(first, through: last)
                                && !hides.contains { $0.covers(span.firstTime, through: span.lastTime) }
                        }
                        if isThere { body(stream.pointee.labels) }
                    }
                }
            }
        }
    }

    private func forEachStream(
        _ segment: LogSegment, _ hides: [LogHide], _ matchers: [Matcher], _ first: Int64, _ last: Int64,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) throws {
        let index = try segment.index()
        for damage in index.damages { report(damage) }
        let matched = segment.streams(matchers, index)
        var seen = [Bool](repeating: false, count: matched.passes.count)
        for block in index.blocks where block.lastTime >= first && block.firstTime <= last {
            for run in block.runs where run.lastTime >= first && run.firstTime <= last {
                let stream = Int(run.stream)
                guard matched.passes[stream], !seen[stream], let labels = index.labels[stream] else { continue }
                if hides.contains(where: { $0.covers(run.firstTime, through: run.lastTime) && $0.matches(labels) }) {
                    continue
                }
                seen[stream] = true
                body(labels)
            }
        }
    }
}

extension LogMemtablePin.Span {
    func overlaps(_ first: Int64, through last: Int64) -> Bool { lastTime >= first && firstTime <= last }
}
