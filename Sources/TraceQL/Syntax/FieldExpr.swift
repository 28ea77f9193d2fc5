import Model

/// What is computed of one span: a condition or a value.
public indirect enum FieldExpr: Hashable, Sendable {
    case literal(SpanValue)
    case field(SpanField)
    case not(FieldExpr)
    case negate(FieldExpr)
    /// `a && b && …`; the first is no `all` itself, so that long chains stay flat.
    case all([FieldExpr])
    /// `a || b || …`, likewise.
    case any([FieldExpr])
    case compare(SpanCondition.Comparison, FieldExpr, FieldExpr)
    /// `=~` and `!~` with the text of the expression.
    case matches(FieldExpr, String, isNegated: Bool)
    case arithmetic(ArithmeticOperator, FieldExpr, FieldExpr)

    /// Calls `body` with every field of the tree, in the order of the text.
    public func forEachField(_ body: (SpanField) -> Void) {
        switch self {
        case .literal: return
        case .field(let field): body(field)
        case .not(let operand), .negate(let operand), .matches(let operand, _, _): operand.forEachField(body)
        case .all(let operands), .any(let operands): for operand in operands { operand.forEachField(body) }
        case .compare(_, let a, let b), .arithmetic(_, let a, let b):
            a.forEachField(body)
            b.forEachField(body)
        }
    }
}

public enum ArithmeticOperator: String, Hashable, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
}

/// How strongly operators bind.
enum Precedence {
    static let logical = 1
    static let comparison = 2
    static let additive = 3
    static let multiplicative = 4
    static let power = 5

    static func of(_ op: ArithmeticOperator) -> Int {
        switch op {
        case .add, .subtract: additive
        case .multiply, .divide, .modulo: multiplicative
        case .power: power
        }
    }
}

extension SpanCondition.Comparison {
    /// As queries write it.
    public var text: String {
        switch self {
        case .equal: "="
        case .notEqual: "!="
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }

    /// With the sides exchanged.
    var flipped: Self {
        switch self {
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }

    /// Of a value and another in order: negative, 0 or positive.
    @inline(__always) func holds(_ order: Int) -> Bool {
        switch self {
        case .equal: order == 0
        case .notEqual: order != 0
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .greater: order > 0
        case .greaterOrEqual: order >= 0
        }
    }

    @inline(__always) func holds(_ a: Double, _ b: Double) -> Bool {
        switch self {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}
