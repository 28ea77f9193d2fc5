import Glibc
import Model

/// What operators in braces make of single values.
enum FieldArithmetic {
    /// A type and a word, as columns hold them.
    typealias Value = (type: SpanValueType, word: Int64)

    static let none: Value = (.nil, 0)

    @inline(__always) static func isNumeric(_ type: SpanValueType) -> Bool {
        type == .int || type == .float || type == .duration
    }

    @inline(__always) static func double(_ value: Value) -> Double {
        value.type == .float ? Double(bitPattern: UInt64(bitPattern: value.word)) : Double(value.word)
    }

    @inline(__always) static func float(_ number: Double) -> Value { (.float, Int64(bitPattern: number.bitPattern)) }

    /// Ints stay ints and durations durations, mixtures become floats. Nil where an operand is no number, for what a whole number can't hold,
    /// and for a whole number divided by zero.
    static func compute(_ op: ArithmeticOperator, _ a: Value, _ b: Value) -> Value {
        guard isNumeric(a.type), isNumeric(b.type) else { return none }
        guard a.type == b.type, a.type != .float else { return float(compute(op, double(a), double(b))) }
        if op == .power && b.word < 0 { return float(pow(double(a), double(b))) }
        let result: (partialValue: Int64, overflow: Bool) =
            switch op {
            case .add: a.word.addingReportingOverflow(b.word)
            case .subtract: a.word.subtractingReportingOverflow(b.word)
            case .multiply: a.word.multipliedReportingOverflow(by: b.word)
            case .divide: a.word.dividedReportingOverflow(by: b.word)
            case .modulo: a.word.remainderReportingOverflow(dividingBy: b.word)
            case .power: power(a.word, b.word)
            }
        return result.overflow ? none : (a.type, result.partialValue)
    }

    static func negate(_ a: Value) -> Value {
        switch a.type {
        case .int, .duration: a.word == .min ? none : (a.type, -a.word)
        case .float: float(-double(a))
        default: none
        }
    }

    private static func compute(_ op: ArithmeticOperator, _ a: Double, _ b: Double) -> Double {
        switch op {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        case .modulo: a.truncatingRemainder(dividingBy: b)
        case .power: pow(a, b)
        }
    }

    /// By squaring. 0, 1 and -1 never overflow, and others do within 64 steps.
    private static func power(_ base: Int64, _ exponent: Int64) -> (partialValue: Int64, overflow: Bool) {
        var result: Int64 = 1
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 {
                let (product, overflow) = result.multipliedReportingOverflow(by: square)
                if overflow { return (0, true) }
                result = product
            }
            rest >>= 1
            if rest > 0 {
                let (product, overflow) = square.multipliedReportingOverflow(by: square)
                if overflow { return (0, true) }
                square = product
            }
        }
        return (result, false)
    }

    /// Whether a number compares so with another. NaN with nothing but by `!=`.
    @inline(__always) static func holds(_ op: SpanCondition.Comparison, _ a: Value, _ b: Value) -> Bool {
        if a.type == .float || b.type == .float { return op.holds(double(a), double(b)) }
        return op.holds(a.word < b.word ? -1 : a.word > b.word ? 1 : 0)
    }
}

extension FieldExpr {
    /// The value of an expression that looks at no span; nil for one that does.
    var constantValue: SpanValue? {
        switch self {
        case .literal(let value): return value
        case .field: return nil
        case .not(let operand):
            guard let value = operand.constantValue else { return nil }
            if case .bool(let flag) = value { return .bool(!flag) }
            return .nil
        case .negate(let operand):
            guard let value = operand.constantValue else { return nil }
            return value.word.map { SpanValue(FieldArithmetic.negate((value.type, $0))) } ?? .nil
        case .all(let operands): return Self.chain(operands, until: false)
        case .any(let operands): return Self.chain(operands, until: true)
        case .compare(let op, let a, let b):
            guard let a = a.constantValue, let b = b.constantValue else { return nil }
            return .bool(a.compares(op, b))
        case .matches(let operand, let pattern, let isNegated):
            guard let value = operand.constantValue else { return nil }
            guard case .string(let text) = value, let regex = try? compiledPattern(pattern) else { return .bool(false) }
            return .bool(regex.matches(text) != isNegated)
        case .arithmetic(let op, let a, let b):
            guard let a = a.constantValue, let b = b.constantValue else { return nil }
            guard let x = a.word, let y = b.word else { return .nil }
            return SpanValue(FieldArithmetic.compute(op, (a.type, x), (b.type, y)))
        }
    }

    private static func chain(_ operands: [FieldExpr], until stop: Bool) -> SpanValue? {
        var isKnown = true
        for operand in operands {
            guard let value = operand.constantValue else {
                isKnown = false
                continue
            }
            if (value == .bool(true)) == stop { return .bool(stop) }
        }
        return isKnown ? .bool(!stop) : nil
    }
}

extension SpanValue {
    /// The word of anything but a string.
    var word: Int64? {
        switch self {
        case .nil: 0
        case .bool(let flag): flag ? 1 : 0
        case .int(let number), .duration(let number): number
        case .float(let number): Int64(bitPattern: number.bitPattern)
        case .string: nil
        case .status(let status): Int64(status.rawValue)
        case .kind(let kind): Int64(kind.rawValue)
        }
    }

    /// Of a number or nil.
    init(_ value: FieldArithmetic.Value) {
        switch value.type {
        case .int: self = .int(value.word)
        case .duration: self = .duration(value.word)
        case .float: self = .float(FieldArithmetic.double(value))
        case .bool: self = .bool(value.word != 0)
        default: self = .nil
        }
    }

    /// As two literals compare: nil equals nil.
    func compares(_ op: SpanCondition.Comparison, _ other: SpanValue) -> Bool {
        if self == .nil || other == .nil {
            return (op == .equal && self == other) || (op == .notEqual && self != other)
        }
        if case .string(let a) = self, case .string(let b) = other {
            return op.holds(a.utf8.elementsEqual(b.utf8) ? 0 : a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : 1)
        }
        guard let a = word, let b = other.word else { return false }
        if FieldArithmetic.isNumeric(type) && FieldArithmetic.isNumeric(other.type) {
            return FieldArithmetic.holds(op, (type, a), (other.type, b))
        }
        return type == other.type && (op == .equal ? a == b : op == .notEqual && a != b)
    }
}
