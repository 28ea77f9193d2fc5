import Kernels
import Model
import Synchronization

/// The rows of a selector, or of a function of a range selector, one after another: what an aggregation can take in without ever
/// holding the whole matrix.
private struct RowStream: Sendable {
    enum Rows {
        case instant(WindowGrid)
        case range(RangeEvaluation)
    }

    let rows: Rows
    let selection: any SeriesSelection

    /// Writes the row of one series; false where it has native histograms or start timestamps, which need the whole machinery.
    func write(_ batch: SeriesBatch, _ local: Int, into row: UnsafeMutablePointer<Double>) -> Bool {
        guard !batch.hasHistograms(local) else { return false }
        switch rows {
        case .instant(let windows): InstantKernels.resample(batch.column(local), windows, into: row)
        case .range(let evaluation):
            if evaluation.function.usesStarts && batch.startTimes(local) != nil { return false }
            evaluation.floats(batch.freshColumn(local), into: row)
        }
        return true
    }
}

extension Evaluator {
    /// Folds a plain selector, or a function of a plain range, series by series into its groups.
    /// nil where that can't be done: other operands, native histograms, sums that overflow, and groups that are as many as series.
    func foldedStream(_ aggregate: Aggregate, _ operation: GroupAccumulator.Operation) throws -> StepMatrix? {
        switch operation {
        case .sum, .average, .minimum, .maximum, .count, .group: break
        case .variance, .deviation: return nil
        }
        guard !isStepInvariant(aggregate.operand) || grid.count == 1 else { return nil }
        switch aggregate.operand.unwrapped {
        case .vectorSelector(let selector) where selector.extended == nil:
            let times = try SelectorTimes(selector.modifiers, context, grid)
            let lookback = context.options.lookbackMilliseconds
            let selection = try context.select(
                selector.matchers, TimeRange(times.firstEnd - lookback + 1, times.lastEnd))
            let rows = RowStream(rows: .instant(times.windows(grid, range: lookback)), selection: selection)
            return try folded(rows, aggregate, operation, losesName: false)?.result
        case .call(let call):
            guard let argument = call.arguments.last, case .matrixSelector(let matrix) = argument.unwrapped,
                matrix.selector.extended == nil, let function = try rangeFunction(call)
            else { return nil }
            return try foldedRange(call, argument, function, aggregate, operation)
        default: return nil
        }
    }

    private func foldedRange(
        _ call: Call, _ argument: Expr, _ function: RangeFunction, _ aggregate: Aggregate,
        _ operation: GroupAccumulator.Operation
    ) throws -> StepMatrix? {
        let input = try rangeInput(argument)
        guard case .selection(let selection) = input.samples else { return nil }
        let dropsName = !call.function.keepsName
        // Without a pinned name, series can become equal when it is dropped, which must be told.
        let pinsName = input.matchers?.contains { $0.name == Labels.metricName && $0.operation == .equal } ?? false
        guard pinsName || !dropsName || context.options.delaysNameRemoval else { return nil }
        let evaluation = RangeEvaluation(
            function: function, input: input, lookback: context.options.lookbackMilliseconds)
        let rows = RowStream(rows: .range(evaluation), selection: selection)
        guard
            let (result, present) = try folded(
                rows, aggregate, operation, losesName: dropsName && context.options.delaysNameRemoval,
                groupsWithoutName: dropsName && !context.options.delaysNameRemoval)
        else { return nil }
        if call.function == .rate || call.function == .increase {
            remarkGauges(input) { present[$0] ? selection.labels($0) : nil }
        }
        return result
    }

    /// One accumulator per thread takes the rows of a contiguous part of the series; the parts are then merged in order, so that the
    /// result doesn't depend on scheduling. Also tells which series had any value.
    private func folded(
        _ stream: RowStream, _ aggregate: Aggregate, _ operation: GroupAccumulator.Operation, losesName: Bool,
        groupsWithoutName: Bool = false
    ) throws -> (result: StepMatrix, present: [Bool])? {
        let selection = stream.selection
        let count = selection.count
        let steps = grid.count
        let hiddenNames = groupsWithoutName ? Set(SeriesNames.metadataLabels) : []
        let grouping = Grouping(
            (0..<count).lazy.map { selection.labels($0) },
            names: aggregate.without ? aggregate.grouping : aggregate.grouping.filter { !hiddenNames.contains($0) },
            without: aggregate.without)
        let parts = count * steps < 65_536 ? 1 : context.pool.width
        guard parts == 1 || grouping.count * 4 * parts <= count else { return nil }
        let budget = context.budget
        let accumulators = try (0..<parts).map { _ in
            try GroupAccumulator(operation, groups: grouping.count, steps: steps, budget: budget)
        }
        let progress = StreamProgress(accumulators, seriesCount: count)
        let context = context
        try context.pool.run(parts) { part in
            let range = count * part / parts..<count * (part + 1) / parts
            let row = try context.matrix(rows: 1, steps: steps)
            try SelectionScan(context: context, selection: selection).forEach(in: range) { batch, local, index in
                guard progress.isStreamable, stream.write(batch, local, into: row.base) else {
                    progress.giveUp()
                    return
                }
                progress.add(row, of: index, to: grouping.numbers[index], part: part)
            }
        }
        guard progress.isStreamable, let total = progress.merged(), !total.hasOverflowed else { return nil }
        let floats = try context.matrix(rows: grouping.count, steps: steps)
        for group in 0..<grouping.count { total.result(of: group, into: floats.row(group)) }
        var result = StepMatrix(
            labels: grouping.labels, losesName: losesName ? [Bool](repeating: true, count: grouping.count) : [],
            floats: floats)
        result.dropEmptySeries()
        return (result, progress.present)
    }
}

/// What the threads of a streamed aggregation share. Each part, and each series, is touched by one thread only.
private final class StreamProgress: @unchecked Sendable {
    private let accumulators: UnsafeMutablePointer<GroupAccumulator>
    private let parts: Int
    private let flags: UnsafeMutablePointer<Bool>
    private let seriesCount: Int
    private let gaveUp = Atomic<Bool>(false)

    init(_ accumulators: [GroupAccumulator], seriesCount: Int) {
        parts = accumulators.count
        self.accumulators = .allocate(capacity: max(1, parts))
        self.accumulators.initialize(from: accumulators, count: parts)
        self.seriesCount = seriesCount
        flags = .allocate(capacity: max(1, seriesCount))
        flags.initialize(repeating: false, count: seriesCount)
    }

    deinit {
        accumulators.deinitialize(count: parts)
        accumulators.deallocate()
        flags.deallocate()
    }

    var isStreamable: Bool { !gaveUp.load(ordering: .relaxed) }
    func giveUp() { gaveUp.store(true, ordering: .relaxed) }

    func add(_ row: FloatMatrix, of series: Int, to group: Int, part: Int) {
        guard !row.isRowAbsent(0) else { return }
        flags[series] = true
        accumulators[part].add(row.base, to: group)
    }

    /// Which series had any value.
    var present: [Bool] { Array(UnsafeBufferPointer(start: flags, count: seriesCount)) }

    /// All parts in order.
    func merged() -> GroupAccumulator? {
        guard parts > 0 else { return nil }
        for part in 1..<max(1, parts) { accumulators[0].merge(accumulators[part]) }
        return accumulators[0]
    }
}
