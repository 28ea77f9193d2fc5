import Bedrock
import LSM
import Model
import Synchronization

/// What a request selected of a snapshot. Thread-safe.
final class StoreSelection: SpanSelection {
    /// A part before it is opened.
    struct Part: Sendable {
        var run: Int
        /// Nil in a memtable.
        var block: Int?
        /// Of a memtable's table.
        var traces: [Int] = []
        var firstStart: Int64
        var lastStart: Int64
    }

    let snapshot: SpanEngineSnapshot
    let request: SpanRequest
    let first: Int64
    let last: Int64
    let parts: [Part]
    /// Of blocks, and of memtables' traces.
    let partNumbers: [TracePlace: Int]
    /// Whether filters, or fields, look at whole traces.
    let filtersNeedTrace: Bool
    let needsTrace: Bool
    private let counters = Mutex(SpanScanStatistics())

    init(_ snapshot: SpanEngineSnapshot, _ request: SpanRequest) throws {
        self.snapshot = snapshot
        self.request = request
        let filterFields = request.filters.reduce(into: Set<SpanField>()) { $0.formUnion($1.fields) }
        filtersNeedTrace = filterFields.contains(where: Self.needsTrace)
        needsTrace = filtersNeedTrace || request.fields.contains(where: Self.needsTrace)
        var statistics = SpanScanStatistics()
        var parts: [Part] = []
        let clipped = snapshot.clipped(request.range)
        first = clipped?.first ?? 0
        last = clipped?.last ?? -1
        if let (first, last) = clipped {
            for (number, run) in snapshot.runs.enumerated() where run.overlaps(first, through: last) {
                try request.cancellation.check()
                switch run.storage {
                case .segment(let segment, _):
                    do {
                        try Self.add(segment, number, first, last, request, to: &parts, &statistics)
                    } catch let error as SegmentDamage {
                        snapshot.report(error)
                        statistics.damagedBlocks += segment.footer.blockCount
                    }
                case .memtable(_, let table): Self.add(table, number, first, last, to: &parts)
                }
            }
        }
        parts.sort { ($0.lastStart, $0.run, $0.block ?? 0) > ($1.lastStart, $1.run, $1.block ?? 0) }
        self.parts = parts
        var numbers: [TracePlace: Int] = [:]
        if request.grouping != .spans || needsTrace {
            for (number, part) in parts.enumerated() {
                if part.block != nil { numbers[TracePlace(run: part.run, block: part.block, trace: 0)] = number }
                for trace in part.traces { numbers[TracePlace(run: part.run, block: nil, trace: trace)] = number }
            }
        }
        partNumbers = numbers
        counters.withLock { $0 = statistics }
    }

    private static func needsTrace(_ field: SpanField) -> Bool {
        if case .intrinsic(let intrinsic) = field { intrinsic.needsTrace } else { false }
    }

    private static func add(
        _ segment: TraceSegment, _ run: Int, _ first: Int64, _ last: Int64, _ request: SpanRequest,
        to parts: inout [Part], _ statistics: inout SpanScanStatistics
    ) throws {
        let index = try segment.index()
        let pruner = BlockPruner(request.filters, index)
        statistics.segments += 1
        for (number, entry) in index.blocks.enumerated() {
            statistics.blocks += 1
            guard entry.lastStart >= first, entry.firstStart <= last, pruner.mayPass(entry) else {
                statistics.blocksPruned += 1
                continue
            }
            parts.append(
                Part(run: run, block: number, firstStart: entry.firstStart, lastStart: entry.lastStart))
        }
    }

    private static func add(_ table: SpanTable, _ run: Int, _ first: Int64, _ last: Int64, to parts: inout [Part]) {
        var traces: [(start: Int64, last: Int64, number: Int)] = []
        for number in 0..<table.traces.count {
            let trace = table.traces.pointer(number)
            let (start, end) = (
                trace.pointee.firstStart.load(ordering: .relaxed), trace.pointee.lastStart.load(ordering: .relaxed)
            )
            if end >= first, start <= last { traces.append((start, end, number)) }
        }
        traces.sort { ($0.start, $0.number) < ($1.start, $1.number) }
        // Spans of a trace on average, so that parts have about as many rows as a block.
        let mean = max(table.rows.count / max(table.traces.count, 1), 1)
        let size = max(TraceStoreLimits.memtablePartRowsMax / mean, 1)
        for from in stride(from: 0, to: traces.count, by: size) {
            let own = traces[from..<min(from + size, traces.count)]
            parts.append(
                Part(
                    run: run, block: nil, traces: own.map(\.number), firstStart: own.reduce(.max) { min($0, $1.start) },
                    lastStart: own.reduce(.min) { max($0, $1.last) }))
        }
    }

    var partCount: Int { parts.count }
    var statistics: SpanScanStatistics { counters.withLock { $0 } }

    func count(spans: Int = 0, bytes: Int = 0, damaged: Int = 0) {
        counters.withLock {
            $0.spansScanned += spans
            $0.bytesDecoded += bytes
            $0.damagedBlocks += damaged
        }
    }

    func open(_ part: Int) throws -> any SpanBlock {
        try request.cancellation.check()
        let opening = PartOpening(self, part)
        do { return try opening.open() } catch let error as SegmentDamage {
            snapshot.report(error)
            count(damaged: 1)
            return SelectedSpans(request)
        }
    }
}
