import Bedrock
import Model

/// Judges the timestamps of a batch, and says which rows must go.
///
/// A value made per batch; the common case, nothing to refuse, costs one pass over the timestamps and allocates nothing.
struct Admission {
    private let bounds: TimeBounds

    init(limits: CollectorLimits, newest: Int64?, now: Int64) {
        bounds = TimeBounds(limits: limits, newest: newest, now: now)
    }

    func admits(_ timestamp: Int64) -> Bool { bounds.admits(timestamp) }

    /// The newest admitted timestamp of the batch, and how many of its samples are refused.
    func survey(_ batch: MetricBatch) -> (newest: Int64?, refused: Int) {
        var newest = Int64.min
        var refused = 0
        batch.timestamps.withUnsafeBufferPointer { times in
            for t in times {
                if admits(t) { newest = max(newest, t) } else { refused += 1 }
            }
        }
        for row in batch.histograms {
            if admits(row.timestamp) { newest = max(newest, row.timestamp) } else { refused += 1 }
        }
        return (newest == .min ? nil : newest, refused)
    }

    /// A copy of the batch without the refused samples, and the reason for the first of them.
    func filtered(_ batch: MetricBatch) -> (batch: MetricBatch, reason: String) {
        let kept = MetricBatch()
        var reason = ""
        for (index, entry) in batch.entries.enumerated() {
            let rows = entry.firstRow..<entry.firstRow + entry.rowCount
            let histograms = entry.firstHistogram..<entry.firstHistogram + entry.histogramCount
            let refused =
                rows.first { !admits(batch.timestamps[$0]) }.map { batch.timestamps[$0] }
                ?? histograms.first { !admits(batch.histograms[$0].timestamp) }.map { batch.histograms[$0].timestamp }
            if let refused, reason.isEmpty { reason = bounds.reason(refused, "sample of \(batch.labels(index))") }
            batch.withLabels(index) { kept.beginSeries(canonical: $0) }
            var any = false
            for row in rows where admits(batch.timestamps[row]) {
                kept.append(timestamp: batch.timestamps[row], value: batch.values[row])
                any = true
            }
            for row in histograms where admits(batch.histograms[row].timestamp) {
                kept.append(timestamp: batch.histograms[row].timestamp, histogram: batch.histograms[row].histogram)
                any = true
            }
            if !any { kept.dropLastSeries() }
        }
        for item in batch.metadata { kept.append(item) }
        return (kept, reason)
    }
}
