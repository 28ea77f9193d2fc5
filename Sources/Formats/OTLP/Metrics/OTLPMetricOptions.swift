import Model

/// What becomes of sums and histograms that say only what came since the last time.
public enum OTLPDeltaMode: String, Sendable, CaseIterable {
    /// Added up to what Prometheus knows; needs a table of what came before.
    case cumulative
    /// Stored as they come, of unknown type.
    case raw
    /// Left out, as Prometheus does by default.
    case refuse
}

/// How OTLP metrics become series; names and defaults as in Prometheus' section `otlp`.
public struct OTLPMetricOptions: Sendable {
    public var names = OTLPNames()
    public var limits = RemoteWriteLimits()
    public var delta = OTLPDeltaMode.cumulative
    /// Resource attributes that become labels of every series.
    public var promotedResourceAttributes: Set<String> = []
    /// All of them do, but for these.
    public var promotesAllResourceAttributes = false
    public var ignoredResourceAttributes: Set<String> = []
    /// Leaves `service.name`, `service.namespace` and `service.instance.id` in `target_info`, too.
    public var keepsIdentifyingResourceAttributes = false
    /// Gives series the labels `otel_scope_…`.
    public var promotesScopeMetadata = false
    /// Stores classic histograms as native ones with custom bounds.
    public var convertsHistograms = false
    /// Time between samples of `target_info`, milliseconds: half of how far back queries look.
    public var targetInfoInterval: Int64 = 150_000
    /// Values nested within one another.
    public var depthMax = 32

    public init() {}
}

/// Why a data point was left out while the rest of its request went on.
public enum OTLPMetricRejection: String, Sendable, CaseIterable {
    case badName = "bad_metric_name"
    case badLabelName = "bad_label_name"
    case invalidUTF8 = "invalid_utf8"
    case tooManyLabels = "too_many_labels"
    case labelNameTooLong = "label_name_too_long"
    case labelValueTooLong = "label_value_too_long"
    /// Neither cumulative nor delta, or delta where that is refused.
    case badTemporality = "bad_temporality"
    /// Older than what was added up already.
    case deltaOutOfOrder = "delta_out_of_order"
    /// The table of series to add up is full.
    case deltaSeriesLimit = "delta_series_limit"
    case invalidHistogram = "invalid_histogram"
    /// A point without a value.
    case noValue = "no_value"

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What came of decoding one request of metrics.
public struct OTLPMetricReport: Sendable {
    /// Data points taken.
    public internal(set) var points = 0
    /// Samples and histograms now in the batch, those of `target_info` included.
    public internal(set) var samples = 0
    /// Exemplars left out for their labels.
    public internal(set) var exemplarsRefused = 0
    private var rejections: InlineArray<11, Int> = .init(repeating: 0)
    /// The first reason with the metric it is about, for the answer's text.
    public private(set) var firstRejection: String?

    public init() {}

    public func rejected(_ reason: OTLPMetricRejection) -> Int { rejections[reason.index] }
    public var rejectedTotal: Int { OTLPMetricRejection.allCases.reduce(0) { $0 + rejected($1) } }

    mutating func reject(_ reason: OTLPMetricRejection, points: Int = 1, _ text: @autoclosure () -> String) {
        guard points > 0 else { return }
        rejections[reason.index] += points
        if firstRejection == nil { firstRejection = text() }
    }
}
