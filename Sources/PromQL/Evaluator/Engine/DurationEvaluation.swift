import Glibc
import Model

/// Computes duration expressions, which may use the query's step and range.
struct DurationEvaluation {
    /// Milliseconds; both 0 for an instant query.
    let step: Int64
    let range: Int64

    /// A range or step, which must be positive.
    func positive(_ duration: DurationValue) throws(QueryError) -> Int64 {
        let milliseconds = try value(duration)
        if milliseconds <= 0, case .computed(let expression) = duration {
            throw failure(expression, "duration must be greater than 0")
        }
        return milliseconds
    }

    /// Any duration, in milliseconds, within what evaluation can add up.
    func value(_ duration: DurationValue) throws(QueryError) -> Int64 {
        switch duration {
        case .fixed(let milliseconds): return StepGrid.clamped(milliseconds)
        case .computed(let expression):
            let seconds = try self.seconds(expression)
            guard seconds.isFinite else { throw failure(expression, "duration is NaN or infinite") }
            // Nanoseconds must fit a signed 64-bit integer, as durations of the reference implementation do.
            guard seconds.magnitude < 9_223_372_036 else { throw failure(expression, "duration is out of range") }
            return Int64(seconds * 1000)
        }
    }

    private func seconds(_ expression: DurationExpr) throws(QueryError) -> Double {
        switch expression {
        case .number(let number): return number.value
        case .paren(let inner, _): return try seconds(inner)
        case .unary(let isNegation, let inner, _): return try isNegation ? -seconds(inner) : seconds(inner)
        case .call(let function, let arguments, _):
            switch function {
            case .step: return Double(step) / 1000
            case .range: return Double(range) / 1000
            case .minOf, .maxOf:
                guard arguments.count == 2 else { throw failure(expression, "two arguments expected") }
                let a = try seconds(arguments[0])
                let b = try seconds(arguments[1])
                return function == .minOf ? Swift.min(a, b) : Swift.max(a, b)
            }
        case .binary(let op, let lhs, let rhs, _):
            let a = try seconds(lhs)
            let b = try seconds(rhs)
            switch op {
            case .add: return a + b
            case .subtract: return a - b
            case .multiply: return a * b
            case .divide:
                if b == 0 { throw failure(expression, "division by zero") }
                return a / b
            case .modulo:
                if b == 0 { throw failure(expression, "modulo by zero") }
                return fmod(a, b)
            case .power: return pow(a, b)
            default: throw failure(expression, "operator \(op.rawValue) can't be used in a duration")
            }
        }
    }

    private func failure(_ expression: DurationExpr, _ message: String) -> QueryError {
        .execution("\(expression.source.start):\(expression.source.end): \(message)")
    }
}
