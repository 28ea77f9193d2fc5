import Model

/// Scrape targets, for `/api/v1/targets`.
public struct TargetsStatus: Sendable {
    public struct Active: Sendable {
        public var discoveredLabels: Labels
        public var labels: Labels
        public var scrapePool: String
        public var scrapeURL: String
        public var globalURL: String
        /// Empty when the last scrape succeeded.
        public var lastError: String
        /// Milliseconds since the epoch; nil before the first scrape.
        public var lastScrape: Int64?
        public var lastScrapeSeconds: Double
        /// `up`, `down` or `unknown`.
        public var health: String
        /// Milliseconds.
        public var scrapeInterval: Int64
        public var scrapeTimeout: Int64

        public init(
            discoveredLabels: Labels, labels: Labels, scrapePool: String, scrapeURL: String, globalURL: String,
            lastError: String = "", lastScrape: Int64? = nil, lastScrapeSeconds: Double = 0, health: String = "unknown",
            scrapeInterval: Int64, scrapeTimeout: Int64
        ) {
            self.discoveredLabels = discoveredLabels
            self.labels = labels
            self.scrapePool = scrapePool
            self.scrapeURL = scrapeURL
            self.globalURL = globalURL
            self.lastError = lastError
            self.lastScrape = lastScrape
            self.lastScrapeSeconds = lastScrapeSeconds
            self.health = health
            self.scrapeInterval = scrapeInterval
            self.scrapeTimeout = scrapeTimeout
        }
    }

    public struct Dropped: Sendable {
        public var discoveredLabels: Labels
        public var scrapePool: String

        public init(discoveredLabels: Labels, scrapePool: String) {
            self.discoveredLabels = discoveredLabels
            self.scrapePool = scrapePool
        }
    }

    /// In the order to show them.
    public var active: [Active]
    public var dropped: [Dropped]
    /// By scrape pool.
    public var droppedCounts: [String: Int]

    public init(active: [Active] = [], dropped: [Dropped] = [], droppedCounts: [String: Int] = [:]) {
        self.active = active
        self.dropped = dropped
        self.droppedCounts = droppedCounts
    }
}

/// For `/api/v1/status/buildinfo`.
public struct BuildStatus: Sendable {
    /// The version of Prometheus whose API this one is: clients such as Grafana choose what they ask for by it.
    public var version = "3.14.0"
    public var revision = ""
    public var branch = ""
    public var buildUser = ""
    public var buildDate = ""
    /// What the server is, in place of Prometheus' Go version.
    public var runtime = "swift"

    public init() {}
}

/// For `/api/v1/status/runtimeinfo`.
public struct RuntimeStatus: Sendable {
    /// Milliseconds since the epoch.
    public var startTime: Int64 = 0
    public var workingDirectory = ""
    public var hostname = ""
    public var isConfigurationLoaded = true
    /// Milliseconds since the epoch.
    public var configurationTime: Int64 = 0
    /// Blocks found corrupt.
    public var corruptionCount = 0
    public var threadCount = 0
    public var coreCount = 0
    /// As the operator wrote it.
    public var retention = ""

    public init() {}
}

/// For `/api/v1/status/tsdb`; lists are sorted by count, the largest first.
public struct StorageStatus: Sendable {
    public struct Count: Sendable, Equatable {
        public var name: String
        public var value: Int

        public init(_ name: String, _ value: Int) {
            self.name = name
            self.value = value
        }
    }

    public var seriesCount = 0
    public var labelPairCount = 0
    public var chunkCount = 0
    /// Milliseconds since the epoch.
    public var timeMin: Int64 = 0
    public var timeMax: Int64 = 0
    public var seriesByMetric: [Count] = []
    public var valuesByLabel: [Count] = []
    /// Bytes of the values' text.
    public var bytesByLabel: [Count] = []
    /// Names are `label=value`.
    public var seriesByPair: [Count] = []

    public init() {}
}

/// For `/api/v1/status/walreplay`.
public struct ReplayStatus: Sendable {
    public enum State: String, Sendable {
        case waiting
        case inProgress = "in progress"
        case done
    }

    /// Record offsets.
    public var first: UInt64 = 0
    public var last: UInt64 = 0
    public var current: UInt64 = 0
    public var state = State.done

    public init() {}
}
