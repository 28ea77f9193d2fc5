import Bedrock
import Kernels
import Model

/// What an engine is set to. Plain values.
public struct LogQLEngineOptions: Sendable {
    /// Series that a metric query may give.
    public var seriesMax = 500
    /// Points per series that a range query may ask for.
    public var stepsMax = 11_000
    /// Rows and points that a query may hold at once.
    public var samplesMax = 50_000_000
    /// Lines of one page.
    public var linesMax = 100_000
    /// Threads that queries are split over; nil: a pool of the engine's own, as wide as the machine.
    public var pool: QueryPool?
    public var clock: any ClockSource = SystemClock()

    public init() {}
}

/// Evaluates LogQL over a `LogSource`. Immutable and thread-safe; queries may run side by side.
///
/// Times are nanoseconds since the Unix epoch.
public struct LogQLEngine: Sendable {
    public let options: LogQLEngineOptions
    private let pool: QueryPool

    public init(_ options: LogQLEngineOptions = LogQLEngineOptions()) {
        self.options = options
        pool = options.pool ?? QueryPool(threads: QueryPool.coreCount)
    }

    /// One page of the lines that `query` selects.
    ///
    /// - Parameters:
    ///   - limit: lines of the page, cut to `options.linesMax`.
    ///   - after: the `next` of the page before; the query, the range and the direction must be the same.
    /// - Throws: `LogQLQueryError`.
    public func streams(
        _ query: LogQuery, range: LogTimeRange, limit: Int, direction: LogDirection = .backward,
        after: LogCursor? = nil, source: any LogSource, tenant: Tenant = .default,
        cancellation: Cancellation = Cancellation()
    ) throws(LogQLQueryError) -> LogStreamsResult {
        try answering { () throws -> LogStreamsResult in
            let context = try context(source, tenant, cancellation)
            let reader = try PageReader(
                context, query, range: range, limit: max(0, min(limit, options.linesMax)), direction: direction,
                after: after)
            return try reader.page()
        }
    }

    /// Evaluates `expression` at one time.
    /// - Throws: `LogQLQueryError`.
    public func instant(
        _ expression: MetricExpr, at time: Int64, source: any LogSource, tenant: Tenant = .default,
        cancellation: Cancellation = Cancellation()
    ) throws(LogQLQueryError) -> LogQLResult {
        try answering { () throws -> LogQLResult in
            let grid = try LogGrid(checking: time, time, step: 1, stepsMax: 1)
            let evaluator = MetricEvaluator(
                try context(source, tenant, cancellation), grid, isInstant: true, seriesMax: options.seriesMax)
            return try evaluator.result(expression)
        }
    }

    /// Evaluates `expression` at `start`, `start + step`, … up to `end`.
    /// - Throws: `LogQLQueryError`, also for too many steps.
    public func range(
        _ expression: MetricExpr, start: Int64, end: Int64, step: Int64, source: any LogSource,
        tenant: Tenant = .default, cancellation: Cancellation = Cancellation()
    ) throws(LogQLQueryError) -> LogQLResult {
        try answering { () throws -> LogQLResult in
            let grid = try LogGrid(checking: start, end, step: step, stepsMax: options.stepsMax)
            let evaluator = MetricEvaluator(
                try context(source, tenant, cancellation), grid, isInstant: false, seriesMax: options.seriesMax)
            return try evaluator.result(expression)
        }
    }

    private func context(
        _ source: any LogSource, _ tenant: Tenant, _ cancellation: Cancellation
    ) throws -> LogQueryContext {
        LogQueryContext(
            snapshot: try source.snapshot(tenant: tenant), pool: pool,
            budget: QueryBudget(samplesMax: options.samplesMax), cancellation: cancellation, clock: options.clock)
    }

    private func answering<R>(_ body: () throws -> R) throws(LogQLQueryError) -> R {
        do { return try body() } catch { throw LogQLQueryError(error) }
    }
}

/// What all parts of one query's evaluation share. Thread-safe.
final class LogQueryContext: Sendable {
    let snapshot: any LogSnapshot
    let pool: QueryPool
    let budget: QueryBudget
    let cancellation: Cancellation
    let clock: any ClockSource
    private let scanned = StatisticsSum()

    init(
        snapshot: any LogSnapshot, pool: QueryPool, budget: QueryBudget, cancellation: Cancellation,
        clock: any ClockSource
    ) {
        self.snapshot = snapshot
        self.pool = pool
        self.budget = budget
        self.cancellation = cancellation
        self.clock = clock
    }

    /// Adds what a finished selection read.
    func note(_ selection: any LogSelection) { scanned.add(selection.statistics) }

    var statistics: LogScanStatistics { scanned.value }

    /// The rows that `pushdown` leaves to the source to find.
    func select(_ pushdown: Pushdown, _ range: LogTimeRange) throws -> any LogSelection {
        try snapshot.select(
            LogRequest(
                matchers: pushdown.matchers, range: range, filters: pushdown.filters,
                metadataMatchers: pushdown.metadataMatchers, budget: budget, cancellation: cancellation))
    }
}
