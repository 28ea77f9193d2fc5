import Bedrock
import Kernels
import Model

/// Evaluates the tree of one metric query for all its steps at once.
struct MetricEvaluator {
    let context: LogQueryContext
    let grid: LogGrid
    let isInstant: Bool
    let seriesMax: Int

    init(_ context: LogQueryContext, _ grid: LogGrid, isInstant: Bool, seriesMax: Int) {
        self.context = context
        self.grid = grid
        self.isInstant = isInstant
        self.seriesMax = seriesMax
    }

    func result(_ expression: MetricExpr) throws -> LogQLResult {
        if case .literal(let number) = expression, isInstant { return LogQLResult(value: .scalar(number.value)) }
        let found = try vector(expression)
        let order =
            Self.isRanked(expression) && isInstant
            ? Array(found.labels.indices) : found.labels.indices.sorted { found.labels[$0] < found.labels[$1] }
        let series = order.filter { !found.floats.isRowAbsent($0) }
        guard series.count <= seriesMax else {
            throw LogQLQueryError.execution(
                "maximum number of series (\(seriesMax)) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
            )
        }
        if isInstant {
            let values = series.map { (labels: found.labels[$0], value: found.row($0)[0]) }
            return LogQLResult(value: .vector(values), statistics: context.statistics)
        }
        return LogQLResult(value: .matrix(series.map { self.series(found, $0) }), statistics: context.statistics)
    }

    /// Whether an operator somewhere in the tree gives its elements an order, which the result keeps.
    private static func isRanked(_ expression: MetricExpr) -> Bool {
        switch expression {
        case .literal, .constant, .range: return false
        case .labelReplace(let node): return isRanked(node.operand)
        case .binary(let node): return isRanked(node.lhs) || isRanked(node.rhs)
        case .vector(let node):
            switch node.operation {
            case .topk, .bottomk, .approxTopk, .sort, .sortDesc: return true
            default: return isRanked(node.operand)
            }
        }
    }

    private func series(_ found: StepVector, _ index: Int) -> LogQLSeries {
        var series = LogQLSeries(labels: found.labels[index], timestamps: [], values: [])
        let row = found.row(index)
        for step in 0..<grid.count where !Absent.matches(row[step]) {
            series.timestamps.append(grid.time(step))
            series.values.append(row[step])
        }
        return series
    }

    func matrix(_ rows: Int, filledWith value: Double? = nil) throws -> FloatMatrix {
        if let value {
            return try FloatMatrix(rows: rows, steps: grid.count, filledWith: value, budget: context.budget)
        }
        return try FloatMatrix(rows: rows, steps: grid.count, budget: context.budget)
    }

    func vector(_ expression: MetricExpr) throws -> StepVector {
        try context.cancellation.check()
        switch expression {
        case .literal(let number), .constant(let number):
            return StepVector(labels: [.empty], floats: try matrix(1, filledWith: Absent.guarded(number.value)))
        case .range(let node): return try ranged(node)
        case .vector(let node): return try aggregated(node)
        case .labelReplace(let node): return try relabelled(node)
        case .binary(let node): return try combined(node)
        }
    }

    private func relabelled(_ node: LabelReplaceCall) throws -> StepVector {
        var found = try vector(node.operand)
        let regex: RegularExpression
        do { regex = try RegularExpression(node.regex, anchored: true) } catch {
            throw LogQLQueryError.execution("invalid regex in label_replace: \(error.reason)")
        }
        var builder = LabelsBuilder()
        for index in 0..<found.count {
            let labels = found.labels[index]
            guard let value = regex.expand(node.replacement, matching: labels[node.source] ?? "") else { continue }
            builder.reset(labels)
            builder.set(node.target, value)
            found.labels[index] = builder.labels()
        }
        try found.mergeEqualSeries(orThrow: "duplicate results in label_replace: series have the same labels behind it")
        return found
    }
}
