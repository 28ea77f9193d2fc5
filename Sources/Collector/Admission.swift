import Bedrock
import Model

/// Judges the timestamps of a batch, and says which rows must go.
///
/// A value made per batch; the common case, nothing to refuse, costs one pass over the timestamps and allocates nothing.
struct Admission {
    /// Samples before this are too old.
    let earliest: Int64
    /// Samples after this are too far ahead.
    let latest: Int64
    let now: Int64

    init(limits: CollectorLimits, newest: Int64?, now: Int64) {
        self.now = now
        latest = now.addingReportingOverflow(limits.futureMilliseconds).partialValue
        let readable = now - limits.retentionMilliseconds
        earliest = newest.map { max(readable, $0 - limits.outOfOrderMilliseconds) } ?? readable
    }

    func admits(_ timestamp: Int64) -> Bool { timestamp >= earliest && timestamp <= latest }

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
            if let refused, reason.isEmpty { reason = self.reason(refused, batch.labels(index)) }
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

    private func reason(_ timestamp: Int64, _ labels: Labels) -> String {
        let time = UTCTime(milliseconds: timestamp).iso8601
        if timestamp > latest {
            let ahead = PrometheusDuration.format(milliseconds: timestamp - now)
            return
                "sample of \(labels) at \(time) is \(ahead) ahead of the clock; at most \(PrometheusDuration.format(milliseconds: latest - now)) is accepted"
        }
        return
            "sample of \(labels) at \(time) is too old; the oldest accepted now is \(UTCTime(milliseconds: earliest).iso8601)"
    }
}
