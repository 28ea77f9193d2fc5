import Bedrock
import Model

/// A condition as a source understands it.
struct FieldFilter {
    /// What every span that meets the condition passes.
    var filter: SpanFilter
    /// Whether the filter says all of the condition.
    var isExact: Bool

    static let everything = FieldFilter(filter: .everything, isExact: true)

    /// - Parameter expr: nil: every span.
    init(_ expr: FieldExpr?) throws(TraceQLQueryError) {
        self = try expr.map { (expr) throws(TraceQLQueryError) in try Self.compile(expr) } ?? .everything
    }

    private init(filter: SpanFilter, isExact: Bool) {
        self.filter = filter
        self.isExact = isExact
    }

    private static func exact(_ filter: SpanFilter) -> FieldFilter { FieldFilter(filter: filter, isExact: true) }
    private static let unknown = FieldFilter(filter: .everything, isExact: false)

    private static func compile(_ expr: FieldExpr) throws(TraceQLQueryError) -> FieldFilter {
        if let value = expr.constantValue { return exact(value == .bool(true) ? .everything : .nothing) }
        switch expr {
        case .field(let field): return exact(.condition(SpanCondition(field, .isTrue)))
        case .not: return try negation(expr)
        case .all(let operands):
            let parts = try compile(operands)
            return FieldFilter(filter: .all(parts.map(\.filter)), isExact: parts.allSatisfy(\.isExact))
        case .any(let operands):
            let parts = try compile(operands)
            return FieldFilter(filter: .any(parts.map(\.filter)), isExact: parts.allSatisfy(\.isExact))
        case .compare(let op, .field(let field), let other):
            if let value = other.constantValue { return comparison(field, op, value) }
        case .compare(let op, let other, .field(let field)):
            if let value = other.constantValue { return comparison(field, op.flipped, value) }
        case .matches(.field(let field), let pattern, let isNegated):
            let regex = try compiledPattern(pattern)
            return exact(.condition(SpanCondition(field, .matches(regex, isNegated: isNegated))))
        default: break
        }
        return needs(expr)
    }

    private static func compile(_ operands: [FieldExpr]) throws(TraceQLQueryError) -> [FieldFilter] {
        var parts: [FieldFilter] = []
        for operand in operands { parts.append(try compile(operand)) }
        return parts
    }

    /// Computing with fields comes to nothing where one is missing.
    private static func needs(_ expr: FieldExpr) -> FieldFilter {
        guard case .compare = expr else { return unknown }
        var present: [SpanFilter] = []
        expr.forEachField { present.append(.condition(SpanCondition($0, .isNotNil))) }
        // Bools that are computed from others exist without them.
        return expr.hasConditionInside ? unknown : FieldFilter(filter: .all(present), isExact: false)
    }

    /// `!` of a value wants a bool; of a condition it is everything that the condition isn't.
    private static func negation(_ expr: FieldExpr) throws(TraceQLQueryError) -> FieldFilter {
        let (base, isNegated) = expr.strippedOfNot
        guard base.isCondition else {
            guard case .field(let field) = base else { return unknown }
            return exact(.condition(SpanCondition(field, .compare(.equal, .bool(!isNegated)))))
        }
        let inner = try compile(base)
        if !isNegated { return inner }
        return inner.isExact ? exact(.not(inner.filter)) : unknown
    }

    private static func comparison(
        _ field: SpanField, _ op: SpanCondition.Comparison, _ value: SpanValue
    ) -> FieldFilter {
        let test: SpanCondition.Test =
            switch (op, value) {
            case (.equal, .nil): .isNil
            case (.notEqual, .nil): .isNotNil
            default: .compare(op, field.canonical(value, op))
            }
        return exact(.condition(SpanCondition(field, test)))
    }
}

/// Anchored at both ends.
func compiledPattern(_ pattern: String) throws(TraceQLQueryError) -> RegularExpression {
    do throws(RegexError) { return try RegularExpression(pattern, anchored: true) } catch {
        throw .execution("invalid regular expression: \(error.reason)")
    }
}

extension SpanField {
    /// Ids that are looked for as columns hold them, lowercase and with all their zeros.
    func canonical(_ value: SpanValue, _ op: SpanCondition.Comparison) -> SpanValue {
        guard case .intrinsic(let intrinsic) = self, case .string(let text) = value,
            op == .equal || op == .notEqual, !text.isEmpty
        else { return value }
        switch intrinsic {
        case .traceID, .linkTraceID: return TraceID(hex: text).map { .string($0.description) } ?? value
        case .spanID, .parentID, .linkSpanID: return SpanID(hex: text).map { .string($0.description) } ?? value
        default: return value
        }
    }
}

extension FieldExpr {
    /// Without the signs of negation around it, and whether their number is odd.
    var strippedOfNot: (base: FieldExpr, isNegated: Bool) {
        var base = self
        var isNegated = false
        while case .not(let operand) = base {
            base = operand
            isNegated.toggle()
        }
        return (base, isNegated)
    }

    /// Whether it is true or false for every span, never nil.
    var isCondition: Bool {
        switch self {
        case .all, .any, .compare, .matches, .literal(.bool): true
        default: false
        }
    }

    /// Whether an operand of it is a condition.
    fileprivate var hasConditionInside: Bool {
        switch self {
        case .literal, .field: false
        case .not, .all, .any, .matches: true
        case .negate(let a): a.hasConditionInside
        case .compare(_, let a, let b):
            a.hasConditionInside || b.hasConditionInside || a.isCondition || b.isCondition || a.isNil || b.isNil
        case .arithmetic(_, let a, let b):
            a.hasConditionInside || b.hasConditionInside || a.isCondition || b.isCondition
        }
    }

    private var isNil: Bool { constantValue == .nil }
}
