import Model

/// Makes a query independent of its evaluation time, to check that it then gives the same at every time.
enum PinnedQuery {
    /// `expr` with `@ time` on every selector and outermost subquery that has none. nil where it calls a function whose value hangs on
    /// the evaluation time itself.
    static func pinned(_ expr: Expr, at time: Int64) -> Expr? {
        var dependsOnTime = false
        expr.walk { node in
            if case .call(let call) = node, timeFunctions.contains(call.function) { dependsOnTime = true }
            return true
        }
        return dependsOnTime ? nil : pin(expr, time)
    }

    /// Times to evaluate a pinned query at, other than its own.
    static func otherTimes(_ time: Int64) -> [Int64] {
        time == 0 ? [-1000, 0, 1000] : [time &* -10, 0, time / 5, time, time &* 10]
    }

    private static let timeFunctions: Set<Function> = [
        .time, .timestamp, .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year,
        .predictLinear,
        .start, .end, .range, .step,
    ]

    private static func pin(_ expr: Expr, _ time: Int64) -> Expr {
        switch expr {
        case .vectorSelector(var selector):
            if selector.modifiers.pin == nil { selector.modifiers.pin = .at(time) }
            return .vectorSelector(selector)
        case .matrixSelector(var matrix):
            if matrix.selector.modifiers.pin == nil { matrix.selector.modifiers.pin = .at(time) }
            return .matrixSelector(matrix)
        case .subquery(var subquery):
            // Selectors inside run at the subquery's own steps.
            if subquery.modifiers.pin == nil { subquery.modifiers.pin = .at(time) }
            return .subquery(subquery)
        case .call(var call) where call.function == .info && call.arguments.count == 2:
            // The second argument is a set of conditions, not a selector.
            call.arguments[0] = pin(call.arguments[0], time)
            return .call(call)
        default: return expr.mapChildren { pin($0, time) }
        }
    }
}
