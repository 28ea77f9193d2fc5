import Kernels
import Model

/// Where the windows of a selector or subquery lie, once `@` and `offset` are applied.
struct SelectorTimes {
    /// End of the first window, in milliseconds.
    let firstEnd: Int64
    /// Between windows; 0 where `@` pins them all to one.
    let step: Int64
    let lastEnd: Int64

    init(_ modifiers: TimeModifiers, _ context: QueryContext, _ grid: StepGrid) throws {
        let offset = try context.durations.value(modifiers.offset)
        if let pin = modifiers.pin {
            let time: Int64 =
                switch pin {
                case .at(let time): StepGrid.clamped(time)
                case .start: context.queryGrid.start
                case .end: context.queryEnd
                }
            firstEnd = time - offset
            lastEnd = firstEnd
            step = 0
        } else {
            firstEnd = grid.start - offset
            lastEnd = grid.end - offset
            step = grid.step
        }
    }

    func windows(_ grid: StepGrid, range: Int64) -> WindowGrid {
        WindowGrid(
            firstEnd: firstEnd, step: step, count: grid.count, range: range, firstEvaluation: grid.start,
            evaluationStep: grid.step)
    }
}

extension Evaluator {
    /// What an instant selector reads of each step's newest sample.
    enum InstantColumn {
        case value
        /// Its own timestamp, in seconds.
        case time
        /// When its counting began, in seconds; no value where that is unknown.
        case start
    }

    func instantSelector(_ selector: VectorSelector, _ column: InstantColumn = .value) throws -> StepMatrix {
        let times = try SelectorTimes(selector.modifiers, context, grid)
        let lookback = context.options.lookbackMilliseconds
        let isSmoothed = selector.extended == .smoothed
        let windows = times.windows(grid, range: lookback)
        let selection = try context.select(
            selector.matchers,
            TimeRange(times.firstEnd - lookback + 1, times.lastEnd + (isSmoothed ? lookback : 0)))
        let floats = try context.matrix(rows: selection.count, steps: grid.count)
        let histograms = HistogramColumns(count: selection.count)
        let resolvesResets = resolvesResets
        try SelectionScan(context: context, selection: selection).forEach(steps: grid.count) { batch, local, index in
            let out = floats.row(index)
            if isSmoothed {
                let samples = batch.freshColumn(local)
                if batch.hasHistograms(local) {
                    let rows = batch.histogramRows(local).filter { !$0.histogram.isStale }
                    histograms[index] = SmoothedInstant(lookback: lookback).evaluate(
                        MixedSamples(samples, rows[...]), windows, into: out,
                        RangeRemarks(context, selection.labels(index), selector.source))
                } else {
                    ExtendedRangeKernels.smoothedValues(samples, windows, lookback: lookback, into: out)
                }
            } else if batch.hasHistograms(local) || column == .start {
                let rows = batch.histogramRows(local)
                let samples = MixedSamples(
                    batch.column(local), starts: column == .start ? batch.startTimes(local) : nil,
                    resolvesResets ? SeriesBatch.resolvingResets(rows)[...] : rows)
                histograms[index] = Self.newest(samples, windows, column, into: out)
            } else if column == .time {
                InstantKernels.sampleTimes(batch.column(local), windows, into: out)
            } else {
                InstantKernels.resample(batch.column(local), windows, into: out)
            }
        }
        var matrix = StepMatrix(
            labels: (0..<selection.count).map { selection.labels($0) }, floats: floats, histograms: histograms.list)
        matrix.dropEmptySeries()
        return matrix
    }

    /// The newest sample per step, where kernels don't do.
    private static func newest(
        _ samples: MixedSamples, _ windows: WindowGrid, _ column: InstantColumn, into out: UnsafeMutablePointer<Double>
    ) -> StepMatrix.HistogramColumn? {
        let floats = samples.floats
        let rows = samples.rows
        var result = StepMatrix.HistogramColumn(repeating: nil, count: windows.count)
        var float = 0
        var histogram = rows.startIndex
        for step in 0..<windows.count {
            let end = windows.end(step)
            while float < floats.count && floats.times[float] <= end { float += 1 }
            while histogram < rows.endIndex && rows[histogram].timestamp <= end { histogram += 1 }
            out[step] = Absent.value
            let floatTime = float > 0 ? floats.times[float - 1] : .min
            let histogramTime = histogram > rows.startIndex ? rows[histogram - 1].timestamp : .min
            let newest = max(floatTime, histogramTime)
            guard newest > windows.start(step) else { continue }
            let isHistogram = histogramTime > floatTime
            if isHistogram ? rows[histogram - 1].histogram.isStale : StaleMarker.matches(floats.values[float - 1]) {
                continue
            }
            switch column {
            case .time: out[step] = Double(newest) / 1000
            case .start:
                let start = isHistogram ? rows[histogram - 1].startTimestamp : samples.starts?[float - 1] ?? 0
                if start != 0 { out[step] = Double(start) / 1000 }
            case .value:
                if isHistogram {
                    result[step] = rows[histogram - 1].histogram
                } else {
                    out[step] = Absent.guarded(floats.values[float - 1])
                }
            }
        }
        return column == .value ? result : nil
    }
}
