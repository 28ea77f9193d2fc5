import Model

/// What stands in a duration position: behind `[`, `:` or `offset`.
public enum DurationValue: Hashable, Sendable {
    /// Milliseconds.
    case fixed(Int64)
    /// To be computed from the query's step and range.
    case computed(DurationExpr)
}

/// A duration expression (experimental): arithmetic over numbers of seconds, and the query's step and range.
public indirect enum DurationExpr: Hashable, Sendable {
    public enum Function: String, Hashable, Sendable {
        case step, range
        case minOf = "min_of"
        case maxOf = "max_of"

        var argumentCount: Int { self == .minOf || self == .maxOf ? 2 : 0 }
    }

    case number(NumberLiteral)
    case call(Function, [DurationExpr], SourceRange)
    case unary(isNegation: Bool, DurationExpr, SourceRange)
    /// One of `+ - * / % ^`.
    case binary(BinaryOperator, DurationExpr, DurationExpr, SourceRange)
    case paren(DurationExpr, SourceRange)

    public var source: SourceRange {
        switch self {
        case .number(let number): number.source
        case .call(_, _, let source), .unary(_, _, let source), .binary(_, _, _, let source), .paren(_, let source):
            source
        }
    }

    /// Whole milliseconds of a number of seconds, finer parts dropped; nil for what no duration can hold.
    static func milliseconds(seconds: Double) -> Int64? {
        guard let nanoseconds = Int64(exactly: (seconds * 1e9).rounded()) else { return nil }
        return nanoseconds / 1_000_000
    }
}
