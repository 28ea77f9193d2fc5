import Model

/// What gives series.
public indirect enum MetricsExpr: Hashable, Sendable {
    case query(MetricsQuery)
    /// An operand of arithmetic.
    case number(Double)
    case binary(ArithmeticOperator, MetricsExpr, MetricsExpr)
    /// Keeps the samples for which it holds; the value is a `.float` or a `.duration`.
    case filter(MetricsExpr, SpanCondition.Comparison, SpanValue)
    /// At each time the series with the highest, or the lowest, values.
    case rank(MetricsExpr, isTop: Bool, Int)

    /// Whether it gives series at all.
    var isNumber: Bool {
        if case .number = self { return true }
        return false
    }
}

/// Spans, and what is counted or computed of them over time.
public struct MetricsQuery: Hashable, Sendable {
    public var pipeline: SpansetPipeline
    public var function: MetricsFunction
    /// What names series; at most `TraceQLLimits.groupsMax`.
    public var by: [SpanField]

    public init(_ pipeline: SpansetPipeline, _ function: MetricsFunction, by: [SpanField] = []) {
        self.pipeline = pipeline
        self.function = function
        self.by = by
    }
}

public enum MetricsFunction: Hashable, Sendable {
    case rate
    case count
    case min(SpanField)
    case max(SpanField)
    case avg(SpanField)
    case sum(SpanField)
    case quantile(SpanField, [Double])
    case histogram(SpanField)
    case compare(SpanComparison)

    /// As queries write it.
    public var name: String {
        switch self {
        case .rate: "rate"
        case .count: "count_over_time"
        case .min: "min_over_time"
        case .max: "max_over_time"
        case .avg: "avg_over_time"
        case .sum: "sum_over_time"
        case .quantile: "quantile_over_time"
        case .histogram: "histogram_over_time"
        case .compare: "compare"
        }
    }

    static let names = [
        "rate", "count_over_time", "min_over_time", "max_over_time", "avg_over_time", "sum_over_time",
        "quantile_over_time", "histogram_over_time", "compare",
    ]

    /// The field whose values it computes with.
    public var field: SpanField? {
        switch self {
        case .rate, .count, .compare: nil
        case .min(let field), .max(let field), .avg(let field), .sum(let field), .quantile(let field, _),
            .histogram(let field):
            field
        }
    }
}

/// `compare({selection}, top, start, end)`: how attributes of the selected spans differ from those of the others.
public struct SpanComparison: Hashable, Sendable {
    /// nil: every span.
    public var selection: FieldExpr?
    /// Values per attribute.
    public var top: Int?
    /// Nanoseconds since the Unix epoch: spans outside of it are not selected.
    public var window: Window?

    public struct Window: Hashable, Sendable {
        public var start: Int64
        public var end: Int64

        public init(start: Int64, end: Int64) {
            self.start = start
            self.end = end
        }
    }

    public init(_ selection: FieldExpr?, top: Int? = nil, window: Window? = nil) {
        self.selection = selection
        self.top = top
        self.window = window
    }
}
