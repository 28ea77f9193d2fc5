import Bedrock
import Formats
import Instruments
import Model

/// What a metric is called and what it means, after views.
public struct MetricDescription: Sendable, Equatable {
    /// The kinds of instruments (OpenTelemetry metrics API).
    public enum Kind: String, Sendable {
        case counter
        case upDownCounter = "up_down_counter"
        case gauge
        case histogram
        case exponentialHistogram = "exponential_histogram"
    }

    public var name: String
    /// UCUM, such as `s`, `By`, `{request}`; empty when there is none.
    public var unit: String
    public var text: String
    public var kind: Kind
    public var scope: InstrumentationScope

    var writerKind: OTLPMetricWriter.Kind {
        switch kind {
        case .counter: .sum(isMonotonic: true)
        case .upDownCounter: .sum(isMonotonic: false)
        case .gauge: .gauge
        case .histogram: .histogram
        case .exponentialHistogram: .exponentialHistogram
        }
    }
}

/// The library or module that records.
public struct InstrumentationScope: Sendable, Hashable {
    public var name: String
    public var version: String

    public init(_ name: String, version: String = "") {
        self.name = name
        self.version = version
    }
}

/// A value of a counter or gauge.
enum MetricNumber {
    case int(Int64)
    case double(Double)

    var double: Double {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        }
    }

    /// Whole as long as nothing with a fraction was added.
    init(whole: Int64, fraction: Double) {
        self = fraction == 0 ? .int(whole) : .double(Double(whole) + fraction)
    }
}

/// Attributes of one series, and how the exports write them, made once.
final class SeriesIdentity: Sendable {
    let attributes: [Attribute]
    /// For OTLP points.
    let encoded: [UInt8]
    /// For expositions, between the braces.
    let exposition: String
    /// Nanoseconds since the epoch when the series began.
    let start: UInt64
    /// The same series of another collection.
    let number: Int

    init(_ attributes: Attributes, kind: OTLPMetricWriter.Kind, start: UInt64, number: Int) {
        self.attributes = attributes.entries
        self.start = start
        self.number = number
        encoded = OTLPMetricWriter.encodeAttributes(attributes.entries, kind: kind)
        exposition = PrometheusNames.labels(attributes.entries)
    }
}

/// Receives the state of all metrics, metric by metric.
protocol MetricVisitor: ~Copyable {
    /// The finest scale of exponential histograms that it can use.
    static var scaleMax: Int { get }
    mutating func beginMetric(_ description: MetricDescription)
    mutating func number(_ series: SeriesIdentity, _ value: MetricNumber)
    mutating func histogram(_ series: SeriesIdentity, bounds: [Double], counts: [UInt64], sum: Double)
    mutating func exponential(_ series: SeriesIdentity, _ snapshot: ExponentialHistogram.Snapshot)
}

/// What the registry needs of an instrument.
protocol MetricInstrument: BoundInstrument {
    func visit(_ series: SeriesIdentity, _ visitor: inout some MetricVisitor & ~Copyable)
}

extension Counter: MetricInstrument {
    func visit(_ series: SeriesIdentity, _ visitor: inout some MetricVisitor & ~Copyable) {
        let (whole, fraction) = parts
        visitor.number(series, MetricNumber(whole: Int64(clamping: whole), fraction: fraction))
    }
}

extension UpDownCounter: MetricInstrument {
    func visit(_ series: SeriesIdentity, _ visitor: inout some MetricVisitor & ~Copyable) {
        let (whole, fraction) = parts
        visitor.number(series, MetricNumber(whole: whole, fraction: fraction))
    }
}

extension Gauge: MetricInstrument {
    func visit(_ series: SeriesIdentity, _ visitor: inout some MetricVisitor & ~Copyable) {
        visitor.number(series, .double(value))
    }
}

/// A histogram that records into one of two layouts, as the meter or a view says. Thread-safe, without locks.
public final class Distribution: BoundInstrument {
    public static let kind = InstrumentKind.histogram

    // One of them, found without copying an enumeration at each recording.
    private let explicit: Histogram?
    private let exponential: ExponentialHistogram?
    private let bucketsMax: Int

    init(_ aggregation: HistogramAggregation) {
        switch aggregation {
        case .explicit(let bounds):
            explicit = Histogram(bounds: bounds)
            exponential = nil
            bucketsMax = 0
        case .exponential(let bucketsMax):
            explicit = nil
            exponential = ExponentialHistogram()
            self.bucketsMax = bucketsMax
        }
    }

    /// Counts one value. NaN and infinities are ignored, and counted by `InstrumentMisuse`, where buckets are exponential.
    public func record(_ value: Double) {
        if let explicit { explicit.observe(value) } else { exponential?.observe(value) }
    }

    public func record(_ value: Int) { record(Double(value)) }
}

extension Distribution: MetricInstrument {
    func visit<V: MetricVisitor & ~Copyable>(_ series: SeriesIdentity, _ visitor: inout V) {
        if let explicit {
            visitor.histogram(series, bounds: explicit.bounds, counts: explicit.bucketCounts, sum: explicit.sum)
        } else if let exponential {
            visitor.exponential(series, exponential.snapshot(bucketsMax: bucketsMax, scaleMax: V.scaleMax))
        }
    }
}

/// How a histogram sorts what it records.
public enum HistogramAggregation: Sendable, Equatable {
    /// Buckets up to each of these bounds, which are sorted and freed of what is no bound, and one beyond.
    case explicit([Double])
    /// As many buckets of equal relative width as fit, at most `bucketsMax` on either side of zero.
    case exponential(bucketsMax: Int = 160)

    /// OpenTelemetry's default bounds.
    public static let standard = HistogramAggregation.explicit([
        0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000,
    ])

    /// OpenTelemetry's bounds for durations in seconds.
    public static let seconds = HistogramAggregation.explicit([
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    ])

    /// Without bounds that are none, so that no histogram can fail.
    var checked: HistogramAggregation {
        switch self {
        case .exponential(let bucketsMax): .exponential(bucketsMax: min(max(bucketsMax, 2), 1000))
        case .explicit(let bounds): .explicit(Array(Set(bounds.filter(\.isFinite)).sorted().prefix(1000)))
        }
    }
}
