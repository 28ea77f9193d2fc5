import Kernels
import Model

/// A query of numbers. Parentheses are not part of the tree, and arithmetic of literals has been done.
public indirect enum MetricExpr: Hashable, Sendable {
    case range(RangeAggregation)
    case vector(VectorAggregation)
    case binary(MetricBinary)
    case labelReplace(LabelReplaceCall)
    /// `vector(n)`: one series without labels.
    case constant(MetricNumber)
    case literal(MetricNumber)

    /// Whether its value is a scalar.
    public var isLiteral: Bool {
        if case .literal = self { return true }
        return false
    }
}

/// A number, equal by bits, and with one NaN only, so that NaN equals NaN.
public struct MetricNumber: Hashable, Sendable {
    public let value: Double

    public init(_ value: Double) { self.value = value.isNaN ? .nan : value }

    public static func == (a: MetricNumber, b: MetricNumber) -> Bool { a.value.bitPattern == b.value.bitPattern }
    public func hash(into hasher: inout Hasher) { hasher.combine(value.bitPattern) }
}

/// `by (…)` or `without (…)`.
public struct MetricGrouping: Hashable, Sendable {
    public var labels: [String]
    public var without: Bool

    public init(_ labels: [String], without: Bool = false) {
        self.labels = labels
        self.without = without
    }
}

/// `op(param, query[range] offset d) by (…)`: the rows of each window of each series make one number.
public struct RangeAggregation: Hashable, Sendable {
    public enum Operation: String, CaseIterable, Hashable, Sendable {
        case rate
        case countOverTime = "count_over_time"
        case bytesRate = "bytes_rate"
        case bytesOverTime = "bytes_over_time"
        case absentOverTime = "absent_over_time"
        case rateCounter = "rate_counter"
        case sumOverTime = "sum_over_time"
        case avgOverTime = "avg_over_time"
        case maxOverTime = "max_over_time"
        case minOverTime = "min_over_time"
        case stdvarOverTime = "stdvar_over_time"
        case stddevOverTime = "stddev_over_time"
        case quantileOverTime = "quantile_over_time"
        case firstOverTime = "first_over_time"
        case lastOverTime = "last_over_time"

        /// Whether `by` and `without` may follow.
        public var allowsGrouping: Bool {
            switch self {
            case .avgOverTime, .maxOverTime, .minOverTime, .stdvarOverTime, .stddevOverTime, .quantileOverTime,
                .firstOverTime, .lastOverTime:
                true
            default: false
            }
        }

        /// Whether an unwrap stage must be there, must not, or (nil) may.
        public var needsUnwrap: Bool? {
            switch self {
            case .rate, .absentOverTime: nil
            case .countOverTime, .bytesRate, .bytesOverTime: false
            default: true
            }
        }
    }

    public var operation: Operation
    /// Of `quantile_over_time`.
    public var parameter: MetricNumber?
    public var query: LogQuery
    /// Nanoseconds.
    public var range: Int64
    /// Nanoseconds back; negative looks ahead.
    public var offset: Int64
    public var grouping: MetricGrouping?

    public init(
        _ operation: Operation, _ query: LogQuery, range: Int64, offset: Int64 = 0, parameter: MetricNumber? = nil,
        grouping: MetricGrouping? = nil
    ) {
        self.operation = operation
        self.query = query
        self.range = range
        self.offset = offset
        self.parameter = parameter
        self.grouping = grouping
    }
}

/// `op by (…) (param, operand)`
public struct VectorAggregation: Hashable, Sendable {
    public enum Operation: String, CaseIterable, Hashable, Sendable {
        case sum, avg, max, min, count, stddev, stdvar, topk, bottomk
        case approxTopk = "approx_topk"
        case sort
        case sortDesc = "sort_desc"

        public var needsParameter: Bool { self == .topk || self == .bottomk || self == .approxTopk }
        public var allowsGrouping: Bool { self != .approxTopk && self != .sort && self != .sortDesc }
    }

    public var operation: Operation
    /// How many, of those that need it; at least 1.
    public var parameter: Int?
    public var operand: MetricExpr
    public var grouping: MetricGrouping?

    public init(
        _ operation: Operation, _ operand: MetricExpr, parameter: Int? = nil, grouping: MetricGrouping? = nil
    ) {
        self.operation = operation
        self.operand = operand
        self.parameter = parameter
        self.grouping = grouping
    }
}

/// An operator with a vector on at least one side.
public struct MetricBinary: Hashable, Sendable {
    public var op: BinaryOperator
    public var lhs: MetricExpr
    public var rhs: MetricExpr
    /// `bool` was written: comparisons give 0 or 1 instead of filtering.
    public var returnsBool: Bool
    public var matching: VectorMatching

    public init(
        _ op: BinaryOperator, _ lhs: MetricExpr, _ rhs: MetricExpr, returnsBool: Bool = false,
        matching: VectorMatching = VectorMatching()
    ) {
        self.op = op
        self.lhs = lhs
        self.rhs = rhs
        self.returnsBool = returnsBool
        self.matching = matching
    }
}

/// `label_replace(operand, "target", "replacement", "source", "regex")`; the regex is known to compile.
public struct LabelReplaceCall: Hashable, Sendable {
    public var operand: MetricExpr
    public var target: String
    public var replacement: String
    public var source: String
    public var regex: String

    public init(_ operand: MetricExpr, target: String, replacement: String, source: String, regex: String) {
        self.operand = operand
        self.target = target
        self.replacement = replacement
        self.source = source
        self.regex = regex
    }
}
