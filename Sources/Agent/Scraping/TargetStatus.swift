import Model

/// A target as `/api/v1/targets` shows it.
public struct TargetStatus: Sendable, Equatable {
    public enum Health: String, Sendable {
        case unknown, up, down
    }

    /// Before relabelling, `__meta_…` and `__address__` included.
    public var discoveredLabels: Labels
    public var labels: Labels
    /// The job's name.
    public var scrapePool: String
    public var scrapeURL: String
    /// `scrapeURL` as seen from elsewhere: the host's name for loopback addresses.
    public var globalURL: String
    /// Empty when the last scrape succeeded.
    public var lastError: String
    /// When the last scrape began, milliseconds since the epoch; nil before the first one.
    public var lastScrape: Int64?
    public var lastScrapeSeconds: Double
    public var health: Health
    /// Milliseconds.
    public var scrapeInterval: Int64
    public var scrapeTimeout: Int64
}

/// All targets, sorted by job and labels.
public struct TargetStatuses: Sendable, Equatable {
    /// A target that relabelling dropped.
    public struct Dropped: Sendable, Equatable {
        public var discoveredLabels: Labels
        public var scrapePool: String
    }

    public var active: [TargetStatus] = []
    public var dropped: [Dropped] = []
    /// By job, also of those no longer kept.
    public var droppedCounts: [String: Int] = [:]

    public init() {}
}
