import Bedrock
import Model

extension TraceQLQuery: CustomStringConvertible {
    /// The canonical form on one line; parsing it gives an equal tree.
    public var description: String {
        switch expression {
        case .spans(let pipeline): pipeline.description + hintText
        case .metrics(let metrics): metrics.description + hintText
        }
    }

    var hintText: String {
        if hints.isEmpty { return "" }
        return " with (" + hints.map { $0.name + "=" + literalText($0.value) }.joined(separator: ", ") + ")"
    }
}

extension SpansetPipeline: CustomStringConvertible {
    public var description: String { stages.map(\.description).joined(separator: " | ") }
}

extension SpansetStage: CustomStringConvertible {
    public var description: String {
        switch self {
        case .spanset(let expr): expr.description
        case .scalarFilter(let filter):
            filter.lhs.description + " " + filter.comparison.text + " " + filter.rhs.description
        case .by(let expr): "by(" + expr.description + ")"
        case .coalesce: "coalesce()"
        case .select(let fields): "select(" + fields.map(\.text).joined(separator: ", ") + ")"
        }
    }
}

extension SpansetExpr: CustomStringConvertible {
    public var description: String {
        switch self {
        case .filter(nil): "{ }"
        case .filter(let expr?): "{ " + expr.description + " }"
        case .pipeline(let pipeline): "(" + pipeline.description + ")"
        case .binary(let op, let a, let b):
            (needsParens(a, isRight: false) ? "(\(a))" : a.description) + " " + op.text + " "
                + (needsParens(b, isRight: true) ? "(\(b))" : b.description)
        }
    }

    /// Operators of a kind go left to right, `&&` and `||` bind weaker than structural ones.
    func needsParens(_ side: SpansetExpr, isRight: Bool) -> Bool {
        guard case .binary(let op, _, _) = self, case .binary(let inner, _, _) = side else { return false }
        return inner.precedence == op.precedence ? isRight : inner.precedence < op.precedence
    }
}

extension SpansetOperator {
    /// As queries write it.
    public var text: String {
        switch self {
        case .and: "&&"
        case .or: "||"
        case .structural(let relation, let form): form.rawValue + relation.rawValue
        }
    }

    var precedence: Int {
        switch self {
        case .and, .or: Precedence.logical
        case .structural: Precedence.comparison
        }
    }
}

extension ScalarExpr: CustomStringConvertible {
    public var description: String {
        switch self {
        case .literal(let value): return literalText(value)
        case .aggregate(let aggregate):
            return aggregate.operation.rawValue + "(" + (aggregate.argument?.description ?? "") + ")"
        case .binary(let op, let a, let b):
            return operand(a, of: op, isRight: false) + " " + op.rawValue + " " + operand(b, of: op, isRight: true)
        }
    }

    private func operand(_ side: ScalarExpr, of op: ArithmeticOperator, isRight: Bool) -> String {
        guard case .binary(let inner, _, _) = side, op.wantsParens(around: inner, isRight: isRight) else {
            return side.description
        }
        return "(" + side.description + ")"
    }
}

extension ArithmeticOperator {
    /// Whether an operand made with `inner` would be read otherwise without parentheses.
    func wantsParens(around inner: ArithmeticOperator, isRight: Bool) -> Bool {
        let (own, other) = (Precedence.of(self), Precedence.of(inner))
        return own == other ? (self == .power) != isRight : other < own
    }
}

extension FieldExpr: CustomStringConvertible {
    public var description: String {
        switch self {
        case .literal(let value): literalText(value)
        case .field(let field): field.text
        case .not(let operand): "!" + operand.printed(isBinaryBelow: Precedence.multiplicative, wrapsNot: false)
        case .negate(let operand): "-" + operand.printed(isBinaryBelow: .max, wrapsNot: true)
        case .all(let operands): Self.chain(operands, " && ")
        case .any(let operands): Self.chain(operands, " || ")
        case .compare(let op, let a, let b):
            a.printed(isBinaryBelow: Precedence.comparison, wrapsNot: false) + " " + op.text + " "
                + b.printed(isBinaryBelow: Precedence.comparison + 1, wrapsNot: false)
        case .matches(let a, let pattern, let isNegated):
            a.printed(isBinaryBelow: Precedence.comparison, wrapsNot: false) + (isNegated ? " !~ " : " =~ ")
                + quoted(pattern)
        case .arithmetic(let op, let a, let b):
            a.printed(isBinaryBelow: Precedence.of(op) + (op == .power ? 1 : 0), wrapsNot: true) + " " + op.rawValue
                + " " + b.printed(isBinaryBelow: Precedence.of(op) + (op == .power ? 0 : 1), wrapsNot: true)
        }
    }

    private static func chain(_ operands: [FieldExpr], _ separator: String) -> String {
        operands.enumerated().map { index, operand in
            operand.printed(isBinaryBelow: Precedence.logical + (index > 0 ? 1 : 0), wrapsNot: false)
        }.joined(separator: separator)
    }

    /// In parentheses if it is made by an operator that binds weaker than `level`.
    private func printed(isBinaryBelow level: Int, wrapsNot: Bool) -> String {
        let own: Int =
            switch self {
            case .literal, .field, .negate: .max
            case .not: wrapsNot ? 0 : .max
            case .all, .any: Precedence.logical
            case .compare, .matches: Precedence.comparison
            case .arithmetic(let op, _, _): Precedence.of(op)
            }
        return own < level ? "(" + description + ")" : description
    }
}

extension SpanField {
    /// As queries write it, and as results name it.
    public var text: String {
        switch self {
        case .intrinsic(let intrinsic): intrinsic.text ?? "span:start"
        case .attribute(let scope, let name):
            scopeText(scope) + "." + (needsQuotes(name, isUnscoped: scope == .any) ? quotedName(name) : name)
        }
    }

    private func scopeText(_ scope: AttributeScope) -> String {
        FieldNames.scopes.first { $0.value == scope }?.key ?? ""
    }

    private func needsQuotes(_ name: String, isUnscoped: Bool) -> Bool {
        guard let first = name.utf8.first else { return true }
        // `.5` would be a number.
        if isUnscoped && Characters.isDigit(first) { return true }
        return name.unicodeScalars.contains {
            $0 == "\"" || $0 == "\\" || $0.properties.isWhitespace
                || ($0.isASCII && FieldNames.endsName(UInt8(truncatingIfNeeded: $0.value)))
        }
    }

    private func quotedName(_ name: String) -> String {
        var out = "\""
        for character in name.unicodeScalars {
            if character == "\"" || character == "\\" { out += "\\" }
            out.unicodeScalars.append(character)
        }
        return out + "\""
    }
}

/// A literal that parses back to the same value.
func literalText(_ value: SpanValue) -> String {
    switch value {
    case .nil: return "nil"
    case .bool(let flag): return flag ? "true" : "false"
    case .int(.min): return "minInt"
    case .int(let number): return String(number)
    case .float(let number):
        let text = NumberText.text(number, .general)
        return text.utf8.allSatisfy { Characters.isDigit($0) || $0 == UInt8(ascii: "-") } ? text + ".0" : text
    case .duration(let nanoseconds): return GoDuration.text(nanoseconds)
    case .string(let text): return quoted(text)
    case .status(let status): return FieldNames.statuses.first { $0.value == status }?.key ?? "unset"
    case .kind(let kind): return FieldNames.kinds.first { $0.value == kind }?.key ?? "unspecified"
    }
}
