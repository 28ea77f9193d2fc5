import Bedrock
import Model

/// Evaluates PromQL expressions over a `SeriesSource`. Immutable and thread-safe; queries may run side by side.
///
/// An expression is evaluated for all steps at once: every intermediate value is a table of series × steps in columns.
public struct Engine: Sendable {
    public let options: EngineOptions
    private let pool: QueryPool

    public init(_ options: EngineOptions = EngineOptions()) {
        self.options = options
        pool = options.pool ?? QueryPool(threads: QueryPool.coreCount)
    }

    /// Evaluates `expression` at one time.
    ///
    /// - Parameters:
    ///   - expression: as the parser made it (well typed, bounded in depth).
    ///   - timestamp: milliseconds since the Unix epoch.
    /// - Throws: `QueryError`.
    public func instant(
        _ expression: Expr, at timestamp: Int64, source: any SeriesSource, tenant: Tenant = .default,
        cancellation: Cancellation = Cancellation()
    ) throws(QueryError) -> QueryResult {
        let grid = try StepGrid(checking: timestamp, timestamp, step: 1, stepsMax: 1)
        return try run(expression, grid, step: 0, end: timestamp, isInstant: true, source, tenant, cancellation)
    }

    /// Evaluates `expression` at `start`, `start + step`, … up to `end`, all in milliseconds.
    ///
    /// - Throws: `QueryError`, also for an expression that is neither scalar nor instant vector, and for too many steps.
    public func range(
        _ expression: Expr, start: Int64, end: Int64, step: Int64, source: any SeriesSource, tenant: Tenant = .default,
        cancellation: Cancellation = Cancellation()
    ) throws(QueryError) -> QueryResult {
        guard expression.type == .scalar || expression.type == .vector else {
            throw .execution(
                "invalid expression type \"\(expression.type.documentedName)\" for range query, must be Scalar or instant Vector"
            )
        }
        let grid = try StepGrid(checking: start, end, step: step, stepsMax: options.stepsMax)
        return try run(expression, grid, step: step, end: end, isInstant: false, source, tenant, cancellation)
    }

    private func run(
        _ expression: Expr, _ grid: StepGrid, step: Int64, end: Int64, isInstant: Bool, _ source: any SeriesSource,
        _ tenant: Tenant, _ cancellation: Cancellation
    ) throws(QueryError) -> QueryResult {
        do {
            let began = options.clock.monotonicNanoseconds()
            let snapshot = try source.snapshot(tenant: tenant)
            let context = QueryContext(
                options: options, pool: pool, snapshot: snapshot, cancellation: cancellation, grid: grid, end: end,
                step: step)
            let prepared = options.clock.monotonicNanoseconds()
            let evaluator = Evaluator(context, grid: grid)
            let value = isInstant ? try evaluator.instantResult(expression) : try evaluator.rangeResult(expression)
            let done = options.clock.monotonicNanoseconds()
            let statistics = context.statistics(
                prepareNanoseconds: prepared - began, evaluateNanoseconds: done - prepared)
            let (warnings, infos) = context.annotations.sorted()
            return QueryResult(value: value, warnings: warnings, infos: infos, statistics: statistics)
        } catch {
            throw QueryError(error)
        }
    }
}
