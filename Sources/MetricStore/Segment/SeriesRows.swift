import Model

/// The rows of one series put together from several runs, oldest first: of one timestamp the last row wins, whatever its kind.
///
/// Within a run a native histogram wins over a float of the same timestamp. One owner; reused from series to series.
final class SeriesRows {
    let floats = RowBuffer()
    private(set) var histograms: [SeriesBatch.HistogramRow] = []
    private var byTime: [Int64: NativeHistogram] = [:]
    private var runStart = 0

    func clear() {
        floats.clear()
        histograms.removeAll(keepingCapacity: true)
        byTime.removeAll(keepingCapacity: true)
        runStart = 0
    }

    var isEmpty: Bool { floats.count == 0 && histograms.isEmpty }

    /// Says that what was appended to `floats` since the last call, and `runHistograms`, are all the rows of one run.
    func endRun(_ runHistograms: [SeriesBatch.HistogramRow]) {
        if !byTime.isEmpty {
            for row in runStart..<floats.count { byTime[floats.timestamps[row]] = nil }
        }
        if !runHistograms.isEmpty {
            for row in runHistograms { byTime[row.timestamp] = row.histogram }
            floats.removeRows(where: { byTime[$0] != nil })
        }
        runStart = floats.count
    }

    /// Puts everything in order of time.
    func finish() {
        floats.normalise()
        if !byTime.isEmpty {
            histograms = byTime.map { SeriesBatch.HistogramRow(timestamp: $0.key, histogram: $0.value) }
            histograms.sort { $0.timestamp < $1.timestamp }
        }
    }

    /// Drops what lies in a range, after `finish`.
    func remove(_ range: TimeRange) {
        floats.removeRows { range.contains($0) }
        histograms.removeAll { range.contains($0.timestamp) }
    }
}
