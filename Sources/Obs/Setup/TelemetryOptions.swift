import Bedrock
import Transport

/// What a telemetry sends where, how often, and within which limits. `TelemetryOptions(environment:)` reads the `OTEL_*` variables.
public struct TelemetryOptions: Sendable {
    /// How an export's body is compressed.
    public enum Compression: String, Sendable {
        case none, gzip, zstd
    }

    /// Whether exported points tell of everything since the start, or since the export before (OTLP's temporality).
    public enum Temporality: String, Sendable {
        case cumulative
        /// For counters and histograms; sums that may fall stay cumulative.
        case delta
        /// As delta, but for asynchronous counters.
        case lowMemory = "lowmemory"
    }

    /// One signal's way out: OTLP over HTTP in protobuf.
    public struct Destination: Sendable {
        /// Whether the signal is exported at all.
        public var isEnabled = true
        /// Absolute URL, path and all.
        public var url: String
        public var headers: HTTPHeaders = .init()
        public var compression = Compression.gzip
        /// Of one try.
        public var timeoutSeconds = 10.0
        /// Trust and own certificate, for https.
        public var tls = HTTPCallOptions.TLS()

        public init(url: String) { self.url = url }
    }

    /// Bounds of what spans and log records may hold (OpenTelemetry's attribute and span limits); what is beyond is counted in the record.
    public struct RecordLimits: Sendable {
        public var attributesMax = 128
        public var eventsMax = 128
        public var linksMax = 128
        public var attributesPerEventMax = 128
        /// Texts are cut to this many bytes, at a character's border.
        public var valueBytesMax = 16 << 10

        public init() {}
    }

    /// Batching of spans or log records.
    public struct Batching: Sendable {
        /// Records waiting; further ones are dropped and counted.
        public var queueMax: Int
        public var batchMax = 1024
        /// Longest wait of a record before it is sent.
        public var delaySeconds: Double

        public init(queueMax: Int = 16_384, delaySeconds: Double) {
            self.queueMax = queueMax
            self.delaySeconds = delaySeconds
        }
    }

    /// Whether to do nothing: all calls work, nothing is recorded or sent.
    public var isDisabled = false
    /// What identifies this process; detected attributes are added where they don't clash.
    public var resource: Attributes = [:]
    public var detectsResource = true
    public var traces = Destination(url: "http://localhost:4318/v1/traces")
    public var metrics = Destination(url: "http://localhost:4318/v1/metrics")
    public var logs = Destination(url: "http://localhost:4318/v1/logs")

    public var metricIntervalSeconds = 60.0
    public var temporality = Temporality.cumulative
    /// What histograms are unless they, or a view, say otherwise.
    public var views: [View] = []
    /// Most series of a metric.
    public var cardinalityLimit = 2000
    /// Whether to export the process' own metrics (CPU, memory, descriptors, threads).
    public var exportsProcessMetrics = true

    public var sampler = Sampler.parentBased(root: .alwaysOn)
    public var propagators: [Propagator] = [.traceContext, .baggage]
    public var spanLimits = RecordLimits()
    public var spans = Batching(delaySeconds: 5)
    public var logLimits = RecordLimits()
    public var logRecords = Batching(delaySeconds: 1)
    public var lowestSeverity = Severity.info
    /// Memory of all spans and log records that are open or wait to be sent, bytes; reserved at the start, used as needed.
    public var recordBytesMax = 32 << 20
    /// A batch that could not be sent for so long is dropped.
    public var retrySecondsMax = 300.0
    public var retry = RetryPolicy(firstSeconds: 0.5, secondsMax: 30)
    public var budget: TelemetryBudget?

    /// Told of each different problem once, on any thread; writes to standard error by default.
    public var onProblem: @Sendable (TelemetryProblem) -> Void = { problem in
        StandardErrorSink().write("obs: \(problem.kind.rawValue): \(problem)")
    }
    public var clock: any ClockSource = SystemClock()
    /// Carries out exports; a pooled HTTP client by default.
    public var caller: (any HTTPCaller)?

    /// Problems met while reading settings; reported at the start.
    var problems: [String] = []

    public init() {}
}
