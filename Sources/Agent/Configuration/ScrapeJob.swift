/// `global` of a configuration file, as far as it concerns the agent. Durations are milliseconds.
public struct GlobalConfiguration: Equatable, Sendable {
    public var scrapeInterval: Int64 = 60_000
    public var scrapeTimeout: Int64 = 10_000
    /// Asked for by `evaluation_interval`; the rules' business, kept here because the key stands in `global`.
    public var evaluationInterval: Int64 = 60_000
    /// Added to everything sent away, where a series has no such label of its own. Sorted by name.
    public var externalLabels: [LabelPair] = []

    public init() {}
}

/// A label in a configuration.
public struct LabelPair: Equatable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One entry of `scrape_configs`, checked, with defaults filled in. Durations are milliseconds.
public struct ScrapeJob: Equatable, Sendable {
    public var name: String
    public var interval: Int64
    public var timeout: Int64
    public var metricsPath = "/metrics"
    public var scheme = ScrapeScheme.http
    /// URL parameters, each with its values, in the file's order.
    public var parameters: [ScrapeParameter] = []
    public var honorLabels = false
    public var honorTimestamps = true
    /// Whether series with timestamps of their own get staleness markers, too.
    public var tracksTimestampsStaleness = false
    public var staticTargets: [TargetGroup] = []
    public var fileDiscovery: [FileDiscovery] = []
    public var remoteDiscovery: [RemoteDiscovery] = []
    public var relabelRules: [RelabelRule] = []
    public var metricRelabelRules: [RelabelRule] = []
    public var http = ScrapeHTTP()
    public var limits = ScrapeLimits()
    /// What to ask for, best first.
    public var protocols: [ScrapeProtocol] = ScrapeProtocol.standard
    /// What to read an answer as that doesn't say what it is.
    public var fallbackProtocol: ScrapeProtocol?

    /// Nothing is stored of the job's targets before their first successful scrape: for what may or may not be there.
    public var isOptional = false

    public init(name: String, interval: Int64, timeout: Int64) {
        self.name = name
        self.interval = interval
        self.timeout = timeout
    }
}

public enum ScrapeScheme: String, Sendable, CaseIterable {
    case http, https
}

public struct ScrapeParameter: Equatable, Sendable {
    public var name: String
    public var values: [String]

    public init(_ name: String, _ values: [String]) {
        self.name = name
        self.values = values
    }
}

/// Addresses that share labels, as `static_configs` and discovery files list them.
public struct TargetGroup: Equatable, Sendable {
    /// Values of `__address__`.
    public var addresses: [String]
    public var labels: [LabelPair]

    public init(addresses: [String], labels: [LabelPair] = []) {
        self.addresses = addresses
        self.labels = labels
    }
}

/// One entry of `file_sd_configs`.
public struct FileDiscovery: Equatable, Sendable {
    /// Paths; the last part may hold `*`.
    public var files: [String]
    /// How often the files are read even though they look unchanged. Milliseconds.
    public var refreshInterval: Int64 = 300_000

    public init(files: [String]) { self.files = files }
}

/// How a job's targets are reached.
public struct ScrapeHTTP: Equatable, Sendable {
    public enum Credentials: Equatable, Sendable {
        case none
        case basic(user: String, password: SecretSource?)
        /// The header `Authorization: <type> <credentials>`.
        case authorization(type: String, SecretSource)
    }

    public var credentials = Credentials.none
    public var tls = ScrapeTLS()
    public var followsRedirects = true
    public var asksForCompression = true
    public var proxy: String?

    public init() {}
}

/// `tls_config`.
public struct ScrapeTLS: Equatable, Sendable {
    public var authoritiesFile: String?
    public var certificateFile: String?
    public var keyFile: String?
    public var serverName: String?
    public var skipsVerification = false

    public init() {}
}

/// What a scrape may bring. 0 means no limit.
public struct ScrapeLimits: Equatable, Sendable {
    /// Bytes of an uncompressed answer.
    public var bodyBytesMax = 0
    /// Samples after metric relabelling.
    public var samplesMax = 0
    public var labelsMax = 0
    public var labelNameBytesMax = 0
    public var labelValueBytesMax = 0
    /// Targets of the job after relabelling.
    public var targetsMax = 0
    /// Dropped targets that are remembered for display.
    public var droppedTargetsKept = 0

    /// No answer may be larger, whatever the configuration says.
    public static let bodyBytesCeiling = 256 << 20

    public init() {}
}

/// A format of exposition, under Prometheus' name for it.
public enum ScrapeProtocol: String, Sendable, CaseIterable {
    case text004 = "PrometheusText0.0.4"
    case text100 = "PrometheusText1.0.0"
    case openMetrics001 = "OpenMetricsText0.0.1"
    case openMetrics100 = "OpenMetricsText1.0.0"

    public static let standard: [ScrapeProtocol] = [.openMetrics100, .openMetrics001, .text100, .text004]

    /// The media range for an `Accept` header, without weight.
    public var mediaRange: String {
        switch self {
        case .text004: "text/plain;version=0.0.4"
        case .text100: "text/plain;version=1.0.0;escaping=allow-utf-8"
        case .openMetrics001: "application/openmetrics-text;version=0.0.1"
        case .openMetrics100: "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
        }
    }

    /// An `Accept` header for these, best first; the weights fall by a tenth, as in Prometheus.
    public static func accept(_ protocols: [ScrapeProtocol]) -> String {
        var weight = protocols.count + 1
        var parts: [String] = []
        for item in protocols {
            parts.append("\(item.mediaRange);q=0.\(weight)")
            weight -= 1
        }
        return (parts + ["*/*;q=0.\(weight)"]).joined(separator: ",")
    }
}
