import Bedrock
import Model
import PromQL
import Transport

/// What the query APIs read, given by whoever wires the server together. All closures are thread-safe and quick unless said otherwise.
public struct QueryDependencies: Sendable {
    public var source: any SeriesSource
    public var engine = EngineOptions()
    /// What the Loki API reads; without it, there is none.
    public var logs: (any LogSource)?
    /// What is being written, for tails; without it, there are none.
    public var feed: (any LogFeed)?
    /// Takes requests for the deletion of logs; without it, none are taken.
    public var deletions: (any LogDeletions)?
    public var logOptions = LogQueryOptions()
    /// What the Tempo and Jaeger APIs read; without it, there are none.
    public var spans: (any SpanSource)?
    public var traceOptions = TraceQueryOptions()
    /// Whose data a request may see.
    public var tenant: @Sendable (HTTPRequest) -> Tenant = { _ in .default }
    /// Until it says so, the APIs answer 503.
    public var isReady: @Sendable () -> Bool = { true }
    public var targets: @Sendable () -> TargetsStatus = { TargetsStatus() }
    /// The configuration in force, as YAML.
    public var configuration: @Sendable () -> String = { "" }
    /// The settings in force, by flag name.
    public var flags: @Sendable () -> [(name: String, value: String)] = { [] }
    public var runtime: @Sendable () -> RuntimeStatus = { RuntimeStatus() }
    public var build = BuildStatus()
    /// Counts of what is stored, each list cut to so many entries; nil: counted from `source`. May take long: called on a query thread.
    public var storage: (@Sendable (_ limit: Int) throws -> StorageStatus)?
    public var replay: @Sendable () -> ReplayStatus = { ReplayStatus() }
    /// The server's own metrics in Prometheus' text format; called on a query thread.
    public var metrics: @Sendable () -> [UInt8] = { [] }
    /// Added to federated series that don't have them.
    public var externalLabels = Labels.empty
    public var observer: (any QueryObserver)?
    public var logger = Logger("query")
    public var clock: any ClockSource = SystemClock()

    public init(source: any SeriesSource) { self.source = source }
}

/// The limits of the query APIs.
public struct QueryOptions: Sendable {
    /// Queries evaluated at once, each on a thread of its own.
    public var concurrencyMax = 20
    /// Queries that wait for a thread; further ones are answered with 503.
    public var waitingMax = 256
    /// Longest time a query may take, its wait included; a request may ask for less.
    public var timeoutSeconds = 120.0
    /// Queries that take longer are logged; nil logs none.
    public var slowQuerySeconds: Double? = 5
    /// Bytes of a query's text in the log.
    public var loggedQueryBytesMax = 2000
    /// Bytes of a form body.
    public var bodyMax = 4 << 20

    public init() {}
}

/// A finished query, for metrics.
public struct QueryRecord: Sendable {
    /// The last part of its path, such as `query_range`.
    public var endpoint: String
    public var status: Int
    public var waitedSeconds: Double
    /// From a thread's taking it up to the answer's being written.
    public var seconds: Double
    public var samplesRead: Int
    public var seriesSelected: Int
}

/// Told of every query, to count it. Called on query threads, often from several at once: it must not block.
public protocol QueryObserver: Sendable {
    func queryFinished(_ record: QueryRecord)
    /// Turned away, because too many are waiting.
    func queryRefused(endpoint: String)
}
