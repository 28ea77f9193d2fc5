import Model

/// The rows of one series put together from several runs, oldest first: of one timestamp the last row wins, whatever its kind.
///
/// Within a run a native histogram wins over a float of the same timestamp. One owner; reused from series to series.
final class SeriesRows {
    let floats = RowBuffer()
    /// Of the runs ended so far, ascending in time.
    private(set) var histograms: [SeriesBatch.HistogramRow] = []
    private var runStart = 0

    func clear() {
        floats.clear()
        histograms.removeAll(keepingCapacity: true)
        runStart = 0
    }

    var isEmpty: Bool { floats.count == 0 && histograms.isEmpty }

    /// Says that what was appended to `floats` since the last call, and `runHistograms`, ascending, are all the rows of one run.
    func endRun(_ runHistograms: [SeriesBatch.HistogramRow]) {
        if !histograms.isEmpty { dropHistogramsHiddenByFloats() }
        if !runHistograms.isEmpty {
            dropFloatsHidden(by: runHistograms)
            merge(runHistograms)
        }
        runStart = floats.count
    }

    /// Histograms of earlier runs at the timestamps of this run's floats.
    private func dropHistogramsHiddenByFloats() {
        guard let first = histograms.first?.timestamp, let last = histograms.last?.timestamp else { return }
        var hidden: Set<Int64> = []
        for row in runStart..<floats.count where floats.timestamps[row] >= first && floats.timestamps[row] <= last {
            hidden.insert(floats.timestamps[row])
        }
        if !hidden.isEmpty { histograms.removeAll { hidden.contains($0.timestamp) } }
    }

    private func dropFloatsHidden(by run: [SeriesBatch.HistogramRow]) {
        guard floats.count > 0, let first = run.first?.timestamp, let last = run.last?.timestamp else { return }
        floats.removeRows { time in
            guard time >= first, time <= last else { return false }
            let at = Self.lowerBound(run, time)
            return at < run.count && run[at].timestamp == time
        }
    }

    /// Of equal timestamps `run` wins.
    private func merge(_ run: [SeriesBatch.HistogramRow]) {
        guard let last = histograms.last, let first = run.first else {
            histograms = run
            return
        }
        if last.timestamp < first.timestamp { return histograms.append(contentsOf: run) }
        let start = Self.lowerBound(histograms, first.timestamp)
        let older = Array(histograms[start...])
        histograms.removeLast(older.count)
        var i = 0
        var j = 0
        while i < older.count || j < run.count {
            if j == run.count || (i < older.count && older[i].timestamp < run[j].timestamp) {
                histograms.append(older[i])
                i += 1
            } else {
                if i < older.count, older[i].timestamp == run[j].timestamp { i += 1 }
                histograms.append(run[j])
                j += 1
            }
        }
    }

    /// The first row at or after `time`.
    private static func lowerBound(_ rows: [SeriesBatch.HistogramRow], _ time: Int64) -> Int {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) >> 1
            if rows[middle].timestamp < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Puts the floats in order of time; histograms are.
    func finish() { floats.normalise() }

    /// Drops what lies in a range, after `finish`.
    func remove(_ range: TimeRange) {
        floats.removeRows { range.contains($0) }
        histograms.removeAll { range.contains($0.timestamp) }
    }
}
