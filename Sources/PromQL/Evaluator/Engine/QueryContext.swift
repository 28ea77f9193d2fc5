import Bedrock
import Kernels
import Model
import Synchronization

/// What all parts of one query's evaluation share. Thread-safe.
final class QueryContext: Sendable {
    let options: EngineOptions
    let pool: QueryPool
    let snapshot: any SeriesSnapshot
    let cancellation: Cancellation
    let budget: QueryBudget
    let annotations = AnnotationLog()
    /// Times of the whole query, which `start()`, `end()`, `range()` and `@ start()` mean even inside a subquery.
    let queryGrid: StepGrid
    /// The end of the query as asked for, which no step may hit.
    let queryEnd: Int64
    /// The query's step in milliseconds, 0 for an instant query.
    let queryStep: Int64

    let durations: DurationEvaluation

    private let samplesRead = Atomic<Int>(0)
    private let seriesSelected = Atomic<Int>(0)
    private let samplesPeak = Atomic<Int>(0)

    init(
        options: EngineOptions, pool: QueryPool, snapshot: any SeriesSnapshot, cancellation: Cancellation,
        grid: StepGrid, end: Int64, step: Int64
    ) {
        self.options = options
        self.pool = pool
        self.snapshot = snapshot
        self.cancellation = cancellation
        budget = QueryBudget(samplesMax: options.samplesMax)
        queryGrid = grid
        queryEnd = end
        queryStep = step
        durations = DurationEvaluation(step: step, range: end - grid.start)
    }

    func select(_ matchers: [Matcher], _ range: TimeRange, columns: SeriesRequest.Columns = .samples) throws
        -> any SeriesSelection
    {
        try cancellation.check()
        let selection = try snapshot.select(
            SeriesRequest(
                matchers: matchers, range: range, columns: columns, budget: budget, cancellation: cancellation))
        seriesSelected.add(selection.count, ordering: .relaxed)
        return selection
    }

    /// Reads series `range` of `selection`, hands them to `body`, and gives their samples back to the budget.
    func read(
        _ selection: any SeriesSelection, _ range: Range<Int>, into batch: SeriesBatch,
        _ body: (SeriesBatch) throws -> Void
    ) throws {
        try cancellation.check()
        try selection.read(range, into: batch)
        let samples = batch.rowCount + batch.histograms.count
        samplesRead.add(samples, ordering: .relaxed)
        notePeak()
        // The source charged what it decoded, which is what the batch holds.
        defer { budget.release(samples) }
        try body(batch)
    }

    /// Uninitialised room for intermediate points, charged to the budget while it lives.
    func matrix(rows: Int, steps: Int) throws -> FloatMatrix {
        try cancellation.check()
        let matrix = try FloatMatrix(rows: rows, steps: steps, budget: budget)
        notePeak()
        return matrix
    }

    private func notePeak() {
        let used = budget.samplesUsed
        var peak = samplesPeak.load(ordering: .relaxed)
        while used > peak {
            let (exchanged, current) = samplesPeak.compareExchange(expected: peak, desired: used, ordering: .relaxed)
            if exchanged { return }
            peak = current
        }
    }

    func statistics(prepareNanoseconds: UInt64, evaluateNanoseconds: UInt64) -> QueryStatistics {
        var statistics = QueryStatistics()
        statistics.samplesRead = samplesRead.load(ordering: .relaxed)
        statistics.seriesSelected = seriesSelected.load(ordering: .relaxed)
        statistics.samplesPeak = samplesPeak.load(ordering: .relaxed)
        statistics.prepareNanoseconds = prepareNanoseconds
        statistics.evaluateNanoseconds = evaluateNanoseconds
        return statistics
    }
}
