import Kernels
import Model

/// Reads all series of a selection batch by batch, on several threads when there are many.
struct SelectionScan: Sendable {
    let context: QueryContext
    let selection: any SeriesSelection

    /// Series per batch: few enough that a batch's samples stay in the processor's cache.
    private static let batchSeries = 64
    /// Below this many output points one thread is quicker than waking another.
    private static let inlinePointsMax = 8192

    /// Calls `body(batch, local, index)` for the series `range`, in order, on this thread.
    func forEach(in range: Range<Int>, _ body: (SeriesBatch, Int, Int) throws -> Void) throws {
        let batch = SeriesBatch()
        var first = range.lowerBound
        while first < range.upperBound {
            let end = min(range.upperBound, first + Self.batchSeries)
            try context.read(selection, first..<end, into: batch) { batch in
                for local in 0..<batch.seriesCount { try body(batch, local, first + local) }
            }
            first = end
        }
    }

    /// Calls `body(batch, local, index)` for each series: `local` is its index in the batch, `index` the one in the selection.
    /// Calls for different series may run at the same time.
    func forEach(steps: Int, _ body: @escaping @Sendable (SeriesBatch, Int, Int) throws -> Void) throws {
        let count = selection.count
        let isSmall = count < 8 || count * steps < Self.inlinePointsMax
        let spread = isSmall ? count : count / (context.pool.width * 4)
        let size = max(1, min(Self.batchSeries, spread))
        let batches = (count + size - 1) / size
        let work: @Sendable (Int) throws -> Void = { number in
            try forEach(in: number * size..<min(count, number * size + size), body)
        }
        if isSmall {
            for number in 0..<batches { try work(number) }
        } else {
            try context.pool.run(batches, work)
        }
    }
}

extension SeriesBatch {
    /// Series `local` as a sample column, stale markers included.
    func column(_ local: Int) -> SampleColumn {
        SampleColumn(
            times: timestamps + starts[local], values: values + starts[local],
            count: starts[local + 1] - starts[local])
    }

    /// Series `local` without stale markers, which are removed in place.
    func freshColumn(_ local: Int) -> SampleColumn {
        let start = starts[local]
        let count = dropStaleMarkers(timestamps + start, values + start, count: starts[local + 1] - start)
        return SampleColumn(times: timestamps + start, values: values + start, count: count)
    }

    /// Histograms whose hint says nothing, with what comparing them to the one before tells.
    static func resolvingResets(_ rows: ArraySlice<HistogramRow>) -> [HistogramRow] {
        var result = Array(rows)
        for index in result.indices.dropFirst() where result[index].histogram.resetHint == .unknown {
            let isReset = result[index].histogram.isReset(after: result[index - 1].histogram)
            result[index].histogram.resetHint = isReset ? .reset : .notReset
        }
        return result
    }

    /// Series `local` with everything that it has, without stale markers, which are removed in place.
    func freshSamples(_ local: Int, resolvesResets: Bool) -> MixedSamples {
        var rows = hasHistograms(local) ? histogramRows(local).filter { !$0.histogram.isStale } : []
        if resolvesResets { rows = Self.resolvingResets(rows[...]) }
        // Start timestamps stand beside all rows, so they go before the rows move.
        let values = floats(local)
        let starts = startTimes(local)?.enumerated().filter { !StaleMarker.matches(values[$0.offset]) }.map(\.element)
        return MixedSamples(freshColumn(local), starts: starts, rows[...])
    }

    func hasHistograms(_ local: Int) -> Bool { histogramStarts[local + 1] > histogramStarts[local] }
}

/// Histogram columns that threads fill in, each for rows of its own.
final class HistogramColumns: @unchecked Sendable {
    private let columns: UnsafeMutablePointer<StepMatrix.HistogramColumn?>
    let count: Int

    init(count: Int) {
        self.count = count
        columns = .allocate(capacity: max(1, count))
        columns.initialize(repeating: nil, count: count)
    }

    deinit {
        columns.deinitialize(count: count)
        columns.deallocate()
    }

    /// Row `index`; one thread per row.
    subscript(index: Int) -> StepMatrix.HistogramColumn? {
        get {
            precondition(index >= 0 && index < count, "column \(index) of \(count)")
            return columns[index]
        }
        set {
            precondition(index >= 0 && index < count, "column \(index) of \(count)")
            columns[index] = newValue
        }
    }

    var list: [StepMatrix.HistogramColumn?] { Array(UnsafeBufferPointer(start: columns, count: count)) }
}
