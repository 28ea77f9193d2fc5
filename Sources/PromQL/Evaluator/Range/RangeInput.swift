import Bedrock
import Kernels
import Model

/// A range vector about to be read: series by series, with the windows of all steps.
struct RangeInput: @unchecked Sendable {
    enum Samples {
        case selection(any SeriesSelection)
        /// The inner expression of a subquery at its steps. Read only from here on.
        case subquery(StepMatrix, StepGrid)
    }

    let samples: Samples
    let windows: WindowGrid
    /// Reads beyond the windows, up to the look-back.
    let extended: SelectorExtension?
    /// Where the range vector stands in the query.
    let source: SourceRange
    /// See `Evaluator.resolvesResets`.
    let resolvesResets: Bool
    /// The matchers of a plain selector, for `absent_over_time`.
    let matchers: [Matcher]?

    var count: Int {
        switch samples {
        case .selection(let selection): selection.count
        case .subquery(let matrix, _): matrix.count
        }
    }

    func labels(_ index: Int) -> Labels {
        switch samples {
        case .selection(let selection): selection.labels(index)
        case .subquery(let matrix, _): matrix.labels[index]
        }
    }

    func losesName(_ index: Int) -> Bool {
        switch samples {
        case .selection: false
        case .subquery(let matrix, _): matrix.losesName(index)
        }
    }

    /// The labels as a query shows them.
    func resultLabels(_ index: Int) -> Labels {
        guard losesName(index) else { return labels(index) }
        var projection = SeriesNames.projection()
        return projection.project(labels(index))
    }

    /// Calls `body(index, samples)` for each series, stale markers removed; several at a time on different threads.
    func forEachParallel(
        _ context: QueryContext, _ body: @escaping @Sendable (Int, MixedSamples) throws -> Void
    ) throws {
        switch samples {
        case .selection(let selection):
            try SelectionScan(context: context, selection: selection).forEach(steps: windows.count) {
                batch, local, index in
                try body(index, batch.freshSamples(local, resolvesResets: resolvesResets))
            }
        case .subquery(let matrix, let grid):
            try context.pool.run(matrix.count) { [self] index in
                try context.cancellation.check()
                try withColumn(matrix, grid, index) { try body(index, $0) }
            }
        }
    }

    /// Likewise, one after another and in order.
    func forEachSeries(
        _ context: QueryContext, _ body: (Int, MixedSamples) throws -> Void
    ) throws {
        switch samples {
        case .selection(let selection):
            let batch = SeriesBatch()
            for index in 0..<selection.count {
                try context.read(selection, index..<index + 1, into: batch) { batch in
                    try body(index, batch.freshSamples(0, resolvesResets: resolvesResets))
                }
            }
        case .subquery(let matrix, let grid):
            for index in 0..<matrix.count { try withColumn(matrix, grid, index) { try body(index, $0) } }
        }
    }

    /// Row `index` of a subquery's result as samples.
    private func withColumn(
        _ matrix: StepMatrix, _ grid: StepGrid, _ index: Int,
        _ body: (MixedSamples) throws -> Void
    ) rethrows {
        let row = matrix.row(index)
        let times = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, grid.count))
        let values = UnsafeMutablePointer<Double>.allocate(capacity: max(1, grid.count))
        defer {
            times.deallocate()
            values.deallocate()
        }
        var count = 0
        for step in 0..<grid.count where !Absent.matches(row[step]) {
            times[count] = grid.time(step)
            values[count] = row[step]
            count += 1
        }
        var rows: [SeriesBatch.HistogramRow] = []
        if let column = matrix.histogramColumn(index) {
            for step in 0..<grid.count {
                if let histogram = column[step] {
                    var copy = histogram
                    // Between steps there may have been resets that no hint tells of.
                    if copy.resetHint != .gauge { copy.resetHint = .unknown }
                    rows.append(SeriesBatch.HistogramRow(timestamp: grid.time(step), histogram: copy))
                }
            }
        }
        try body(MixedSamples(SampleColumn(times: times, values: values, count: count), rows[...]))
    }
}

extension Evaluator {
    /// Opens the range vector `expression`.
    func rangeInput(_ expression: Expr) throws -> RangeInput {
        switch expression.unwrapped {
        case .matrixSelector(let matrix):
            let range = try context.durations.positive(matrix.range)
            let selector = matrix.selector
            let times = try SelectorTimes(selector.modifiers, context, grid)
            let lookback = selector.extended == nil ? 0 : context.options.lookbackMilliseconds
            let ahead = selector.extended == .smoothed ? lookback : 0
            let selection = try context.select(
                selector.matchers, TimeRange(times.firstEnd - range - lookback + 1, times.lastEnd + ahead))
            return RangeInput(
                samples: .selection(selection), windows: times.windows(grid, range: range),
                extended: selector.extended, source: expression.source, resolvesResets: resolvesResets,
                matchers: selector.matchers)
        case .subquery(let subquery):
            let (inner, times, range) = try subqueryGrid(subquery)
            let matrix =
                inner.count == 0
                ? try at(inner).nothing()
                : try at(inner).column(subquery.inner)
            return RangeInput(
                samples: .subquery(matrix, inner), windows: times.windows(grid, range: range), extended: nil,
                source: expression.source, resolvesResets: false, matchers: nil)
        default:
            throw QueryError.execution(
                "expected type \(ValueType.matrix.documentedName), got \(expression.type.documentedName)")
        }
    }

    /// An instant vector, or a scalar as one series without labels.
    private func column(_ expression: Expr) throws -> StepMatrix {
        guard expression.type == .scalar else { return try vector(expression) }
        return try single(scalar(expression))
    }

    /// The steps at which a subquery evaluates its inner expression: multiples of its step, whatever the query's start.
    private func subqueryGrid(_ subquery: Subquery) throws -> (StepGrid, SelectorTimes, range: Int64) {
        let range = try context.durations.positive(subquery.range)
        let defaultStep = context.options.subqueryStepMilliseconds
        let step = try subquery.step.map { try context.durations.positive($0) } ?? defaultStep
        let times = try SelectorTimes(subquery.modifiers, context, grid)
        guard step > 0 else { throw QueryError.execution("duration must be greater than 0") }
        let oldest = times.firstEnd - range
        var start = oldest / step * step
        if start <= oldest { start += step }
        let count = start > times.lastEnd ? 0 : (times.lastEnd - start) / step + 1
        // Each step needs at least one point, so this many could never be held.
        guard count <= Int64(min(context.budget.samplesMax, Int.max >> 8)) else {
            throw QueryError.tooManySamples(samplesMax: context.budget.samplesMax)
        }
        return (StepGrid(start: start, step: step, count: Int(count)), times, range)
    }
}
