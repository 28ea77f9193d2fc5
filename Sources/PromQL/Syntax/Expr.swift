import Model

/// A PromQL expression. A value: rewriting makes a new tree, and trees can be shared between threads.
///
/// Trees that the parser made are at most `ParserLimits.depthMax` deep and well typed, so recursion over them is safe.
/// Equality looks at everything including source ranges; compare `withoutSourceRanges()` for meaning alone.
public indirect enum Expr: Hashable, Sendable {
    case number(NumberLiteral)
    case string(StringLiteral)
    case vectorSelector(VectorSelector)
    case matrixSelector(MatrixSelector)
    case subquery(Subquery)
    case call(Call)
    case aggregate(Aggregate)
    case binary(Binary)
    case unary(Unary)
    case paren(Paren)

    /// The type of its value.
    public var type: ValueType {
        switch self {
        case .number: .scalar
        case .string: .string
        case .vectorSelector, .aggregate: .vector
        case .matrixSelector, .subquery: .matrix
        case .call(let call): call.function.signature.returns
        case .binary(let binary): binary.lhs.type == .scalar && binary.rhs.type == .scalar ? .scalar : .vector
        case .unary(let unary): unary.operand.type
        case .paren(let paren): paren.inner.type
        }
    }

    /// Where it stands in the query.
    public var source: SourceRange {
        switch self {
        case .number(let node): node.source
        case .string(let node): node.source
        case .vectorSelector(let node): node.source
        case .matrixSelector(let node): node.source
        case .subquery(let node): node.source
        case .call(let node): node.source
        case .aggregate(let node): node.source
        case .binary(let node): node.source
        case .unary(let node): node.source
        case .paren(let node): node.source
        }
    }

    /// The expression inside any parentheses.
    public var unwrapped: Expr {
        var inner = self
        while case .paren(let paren) = inner { inner = paren.inner }
        return inner
    }

    /// Direct subexpressions, in text order.
    public var children: [Expr] {
        switch self {
        case .number, .string, .vectorSelector, .matrixSelector: []
        case .subquery(let node): [node.inner]
        case .call(let node): node.arguments
        case .aggregate(let node): node.parameter.map { [$0, node.operand] } ?? [node.operand]
        case .binary(let node): [node.lhs, node.rhs]
        case .unary(let node): [node.operand]
        case .paren(let node): [node.inner]
        }
    }
}

/// A number, or a duration in number position (then in seconds).
public struct NumberLiteral: Sendable {
    public var value: Double
    /// Written as a duration (`5m`), and printed as one.
    public var isDuration: Bool
    public var source: SourceRange

    public init(_ value: Double, isDuration: Bool = false, source: SourceRange = .none) {
        self.value = value
        self.isDuration = isDuration
        self.source = source
    }
}

extension NumberLiteral: Hashable {
    /// By bits, so that NaN equals NaN.
    public static func == (a: NumberLiteral, b: NumberLiteral) -> Bool {
        a.value.bitPattern == b.value.bitPattern && a.isDuration == b.isDuration && a.source == b.source
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(value.bitPattern)
        hasher.combine(isDuration)
        hasher.combine(source)
    }
}

/// A quoted string, unescaped.
public struct StringLiteral: Hashable, Sendable {
    /// The text; where escapes spelled bytes that are no UTF-8, U+FFFD stands in their place.
    public var value: String
    /// The very bytes of a text that is no UTF-8, nil for all others.
    public var malformedBytes: [UInt8]?
    public var source: SourceRange

    public init(_ value: String, source: SourceRange = .none) {
        self.value = value
        self.source = source
    }

    init(bytes: [UInt8], source: SourceRange) {
        value = String(decoding: bytes, as: UTF8.self)
        malformedBytes = String(validating: bytes, as: UTF8.self) == nil ? bytes : nil
        self.source = source
    }

    /// In double quotes, bytes that are no UTF-8 as `\x..`.
    public var printed: String {
        guard let malformedBytes else { return quoted(value) }
        var rest = malformedBytes[...]
        var out = "\""
        while let byte = rest.first {
            let length = (1...4).first { String(validating: rest.prefix($0), as: UTF8.self) != nil }
            if let length {
                out += quoted(String(decoding: rest.prefix(length), as: UTF8.self)).dropFirst().dropLast()
            } else {
                out += "\\x" + String(byte, radix: 16)
            }
            rest = rest.dropFirst(length ?? 1)
        }
        return out + "\""
    }
}

/// `offset` and `@` behind a selector or subquery. The offset counts from the `@` time if there is one.
public struct TimeModifiers: Hashable, Sendable {
    /// What `@` pins the evaluation time to.
    public enum Pin: Hashable, Sendable {
        /// Milliseconds since the epoch.
        case at(Int64)
        /// `@ start()`: the start of the query's range.
        case start
        /// `@ end()`
        case end
    }

    public var pin: Pin?
    /// How far back to look; negative looks ahead. `.fixed(0)` where none is written.
    public var offset: DurationValue

    public init(pin: Pin? = nil, offset: DurationValue = .fixed(0)) {
        self.pin = pin
        self.offset = offset
    }
}

/// What a selector may read beyond its window (experimental).
public enum SelectorExtension: String, Hashable, Sendable {
    case anchored, smoothed
}

/// `name{matchers}` with its modifiers: one sample of each matching series.
public struct VectorSelector: Hashable, Sendable {
    /// The name in front of the braces; nil without one (`{"x"}` has none, it is short for `{__name__="x"}`).
    public var name: String?
    /// All conditions, the one that `name` stands for included, as the last.
    public var matchers: [Matcher]
    public var modifiers: TimeModifiers
    public var extended: SelectorExtension?
    public var source: SourceRange

    public init(
        name: String? = nil, matchers: [Matcher], modifiers: TimeModifiers = TimeModifiers(),
        extended: SelectorExtension? = nil, source: SourceRange = .none
    ) {
        self.name = name
        self.matchers = matchers
        self.modifiers = modifiers
        self.extended = extended
        self.source = source
    }
}

/// `selector[range]`: the samples of a window. The modifiers are those of `selector`.
public struct MatrixSelector: Hashable, Sendable {
    public var selector: VectorSelector
    public var range: DurationValue
    public var source: SourceRange

    public init(selector: VectorSelector, range: DurationValue, source: SourceRange = .none) {
        self.selector = selector
        self.range = range
        self.source = source
    }
}

/// `expr[range:step]`
public struct Subquery: Hashable, Sendable {
    public var inner: Expr
    public var range: DurationValue
    /// nil: the engine's default step.
    public var step: DurationValue?
    public var modifiers: TimeModifiers
    public var source: SourceRange

    public init(
        _ inner: Expr, range: DurationValue, step: DurationValue?, modifiers: TimeModifiers = TimeModifiers(),
        source: SourceRange = .none
    ) {
        self.inner = inner
        self.range = range
        self.step = step
        self.modifiers = modifiers
        self.source = source
    }
}

/// A function call; arguments agree with `function.signature` in number and type.
public struct Call: Hashable, Sendable {
    public var function: Function
    public var arguments: [Expr]
    public var source: SourceRange

    public init(_ function: Function, _ arguments: [Expr], source: SourceRange = .none) {
        self.function = function
        self.arguments = arguments
        self.source = source
    }
}

/// `op by (labels) (parameter, operand)`
public struct Aggregate: Hashable, Sendable {
    public var op: AggregateOperator
    public var operand: Expr
    /// Present exactly where `op.parameterType` isn't nil.
    public var parameter: Expr?
    public var grouping: [String]
    /// `without (grouping)` rather than `by (grouping)`.
    public var without: Bool
    public var source: SourceRange

    public init(
        _ op: AggregateOperator, _ operand: Expr, parameter: Expr? = nil, grouping: [String] = [],
        without: Bool = false, source: SourceRange = .none
    ) {
        self.op = op
        self.operand = operand
        self.parameter = parameter
        self.grouping = grouping
        self.without = without
        self.source = source
    }
}

public struct Binary: Hashable, Sendable {
    public var op: BinaryOperator
    public var lhs: Expr
    public var rhs: Expr
    /// `bool` was written: comparisons give 0 or 1 instead of filtering.
    public var returnsBool: Bool
    /// How elements find each other; present exactly where both sides are vectors.
    public var matching: VectorMatching?
    /// The operator with its modifiers.
    public var operatorSource: SourceRange
    public var source: SourceRange

    public init(
        _ op: BinaryOperator, _ lhs: Expr, _ rhs: Expr, returnsBool: Bool = false, matching: VectorMatching? = nil,
        operatorSource: SourceRange = .none, source: SourceRange = .none
    ) {
        self.op = op
        self.lhs = lhs
        self.rhs = rhs
        self.returnsBool = returnsBool
        self.matching = matching
        self.operatorSource = operatorSource
        self.source = source
    }
}

/// `-operand` or `+operand`
public struct Unary: Hashable, Sendable {
    public var isNegation: Bool
    public var operand: Expr
    public var source: SourceRange

    public init(isNegation: Bool, _ operand: Expr, source: SourceRange = .none) {
        self.isNegation = isNegation
        self.operand = operand
        self.source = source
    }
}

/// `(inner)`; kept for printing and because `timestamp((sel))` and the like look through it.
public struct Paren: Hashable, Sendable {
    public var inner: Expr
    public var source: SourceRange

    public init(_ inner: Expr, source: SourceRange = .none) {
        self.inner = inner
        self.source = source
    }
}
