import Bedrock
import Kernels
import Model
import Synchronization

/// Finds traces: opens parts a wave at a time, newer ones first, until there are enough.
final class TraceSearch: Sendable {
    /// Span sets of one trace; `by()` may split a trace into as many as it has spans.
    static let setsMax = 1000
    /// Parts of a wave, in units of threads, at most.
    private static let waveGrowthMax = 16

    private let context: TraceQueryContext
    private let plan: SpansetPlan
    private let selection: any SpanSelection
    private let output: [SpanField]
    private let limit: Int
    private let spansPerSet: Int
    /// Every part is looked at, so that no newer trace is missed.
    private let isExact: Bool
    /// With `isExact`: starts of the newest traces so far, the oldest first, at most `limit`.
    private let newest = Mutex<[Int64]>([])

    init(
        _ context: TraceQueryContext, _ plan: SpansetPlan, range: SpanTimeRange, limit: Int, spansPerSet: Int,
        isExact: Bool
    ) throws {
        self.context = context
        self.plan = plan
        self.limit = limit
        self.spansPerSet = spansPerSet
        self.isExact = isExact
        output = plan.mentioned.filter { !Self.isGivenAnyway($0) }
        var fields = plan.computed
        for field in Self.own + output where !fields.contains(field) { fields.append(field) }
        selection = try context.select(
            plan.filters, range, plan.needsStructure ? .wholeTraces : .matchesByTrace, fields)
    }

    private static let own: [SpanField] = [.intrinsic(.spanID), .intrinsic(.name), .intrinsic(.duration)]

    /// What every span of an answer, or the summary of its trace, says.
    private static func isGivenAnyway(_ field: SpanField) -> Bool {
        switch field {
        case .intrinsic(.name), .intrinsic(.duration), .intrinsic(.spanID), .intrinsic(.traceID),
            .intrinsic(.traceDuration), .intrinsic(.rootName), .intrinsic(.rootServiceName), .intrinsic(.start):
            true
        default: false
        }
    }

    func run() throws -> TraceQLSearchResult {
        var found: [TraceMatch] = []
        var next = 0
        let parts = selection.partCount
        // Waves grow while nothing is found: then there is little to read too much of.
        var waveParts = context.pool.width * (isExact ? Self.waveGrowthMax : 1)
        while next < parts, limit > 0, isExact || found.count < limit {
            let wave = min(parts - next, waveParts)
            let results = Mutex([Int: [TraceMatch]]())
            try context.pool.run(wave) { [self, next] index in
                try context.cancellation.check()
                let matches = try scan(next + index)
                results.withLock { $0[index] = matches }
            }
            let finished = results.withLock { $0 }
            for index in 0..<wave { found += finished[index] ?? [] }
            if found.count > 4 * limit { found = newest(of: found) }
            next += wave
            if found.isEmpty { waveParts = min(2 * waveParts, Self.waveGrowthMax * context.pool.width) }
        }
        context.note(selection)
        return TraceQLSearchResult(
            traces: newest(of: found), inspectedTraces: context.inspectedTraces, statistics: context.statistics)
    }

    private func newest(of found: [TraceMatch]) -> [TraceMatch] {
        Array(found.sorted { Self.precedes($0.summary, $1.summary) }.prefix(limit))
    }

    /// Newer first, then by id.
    private static func precedes(_ a: TraceSummary, _ b: TraceSummary) -> Bool {
        a.start != b.start ? a.start > b.start : a.id < b.id
    }

    // MARK: One part

    private func scan(_ part: Int) throws -> [TraceMatch] {
        let block = try selection.open(part)
        context.note(traces: max(0, block.traceStarts.count - 1))
        if block.rowCount == 0 { return [] }
        let state = try SpansetEvaluation(plan, block, context.cancellation).run()
        let starts = block.traceStarts
        var matching: [(trace: Int, summary: TraceSummary)] = []
        for trace in 0..<starts.count - 1 {
            if trace & 1023 == 1023 { try context.cancellation.check() }
            guard state.rows[starts[trace]..<starts[trace + 1]].contains(1) else { continue }
            matching.append((trace, try block.summary(trace)))
        }
        matching.sort { Self.precedes($0.summary, $1.summary) }
        let wanted = matching.prefix(limit)
        let oldest = isExact ? admit(wanted.map(\.summary.start)) : .min
        let writer = try wanted.isEmpty ? nil : MatchWriter(block, state, output, spansPerSet: spansPerSet)
        var matches: [TraceMatch] = []
        for (trace, summary) in wanted where summary.start >= oldest {
            try context.cancellation.check()
            if let writer {
                matches.append(
                    TraceMatch(summary: summary, spanSets: writer.sets(starts[trace]..<starts[trace + 1])))
            }
        }
        return matches
    }

    /// Counts these in, and tells before which start no trace can be on the answer.
    private func admit(_ starts: [Int64]) -> Int64 {
        newest.withLock { newest in
            newest = Array((newest + starts).sorted().suffix(limit))
            return newest.count < limit ? .min : newest.first ?? .min
        }
    }
}
