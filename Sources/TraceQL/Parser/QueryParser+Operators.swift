import Bedrock
import Model

/// Makes nodes of operators in braces, and judges their operands.
extension QueryParser {
    mutating func combine(
        _ a: TypedField, _ symbol: Token.Symbol, _ place: SourceRange, _ b: TypedField
    ) throws(TraceQLError) -> TypedField {
        var result = TypedField(
            expr: a.expr, type: .bool, hasField: a.hasField || b.hasField, range: a.range.through(b.range))
        result.height = try height(above: a.height, b.height)
        switch symbol {
        case .and, .or:
            for side in [a, b] where !side.isBool {
                note("\(symbol.rawValue) of \(side.described), expecting a bool", side.range)
            }
            let isAnd = symbol == .and
            var operands = [a.expr]
            // The left side only grows, so that chains don't make trees high.
            switch a.expr {
            case .all(let before) where isAnd, .any(let before) where !isAnd:
                operands = before
                result.height = max(a.height, try height(above: b.height))
            default: break
            }
            operands.append(b.expr)
            result.expr = isAnd ? .all(operands) : .any(operands)
        case .matches, .notSibling: try match(a, isNegated: symbol == .notSibling, b, &result)
        default:
            if let comparison = symbol.comparison {
                judge(a, comparison, b, result.range)
                result.expr = .compare(comparison, a.expr, b.expr)
            } else if let op = symbol.arithmetic {
                for side in [a, b] where !side.isNumeric {
                    note("\(op.rawValue) of \(side.described), expecting a number", side.range)
                }
                if case .literal(.int(0)) = b.expr, op == .divide || op == .modulo { note("division by zero", place) }
                result.expr = .arithmetic(op, a.expr, b.expr)
                result.type = arithmeticType(a.type, b.type)
            }
        }
        return result
    }

    /// Unknown stays number: int is the one that all others take.
    private func arithmeticType(_ a: SpanValueType?, _ b: SpanValueType?) -> SpanValueType {
        if a == .duration || b == .duration { return .duration }
        return a == .float || b == .float ? .float : .int
    }

    private mutating func match(
        _ a: TypedField, isNegated: Bool, _ b: TypedField, _ result: inout TypedField
    ) throws(TraceQLError) {
        let op = isNegated ? "!~" : "=~"
        if !a.isString { note("\(op) of \(a.described), expecting a string", a.range) }
        guard case .literal(.string(let pattern)) = b.expr else {
            note("the right side of \(op) has to be a string", b.range, hint: "a regular expression in quotes")
            return
        }
        do throws(RegexError) { _ = try RegularExpression(pattern, anchored: true) } catch {
            note("invalid regular expression: \(error.reason)", b.range)
        }
        result.expr = .matches(a.expr, pattern, isNegated: isNegated)
    }

    private mutating func judge(
        _ a: TypedField, _ comparison: SpanCondition.Comparison, _ b: TypedField, _ range: SourceRange
    ) {
        let isEquality = comparison == .equal || comparison == .notEqual
        for (side, other) in [(a, b), (b, a)] where side.type == .nil {
            if case .field(.intrinsic) = other.expr {
                return note("every span has \(other.expr): it can't be nil", range)
            }
            if case .field(.attribute(.resource, "service.name")) = other.expr {
                return note("every span has resource.service.name: it can't be nil", range)
            }
        }
        if let left = a.type, let right = b.type, left != right,
            !(TypedField.isNumeric(left) && TypedField.isNumeric(right))
        {
            return note("\(left) \(comparison.text) \(right) doesn't compare", range, hint: typeHint(left, right))
        }
        if isEquality { return }
        for side in [a, b] {
            switch side.type {
            case .bool?, .status?, .kind?, .nil?:
                return note("\(side.described) has no order: \(comparison.text)", range, hint: "use = or !=")
            default: break
            }
        }
    }

    private func typeHint(_ a: SpanValueType, _ b: SpanValueType) -> String? {
        let types = [a, b]
        if types.contains(.status) && types.contains(.string) { return "ok, error and unset stand without quotes" }
        if types.contains(.kind) && types.contains(.string) { return "kinds stand without quotes: server, client" }
        if types.contains(.duration) && types.contains(.string) { return "durations stand without quotes: 100ms" }
        return nil
    }
}
