import Kernels
import Model

extension Evaluator {
    /// Whether an expression gives the same at every step: everything that it reads is pinned by `@`, and nothing looks at the clock.
    func isStepInvariant(_ expression: Expr) -> Bool {
        switch expression {
        case .number, .string: true
        case .vectorSelector(let selector): selector.modifiers.pin != nil
        case .matrixSelector(let matrix): matrix.selector.modifiers.pin != nil
        case .subquery(let subquery): subquery.modifiers.pin != nil
        case .call(let call): !call.function.readsClock && call.arguments.allSatisfy(isStepInvariant)
        case .aggregate(let aggregate):
            isStepInvariant(aggregate.operand) && (aggregate.parameter.map(isStepInvariant) ?? true)
        case .binary(let binary): isStepInvariant(binary.lhs) && isStepInvariant(binary.rhs)
        case .unary(let unary): isStepInvariant(unary.operand)
        case .paren(let paren): isStepInvariant(paren.inner)
        }
    }

    /// Copies the one step of `matrix` to all steps of this grid.
    func spread(_ matrix: StepMatrix) throws -> StepMatrix {
        let floats = try context.matrix(rows: matrix.count, steps: grid.count)
        for index in 0..<matrix.count {
            floats.row(index).update(repeating: matrix.row(index)[0], count: grid.count)
        }
        let histograms = matrix.histograms.map { column in
            column.map { StepMatrix.HistogramColumn(repeating: $0[0], count: grid.count) }
        }
        return StepMatrix(
            labels: matrix.labels, losesName: matrix.losesName, floats: floats, histograms: histograms)
    }
}

extension Function {
    /// Whether its value depends on the evaluation time itself.
    var readsClock: Bool {
        switch self {
        case .time, .timestamp, .startTimestamp, .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute,
            .month, .year, .predictLinear:
            true
        default: false
        }
    }
}
