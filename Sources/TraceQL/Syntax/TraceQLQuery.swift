import Model

/// A whole query: what is asked, and the hints behind `with`. Values of this tree are equal when they mean the same.
public struct TraceQLQuery: Hashable, Sendable {
    public indirect enum Expression: Hashable, Sendable {
        /// Traces with sets of their spans.
        case spans(SpansetPipeline)
        /// Series.
        case metrics(MetricsExpr)
    }

    public var expression: Expression
    public var hints: [TraceQLHint]

    public init(_ expression: Expression, hints: [TraceQLHint] = []) {
        self.expression = expression
        self.hints = hints
    }

    /// The value of the last hint of that name.
    public func hint(_ name: String) -> SpanValue? { hints.last { $0.name == name }?.value }
}

/// `name=value` behind `with`.
public struct TraceQLHint: Hashable, Sendable {
    public var name: String
    public var value: SpanValue

    public init(_ name: String, _ value: SpanValue) {
        self.name = name
        self.value = value
    }
}

/// Stages that sets of spans go through, one behind the other; at least one.
public struct SpansetPipeline: Hashable, Sendable {
    public var stages: [SpansetStage]

    public init(_ stages: [SpansetStage]) { self.stages = stages }
}

public indirect enum SpansetStage: Hashable, Sendable {
    case spanset(SpansetExpr)
    /// Keeps the sets for which it holds.
    case scalarFilter(ScalarFilter)
    /// Splits each set by a value.
    case by(FieldExpr)
    /// Makes one set of all of a trace.
    case coalesce
    /// Fields for the output.
    case select([SpanField])
}

/// What finds spans.
public indirect enum SpansetExpr: Hashable, Sendable {
    /// `{ … }`; nil: every span.
    case filter(FieldExpr?)
    /// In parentheses.
    case pipeline(SpansetPipeline)
    case binary(SpansetOperator, SpansetExpr, SpansetExpr)
}

/// What is made of two sets of spans of a trace.
public enum SpansetOperator: Hashable, Sendable {
    case and
    case or
    case structural(SpanRelation, Form)

    public enum Form: String, Hashable, Sendable, CaseIterable {
        /// Right-hand spans that have the relation to some left-hand span.
        case plain = ""
        /// Right-hand spans that have it to none.
        case negated = "!"
        /// Both sides' spans that take part.
        case union = "&"
    }
}

/// What the right-hand span is to the left-hand one.
public enum SpanRelation: String, Hashable, Sendable, CaseIterable {
    case child = ">"
    case descendant = ">>"
    case parent = "<"
    case ancestor = "<<"
    case sibling = "~"

    /// What the left-hand span is to the right-hand one.
    public var reversed: SpanRelation {
        switch self {
        case .child: .parent
        case .descendant: .ancestor
        case .parent: .child
        case .ancestor: .descendant
        case .sibling: .sibling
        }
    }
}

/// A condition on numbers of a set of spans.
public struct ScalarFilter: Hashable, Sendable {
    public var lhs: ScalarExpr
    public var comparison: SpanCondition.Comparison
    public var rhs: ScalarExpr

    public init(_ lhs: ScalarExpr, _ comparison: SpanCondition.Comparison, _ rhs: ScalarExpr) {
        self.lhs = lhs
        self.comparison = comparison
        self.rhs = rhs
    }
}

/// A number of a set of spans.
public indirect enum ScalarExpr: Hashable, Sendable {
    case literal(SpanValue)
    case aggregate(SpanAggregate)
    case binary(ArithmeticOperator, ScalarExpr, ScalarExpr)
}

/// `count()`, `avg(f)` …
public struct SpanAggregate: Hashable, Sendable {
    public enum Operation: String, Hashable, Sendable, CaseIterable { case count, avg, min, max, sum }

    public var operation: Operation
    /// nil for `count` only.
    public var argument: FieldExpr?

    public init(_ operation: Operation, _ argument: FieldExpr? = nil) {
        self.operation = operation
        self.argument = argument
    }
}
