import Kernels
import Model

/// Evaluates expressions for all steps of one grid. A subquery has an evaluator of its own with the grid of its inner expression.
struct Evaluator {
    let context: QueryContext
    let grid: StepGrid
    /// Find out by comparison whether histograms are counter resets where their hint doesn't say: so for what `histogram_count` and the
    /// like look at, which otherwise couldn't tell conflicting resets.
    let resolvesResets: Bool

    init(_ context: QueryContext, grid: StepGrid, resolvesResets: Bool = false) {
        self.context = context
        self.grid = grid
        self.resolvesResets = resolvesResets
    }

    /// The same evaluator over other steps.
    func at(_ grid: StepGrid) -> Evaluator { Evaluator(context, grid: grid, resolvesResets: resolvesResets) }

    /// The same evaluator with other care for resets.
    func resolvingResets(_ resolves: Bool) -> Evaluator { Evaluator(context, grid: grid, resolvesResets: resolves) }

    /// An instant vector at every step. A literal scalar never comes here: the type checker sees to that.
    func vector(_ expression: Expr) throws -> StepMatrix {
        if grid.count > 1, isStepInvariant(expression) {
            return try spread(at(grid.single).vector(expression))
        }
        switch expression {
        case .vectorSelector(let selector): return try instantSelector(selector)
        case .paren(let paren): return try vector(paren.inner)
        case .unary(let unary): return try negated(unary)
        case .call(let call): return try vectorCall(call)
        case .aggregate(let aggregate): return try aggregated(aggregate)
        case .binary(let binary): return try vectorBinary(binary)
        case .number, .string, .matrixSelector, .subquery: throw wrongType(expression, .vector)
        }
    }

    /// A scalar at every step.
    func scalar(_ expression: Expr) throws -> ScalarColumn {
        switch expression {
        case .number(let number): return .constant(number.value)
        case .paren(let paren): return try scalar(paren.inner)
        case .unary(let unary):
            let operand = try scalar(unary.operand)
            return unary.isNegation ? operand.map { -$0 } : operand
        case .binary(let binary): return try scalarBinary(binary)
        case .call(let call): return try scalarCall(call)
        case .string, .vectorSelector, .matrixSelector, .subquery, .aggregate:
            throw wrongType(expression, .scalar)
        }
    }

    func string(_ expression: Expr) throws -> String {
        guard case .string(let literal) = expression.unwrapped else { throw wrongType(expression, .string) }
        return literal.value
    }

    /// A string that names a label: not empty, and UTF-8. Errors begin with `refusal`.
    func labelName(_ expression: Expr, _ refusal: String = "invalid label name") throws -> String {
        guard case .string(let literal) = expression.unwrapped else { throw wrongType(expression, .string) }
        guard literal.malformedBytes == nil, !literal.value.isEmpty else {
            throw QueryError.execution("\(refusal) \(literal.printed)")
        }
        return literal.value
    }

    private func wrongType(_ expression: Expr, _ wanted: ValueType) -> QueryError {
        .execution("expected type \(wanted.documentedName), got \(expression.type.documentedName)")
    }

    private func negated(_ unary: Unary) throws -> StepMatrix {
        var operand = try vector(unary.operand)
        guard unary.isNegation else { return operand }
        MathFunction.negate.apply(operand.floats.base, count: operand.count * operand.steps)
        for index in operand.histograms.indices {
            operand.histograms[index] = operand.histograms[index]?.map { $0?.scaled(by: -1) }
        }
        try operand.dropNames(context)
        return operand
    }

    /// An empty vector.
    func nothing() throws -> StepMatrix {
        StepMatrix(labels: [], floats: try context.matrix(rows: 0, steps: grid.count))
    }

    /// One series; with `keepsAbsence` steps may be absent.
    func single(_ values: ScalarColumn, labels: Labels = .empty, keepsAbsence: Bool = false) throws -> StepMatrix {
        let floats = try context.matrix(rows: 1, steps: grid.count)
        for step in 0..<grid.count {
            floats.base[step] = keepsAbsence ? values[step] : Absent.guarded(values[step])
        }
        return StepMatrix(labels: [labels], floats: floats)
    }
}
