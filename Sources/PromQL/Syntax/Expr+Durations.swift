import Glibc

/// A duration expression whose value is no usable duration. Rendered as `start:end: reason` with byte offsets.
public struct DurationError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String
    public let source: SourceRange

    public var description: String { "\(source.start):\(source.end): \(reason)" }
}

extension Expr {
    /// The expression with every computed duration replaced by its value for a query of this step and range (both 0 in
    /// instant queries), so that only `.fixed` ones are left.
    ///
    /// - Parameters:
    ///   - step: milliseconds between the query's steps.
    ///   - range: milliseconds from its start to its end.
    public func resolvingDurations(step: Int64, range: Int64) throws(DurationError) -> Expr {
        let resolver = DurationResolver(step: Double(step) / 1000, range: Double(range) / 1000)
        return try resolver.resolve(self)
    }
}

private struct DurationResolver {
    /// Seconds, like everything here.
    let step: Double
    let range: Double

    func resolve(_ expr: Expr) throws(DurationError) -> Expr {
        let inner = try expr.mapChildren { (child) throws(DurationError) in try resolve(child) }
        switch inner {
        case .vectorSelector(let selector): return .vectorSelector(try resolve(selector))
        case .matrixSelector(var matrix):
            matrix.selector = try resolve(matrix.selector)
            matrix.range = try resolve(matrix.range, positive: true)
            return .matrixSelector(matrix)
        case .subquery(var subquery):
            subquery.range = try resolve(subquery.range, positive: true)
            if let step = subquery.step { subquery.step = try resolve(step, positive: true) }
            subquery.modifiers.offset = try resolve(subquery.modifiers.offset, positive: false)
            return .subquery(subquery)
        default: return inner
        }
    }

    private func resolve(_ selector: VectorSelector) throws(DurationError) -> VectorSelector {
        var copy = selector
        copy.modifiers.offset = try resolve(selector.modifiers.offset, positive: false)
        return copy
    }

    private func resolve(_ value: DurationValue, positive: Bool) throws(DurationError) -> DurationValue {
        guard case .computed(let expr) = value else { return value }
        let seconds = try evaluate(expr)
        guard seconds.isFinite else { throw DurationError(reason: "duration is NaN or infinite", source: expr.source) }
        if positive && seconds <= 0 {
            throw DurationError(reason: "duration must be greater than 0", source: expr.source)
        }
        // Prometheus' durations are nanoseconds in 64 bits.
        guard abs(seconds) < 9.2e9 else { throw DurationError(reason: "duration is out of range", source: expr.source) }
        let milliseconds = Int64(seconds * 1000)
        if positive && milliseconds == 0 {
            throw DurationError(reason: "duration must be greater than 0", source: expr.source)
        }
        return .fixed(milliseconds)
    }

    private func evaluate(_ expr: DurationExpr) throws(DurationError) -> Double {
        switch expr {
        case .number(let number): return number.value
        case .paren(let inner, _): return try evaluate(inner)
        case .unary(let isNegation, let operand, _):
            return isNegation ? -(try evaluate(operand)) : try evaluate(operand)
        case .call(let function, let arguments, _):
            let values = try arguments.map { (argument) throws(DurationError) in try evaluate(argument) }
            switch function {
            case .step: return step
            case .range: return range
            case .minOf: return values.contains { $0.isNaN } ? .nan : values.reduce(.infinity, min)
            case .maxOf: return values.contains { $0.isNaN } ? .nan : values.reduce(-.infinity, max)
            }
        case .binary(let op, let lhs, let rhs, let source):
            return try apply(op, try evaluate(lhs), try evaluate(rhs), source)
        }
    }

    private func apply(_ op: BinaryOperator, _ a: Double, _ b: Double, _ source: SourceRange) throws(DurationError)
        -> Double
    {
        switch op {
        case .add: return a + b
        case .subtract: return a - b
        case .multiply: return a * b
        case .divide:
            if b == 0 { throw DurationError(reason: "division by zero", source: source) }
            return a / b
        case .modulo:
            if b == 0 { throw DurationError(reason: "modulo by zero", source: source) }
            return a.truncatingRemainder(dividingBy: b)
        default: return pow(a, b)
        }
    }
}
