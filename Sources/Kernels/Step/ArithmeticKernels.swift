import Glibc

/// Binary operators over step columns. A step gives a result only where both operands have a value.
public enum ArithmeticKernels {
    public enum Operator: Sendable {
        case add, subtract, multiply, divide, modulo, power, atan2
    }

    public enum Comparison: Hashable, Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

        @inlinable public func holds(_ a: Double, _ b: Double) -> Bool {
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

    /// What a comparison leaves where it holds.
    public enum ComparisonResult: Sendable {
        /// The left value, and nothing where it doesn't hold.
        case left
        /// The right value, likewise.
        case right
        /// 1 or 0.
        case bool
    }

    /// `a op b` for two numbers, IEEE 754.
    @inlinable public static func apply(_ op: Operator, _ a: Double, _ b: Double) -> Double {
        switch op {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        case .modulo: fmod(a, b)
        case .power: pow(a, b)
        case .atan2: Glibc.atan2(a, b)
        }
    }

    /// `out = a op b`; `out` may be one of the operands.
    public static func apply(
        _ op: Operator, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int,
        into out: UnsafeMutablePointer<Double>
    ) {
        switch op {
        case .add: combine(a, b, count, out) { $0 + $1 }
        case .subtract: combine(a, b, count, out) { $0 - $1 }
        case .multiply: combine(a, b, count, out) { $0 * $1 }
        case .divide: combine(a, b, count, out) { $0 / $1 }
        case .modulo: combine(a, b, count, out) { fmod($0, $1) }
        case .power: combine(a, b, count, out) { pow($0, $1) }
        case .atan2: combine(a, b, count, out) { Glibc.atan2($0, $1) }
        }
    }

    /// `out = a comparison b`; `out` may be one of the operands.
    public static func compare(
        _ comparison: Comparison, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int,
        result: ComparisonResult, into out: UnsafeMutablePointer<Double>
    ) {
        switch comparison {
        case .equal: select(a, b, count, result, out) { $0 == $1 }
        case .notEqual: select(a, b, count, result, out) { $0 != $1 }
        case .less: select(a, b, count, result, out) { $0 < $1 }
        case .lessOrEqual: select(a, b, count, result, out) { $0 <= $1 }
        case .greater: select(a, b, count, result, out) { $0 > $1 }
        case .greaterOrEqual: select(a, b, count, result, out) { $0 >= $1 }
        }
    }

    @inline(__always)
    private static func combine(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Double>,
        _ body: (Double, Double) -> Double
    ) {
        for step in 0..<count {
            let x = a[step]
            let y = b[step]
            let isPresent = !Absent.matches(x) && !Absent.matches(y)
            out[step] = isPresent ? Absent.guarded(body(x, y)) : Absent.value
        }
    }

    @inline(__always)
    private static func select(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, _ result: ComparisonResult,
        _ out: UnsafeMutablePointer<Double>, _ holds: (Double, Double) -> Bool
    ) {
        switch result {
        case .left:
            for step in 0..<count {
                let x = a[step]
                let y = b[step]
                out[step] = !Absent.matches(x) && !Absent.matches(y) && holds(x, y) ? x : Absent.value
            }
        case .right:
            for step in 0..<count {
                let x = a[step]
                let y = b[step]
                out[step] = !Absent.matches(x) && !Absent.matches(y) && holds(x, y) ? y : Absent.value
            }
        case .bool:
            for step in 0..<count {
                let x = a[step]
                let y = b[step]
                let isPresent = !Absent.matches(x) && !Absent.matches(y)
                out[step] = isPresent ? (holds(x, y) ? 1 : 0) : Absent.value
            }
        }
    }
}
