import Kernels

public typealias BinaryOperator = Kernels.BinaryOperator
public typealias VectorMatching = Kernels.VectorMatching

/// Aggregation operators, by their text.
public enum AggregateOperator: String, CaseIterable, Hashable, Sendable {
    case sum, avg, count, min, max, group, stddev, stdvar, topk, bottomk, quantile, limitk
    case countValues = "count_values"
    case limitRatio = "limit_ratio"

    /// The type of the parameter in front of the operand, nil for operators without.
    public var parameterType: ValueType? {
        switch self {
        case .topk, .bottomk, .quantile, .limitk, .limitRatio: .scalar
        case .countValues: .string
        default: nil
        }
    }

    public var isExperimental: Bool { self == .limitk || self == .limitRatio }
}
