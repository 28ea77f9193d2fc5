import Bedrock
import Kernels
import Model
import Synchronization

/// What an engine is set to. Plain values.
public struct TraceQLEngineOptions: Sendable {
    /// Traces of one answer.
    public var tracesMax = 1000
    /// Spans shown of one set.
    public var spansPerSetMax = 1000
    /// Series of one metrics query.
    public var seriesMax = 10_000
    /// Intervals of one metrics query.
    public var intervalsMax = 11_000
    /// Spans that a query may look at, and points that it may hold.
    public var spansMax = 500_000_000
    /// Exemplars of one series.
    public var exemplarsMax = 100
    /// Attributes that `compare()` looks at.
    public var comparedAttributesMax = 256
    /// Threads that queries are split over; nil: a pool of the engine's own, as wide as the machine.
    public var pool: QueryPool?

    public init() {}
}

/// Evaluates TraceQL over a `SpanSource`. Immutable and thread-safe; queries may run side by side.
///
/// Times are nanoseconds since the Unix epoch.
public struct TraceQLEngine: Sendable {
    public let options: TraceQLEngineOptions
    private let pool: QueryPool

    public init(_ options: TraceQLEngineOptions = TraceQLEngineOptions()) {
        self.options = options
        pool = options.pool ?? QueryPool(threads: QueryPool.coreCount)
    }

    /// Traces with spans that `query` selects, newest first.
    ///
    /// Looks at newer parts of the store first and stops once `limit` traces are found, which are then not all of the newest; with the
    /// query's hint `most_recent=true` they are.
    /// - Parameters:
    ///   - range: of the starts of spans.
    ///   - limit: traces, cut to `options.tracesMax`.
    ///   - spansPerSet: spans shown of each set, the first by start, cut to `options.spansPerSetMax`; 0: as many as that.
    /// - Throws: `TraceQLQueryError`; also for a metrics query.
    public func search(
        _ query: TraceQLQuery, range: SpanTimeRange, limit: Int = 20, spansPerSet: Int = 3, source: any SpanSource,
        tenant: Tenant = .default, cancellation: Cancellation = Cancellation()
    ) throws(TraceQLQueryError) -> TraceQLSearchResult {
        try answering { () throws -> TraceQLSearchResult in
            guard case .spans(let pipeline) = query.expression else {
                throw TraceQLQueryError.execution("this query gives series, not traces")
            }
            let spans = spansPerSet <= 0 ? options.spansPerSetMax : min(spansPerSet, options.spansPerSetMax)
            let search = try TraceSearch(
                context(source, tenant, cancellation), SpansetPlan(pipeline), range: range,
                limit: max(0, min(limit, options.tracesMax)), spansPerSet: spans,
                isExact: query.hint("most_recent") == .bool(true))
            return try search.run()
        }
    }

    /// Series of `query` with samples at the ends of intervals of `step`. The range is widened to multiples of it; an interval holds the
    /// spans that start in it, its end included and its start not.
    ///
    /// The hint `exemplars=false` does without exemplars, `exemplars=20` asks for so many; `sample` is taken and ignored: answers are exact.
    /// - Parameter exemplars: of each series at most, cut to `options.exemplarsMax`.
    /// - Throws: `TraceQLQueryError`; also for a query that gives traces, and for too many intervals or series.
    public func metrics(
        _ query: TraceQLQuery, start: Int64, end: Int64, step: Int64, exemplars: Int = 0, source: any SpanSource,
        tenant: Tenant = .default, cancellation: Cancellation = Cancellation()
    ) throws(TraceQLQueryError) -> TraceQLMetricsResult {
        try answering { () throws -> TraceQLMetricsResult in
            let grid = try IntervalGrid(aligning: start, end, step: step, intervalsMax: options.intervalsMax)
            return try metrics(query, grid, exemplars, context(source, tenant, cancellation))
        }
    }

    /// One value for each series, of all spans that start in the range: its end included, its start not. As `metrics` otherwise.
    public func instant(
        _ query: TraceQLQuery, start: Int64, end: Int64, source: any SpanSource, tenant: Tenant = .default,
        cancellation: Cancellation = Cancellation()
    ) throws(TraceQLQueryError) -> TraceQLMetricsResult {
        try answering { () throws -> TraceQLMetricsResult in
            let grid = try IntervalGrid(whole: start, end)
            return try metrics(query, grid, 0, context(source, tenant, cancellation))
        }
    }

    private func metrics(
        _ query: TraceQLQuery, _ grid: IntervalGrid, _ exemplars: Int, _ context: TraceQueryContext
    ) throws -> TraceQLMetricsResult {
        guard case .metrics(let expr) = query.expression else {
            throw TraceQLQueryError.execution("this query gives traces, not series")
        }
        var wanted = exemplars
        switch query.hint("exemplars") {
        case .bool(false)?: wanted = 0
        case .bool(true)?: wanted = max(wanted, 1)
        case .int(let count)?: wanted = Int(clamping: max(0, count))
        default: break
        }
        let evaluator = MetricsEvaluator(
            context, grid, exemplars: min(wanted, options.exemplarsMax), seriesMax: options.seriesMax,
            attributesMax: options.comparedAttributesMax)
        return try evaluator.result(expr)
    }

    private func context(
        _ source: any SpanSource, _ tenant: Tenant, _ cancellation: Cancellation
    ) throws -> TraceQueryContext {
        TraceQueryContext(
            snapshot: try source.snapshot(tenant: tenant), pool: pool,
            budget: QueryBudget(samplesMax: options.spansMax), cancellation: cancellation)
    }

    private func answering<R>(_ body: () throws -> R) throws(TraceQLQueryError) -> R {
        do { return try body() } catch { throw TraceQLQueryError(error) }
    }
}

/// What all parts of one query's evaluation share. Thread-safe.
final class TraceQueryContext: Sendable {
    let snapshot: any SpanSnapshot
    let pool: QueryPool
    let budget: QueryBudget
    let cancellation: Cancellation
    private let sum = Mutex((traces: 0, statistics: SpanScanStatistics()))

    init(snapshot: any SpanSnapshot, pool: QueryPool, budget: QueryBudget, cancellation: Cancellation) {
        self.snapshot = snapshot
        self.pool = pool
        self.budget = budget
        self.cancellation = cancellation
    }

    func select(
        _ filters: [SpanFilter], _ range: SpanTimeRange, _ grouping: SpanRequest.Grouping, _ fields: [SpanField]
    ) throws -> any SpanSelection {
        try snapshot.select(
            SpanRequest(
                filters: filters, range: range, grouping: grouping, fields: fields, budget: budget,
                cancellation: cancellation))
    }

    /// Adds what a finished selection read.
    func note(_ selection: any SpanSelection) { sum.withLock { $0.statistics.add(selection.statistics) } }
    func note(traces: Int) { sum.withLock { $0.traces += traces } }

    var statistics: SpanScanStatistics { sum.withLock { $0.statistics } }
    var inspectedTraces: Int { sum.withLock { $0.traces } }
}
