import Bedrock
import Model

/// An expression in braces with what is known of it.
struct TypedField {
    var expr: FieldExpr
    /// nil: unknown before a span is seen.
    var type: SpanValueType?
    /// Whether it looks at the span at all.
    var hasField = false
    var range: SourceRange
    var height = 1

    var isNumeric: Bool { type.map(Self.isNumeric) ?? true }
    var isBool: Bool { type.map { $0 == .bool } ?? true }
    var isString: Bool { type.map { $0 == .string } ?? true }

    static func isNumeric(_ type: SpanValueType) -> Bool { type == .int || type == .float || type == .duration }

    var described: String { type.map { "\($0)" } ?? "unknown" }
}

extension QueryParser {
    /// Precedence climbing over the operators in braces, which bind at least as strongly as `weakest`.
    mutating func parseField(weakest: Int = Precedence.logical) throws(TraceQLError) -> TypedField {
        var lhs = try parseFieldOperand()
        while let symbol = nextSymbol, let precedence = Self.fieldPrecedence(symbol), precedence >= weakest {
            let place = token.source
            try advance()
            let tighter = symbol == .power ? precedence : precedence + 1
            let rhs = try nested { (parser) throws(TraceQLError) in try parser.parseField(weakest: tighter) }
            lhs = try combine(lhs, symbol, place, rhs)
        }
        return lhs
    }

    private static func fieldPrecedence(_ symbol: Token.Symbol) -> Int? {
        if let op = symbol.arithmetic { return Precedence.of(op) }
        switch symbol {
        case .and, .or: return Precedence.logical
        case .matches, .notSibling: return Precedence.comparison
        default: return symbol.comparison == nil ? nil : Precedence.comparison
        }
    }

    private mutating func parseFieldOperand() throws(TraceQLError) -> TypedField {
        let start = token.source
        if try take(.leftParen) {
            var inner = try nested { (parser) throws(TraceQLError) in try parser.parseField() }
            try expect(.rightParen)
            inner.range = SourceRange(start.start, lastEnd)
            return inner
        }
        if try take(.not) {
            let operand = try nested { (parser) throws(TraceQLError) in
                try parser.parseField(weakest: Precedence.multiplicative)
            }
            let range = SourceRange(start.start, operand.range.end)
            if !operand.isBool { note("! of \(operand.described), expecting a bool", range) }
            return TypedField(
                expr: .not(operand.expr), type: .bool, hasField: operand.hasField, range: range,
                height: try height(above: operand.height))
        }
        if try take(.subtract) {
            let operand = try nested { (parser) throws(TraceQLError) in try parser.parseFieldOperand() }
            return try negated(operand, SourceRange(start.start, operand.range.end))
        }
        if let literal = try takeLiteral() {
            return TypedField(expr: .literal(literal), type: literal.type, range: start)
        }
        if token.kind == .parentAttribute || isNext(word: "parent") {
            note("parent is not supported", start, .unsupported, hint: "relations between spans: { … } > { … }")
            try advance()
            return TypedField(expr: .literal(.nil), type: nil, hasField: true, range: start)
        }
        let field = try parseFieldName()
        var type: SpanValueType?
        if case .intrinsic(let intrinsic) = field { type = intrinsic.valueType }
        return TypedField(expr: .field(field), type: type, hasField: true, range: start)
    }

    private mutating func negated(_ operand: TypedField, _ range: SourceRange) throws(TraceQLError) -> TypedField {
        if !operand.isNumeric { note("- of \(operand.described), expecting a number", range) }
        var result = operand
        result.range = range
        switch operand.expr {
        case .literal(.int(let number)) where number != .min: result.expr = .literal(.int(-number))
        case .literal(.float(let number)): result.expr = .literal(.float(-number))
        case .literal(.duration(let number)) where number != .min: result.expr = .literal(.duration(-number))
        default:
            result.expr = .negate(operand.expr)
            result.height = try height(above: operand.height)
        }
        return result
    }

    /// An intrinsic or an attribute.
    mutating func parseFieldName() throws(TraceQLError) -> SpanField {
        switch token.kind {
        case .attribute(let scope, let name):
            try advance()
            return .attribute(scope, name)
        case .intrinsic(let intrinsic):
            try advance()
            return .intrinsic(intrinsic)
        case .word:
            if let intrinsic = FieldNames.plain[text] {
                try advance()
                return .intrinsic(intrinsic)
            }
            throw unexpected(hint: wordHint(text))
        case .parentAttribute:
            note("parent is not supported", token.source, .unsupported)
            try advance()
            return .attribute(.any, "")
        default: throw unexpected()
        }
    }

    private func wordHint(_ word: String) -> String {
        if let near = Suggestion.nearest(word, in: FieldNames.expressionWords.sorted()) {
            return "did you mean \(near), or the attribute .\(word)?"
        }
        return "attributes begin with a point or a scope: .\(word), span.\(word), resource.\(word)"
    }

    /// A value that stands in the text, without sign.
    mutating func takeLiteral() throws(TraceQLError) -> SpanValue? {
        let value: SpanValue
        switch token.kind {
        case .int(let number): value = .int(number)
        case .float(let number): value = .float(number)
        case .duration(let number): value = .duration(number)
        case .string(let content):
            guard let text = String(validating: content, as: UTF8.self) else {
                throw error("syntax error: string is no valid UTF-8", token.source)
            }
            value = .string(text)
        case .word:
            let word = text
            switch word {
            case "true": value = .bool(true)
            case "false": value = .bool(false)
            case "nil": value = .nil
            case "minInt": value = .int(.min)
            case "maxInt": value = .int(.max)
            default:
                if let status = FieldNames.statuses[word] {
                    value = .status(status)
                } else if let kind = FieldNames.kinds[word] {
                    value = .kind(kind)
                } else {
                    return nil
                }
            }
        default: return nil
        }
        try advance()
        return value
    }
}
