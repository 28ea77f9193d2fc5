import Bedrock
import Model
import Synchronization

/// Why a query has no answer.
public enum TraceQLQueryError: Error, Sendable, CustomStringConvertible {
    /// The query asks for what can't be.
    case execution(String)
    /// It would read or hold too much.
    case tooManySpans(QueryBudget.Exceeded)
    case cancelled(Cancelled)
    /// Of the storage.
    case storage(any Error)

    init(_ error: any Error) {
        switch error {
        case let error as TraceQLQueryError: self = error
        case let error as QueryBudget.Exceeded: self = .tooManySpans(error)
        case let error as Cancelled: self = .cancelled(error)
        default: self = .storage(error)
        }
    }

    public var description: String {
        switch self {
        case .execution(let message): message
        case .tooManySpans(let error):
            "the query looks at more than \(error.samplesMax) spans or points: narrow the range"
        case .cancelled(let error): error.description
        case .storage(let error): "\(error)"
        }
    }
}

/// Traces that a query found, newest first.
public struct TraceQLSearchResult: Sendable {
    public var traces: [TraceMatch]
    /// Traces of which spans were looked at.
    public var inspectedTraces: Int
    public var statistics: SpanScanStatistics

    public init(traces: [TraceMatch], inspectedTraces: Int, statistics: SpanScanStatistics) {
        self.traces = traces
        self.inspectedTraces = inspectedTraces
        self.statistics = statistics
    }
}

/// A trace with the sets of its spans that a query selects; at least one set.
public struct TraceMatch: Sendable {
    public var summary: TraceSummary
    public var spanSets: [MatchedSpanSet]

    public init(summary: TraceSummary, spanSets: [MatchedSpanSet]) {
        self.summary = summary
        self.spanSets = spanSets
    }
}

/// Spans of one trace that belong together.
public struct MatchedSpanSet: Sendable {
    /// Spans in the set, of which `spans` may be some only.
    public var matched: Int
    /// What `by()` split by and aggregates gave, under their text in the query: `by(name)`, `avg(duration)`.
    public var attributes: [(name: String, value: SpanValue)]
    /// By start.
    public var spans: [MatchedSpan]

    public init(matched: Int, attributes: [(name: String, value: SpanValue)], spans: [MatchedSpan]) {
        self.matched = matched
        self.attributes = attributes
        self.spans = spans
    }
}

/// A span with the fields that the query mentions.
public struct MatchedSpan: Sendable {
    public var spanID: SpanID
    public var name: String
    /// Nanoseconds since the Unix epoch.
    public var start: Int64
    /// Nanoseconds.
    public var duration: Int64
    /// Fields that the query mentions or selects and the span has, in the order of the query; not those that stand in this value or in the
    /// trace's summary anyway. Of several values the first.
    public var attributes: [(field: SpanField, value: SpanValue)]

    public init(
        spanID: SpanID, name: String, start: Int64, duration: Int64,
        attributes: [(field: SpanField, value: SpanValue)]
    ) {
        self.spanID = spanID
        self.name = name
        self.start = start
        self.duration = duration
        self.attributes = attributes
    }
}

/// The answer to a metrics query.
public struct TraceQLMetricsResult: Sendable {
    /// Sorted by labels.
    public var series: [TraceQLSeries]
    public var inspectedTraces: Int
    public var statistics: SpanScanStatistics

    public init(series: [TraceQLSeries], inspectedTraces: Int, statistics: SpanScanStatistics) {
        self.series = series
        self.inspectedTraces = inspectedTraces
        self.statistics = statistics
    }
}

/// A series: samples at the ends of intervals, those without a value left out.
public struct TraceQLSeries: Sendable {
    /// Names as queries spell fields (`resource.service.name`), or `__name__`, `p`, `__bucket`; a missing field has `.nil`.
    public var labels: [TraceQLLabel]
    /// Nanoseconds since the Unix epoch.
    public var timestamps: [Int64]
    public var values: [Double]
    public var exemplars: [TraceQLExemplar]

    public init(
        labels: [TraceQLLabel], timestamps: [Int64], values: [Double], exemplars: [TraceQLExemplar] = []
    ) {
        self.labels = labels
        self.timestamps = timestamps
        self.values = values
        self.exemplars = exemplars
    }
}

public struct TraceQLLabel: Hashable, Sendable {
    public var name: String
    public var value: SpanValue

    public init(_ name: String, _ value: SpanValue) {
        self.name = name
        self.value = value
    }
}

/// A span picked as an example of a series.
public struct TraceQLExemplar: Hashable, Sendable {
    public var traceID: TraceID
    /// The span's start, nanoseconds since the Unix epoch.
    public var timestamp: Int64
    /// What the function computes with; of `rate` and `count_over_time` the series' own value there.
    public var value: Double

    public init(traceID: TraceID, timestamp: Int64, value: Double) {
        self.traceID = traceID
        self.timestamp = timestamp
        self.value = value
    }
}

extension SpanScanStatistics {
    mutating func add(_ more: SpanScanStatistics) {
        segments += more.segments
        blocks += more.blocks
        blocksPruned += more.blocksPruned
        spansScanned += more.spansScanned
        bytesDecoded += more.bytesDecoded
        damagedBlocks += more.damagedBlocks
    }
}
