import Model

/// What stands outside of braces, as far as it has been read.
struct Operand {
    enum Part {
        case spanset(SpansetExpr)
        /// Several stages, or one that is no span set. Only in parentheses an operand.
        case stages([SpansetStage])
        /// A number of the spans that `stages` give; without stages and aggregates a plain number.
        case scalar(stages: [SpansetStage], ScalarExpr)
        case scalarFilter(ScalarFilter)
        case metrics(MetricsExpr)
        /// Behind `|` only.
        case function(MetricsFunction, by: [SpanField])
        case rank(isTop: Bool, Int)
        case coalesce
    }

    var part: Part
    var range: SourceRange
    var height = 1
    /// How many aggregates a scalar has.
    var aggregates = 0

    /// The stages of what gives span sets.
    var stages: [SpansetStage]? {
        switch part {
        case .spanset(let expr): [.spanset(expr)]
        case .stages(let stages): stages
        case .scalarFilter(let filter): [.scalarFilter(filter)]
        case .coalesce: [.coalesce]
        default: nil
        }
    }

    /// As an operand of operators between span sets.
    var spanset: SpansetExpr? {
        switch part {
        case .spanset(let expr): expr
        case .stages(let stages): .pipeline(SpansetPipeline(stages))
        default: nil
        }
    }

    /// The value of a plain number: of arithmetic a `.float`, or a literal's own value.
    var number: SpanValue? {
        guard case .scalar(let stages, let expr) = part, stages.isEmpty, aggregates == 0 else { return nil }
        if case .literal(let value) = expr { return value }
        return expr.constant.map { .float($0) }
    }

    /// Whether it is a plain number, whatever its value.
    var isNumber: Bool {
        if case .scalar(let stages, _) = part { return stages.isEmpty && aggregates == 0 }
        return false
    }

    var described: String {
        switch part {
        case .spanset, .stages, .scalarFilter, .coalesce: "spans"
        case .scalar: isNumber ? "a number" : "an aggregate"
        case .metrics, .function, .rank: "a metrics query"
        }
    }
}

extension ScalarExpr {
    /// The value of arithmetic with literals alone, without durations.
    var constant: Double? {
        switch self {
        case .literal(.int(let number)): return Double(number)
        case .literal(.float(let number)): return number
        case .literal, .aggregate: return nil
        case .binary(let op, let a, let b):
            guard let a = a.constant, let b = b.constant else { return nil }
            switch op {
            case .add: return a + b
            case .subtract: return a - b
            case .multiply: return a * b
            case .divide: return a / b
            case .modulo, .power: return nil
            }
        }
    }
}
