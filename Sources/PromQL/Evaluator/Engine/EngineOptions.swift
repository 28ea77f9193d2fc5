import Bedrock

/// How an engine evaluates, the same for all its queries.
public struct EngineOptions: Sendable {
    /// How old a sample an instant selector may use, in milliseconds; a sample exactly this old is too old.
    public var lookbackMilliseconds: Int64 = 300_000
    /// The ceiling on samples and intermediate points a query may hold at once.
    public var samplesMax = 50_000_000
    /// The most steps of a range query.
    public var stepsMax = 11_000
    /// The step of subqueries that name none, in milliseconds.
    public var subqueryStepMilliseconds: Int64 = 60_000
    /// Mark metric names for removal and remove them at the very end, so that `label_replace` can still see them.
    public var delaysNameRemoval = false
    /// Series carry `__type__` and `__unit__`: the counter check of `rate` goes by the type instead of the name's ending.
    public var usesTypeAndUnitLabels = false
    /// The threads that wide queries are split over; nil: one per core, shared by all queries of the engine.
    public var pool: QueryPool?
    /// Where timings come from.
    public var clock: any ClockSource = SystemClock()

    public init() {}
}
