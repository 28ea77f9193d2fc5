import Bedrock
import Model

/// Judges the timestamps and native histograms of a batch, and says what must go.
///
/// A value made per batch; the common case, nothing to refuse, costs one pass over the timestamps and allocates nothing.
struct Admission {
    /// What was found.
    struct Survey: Equatable {
        /// The newest admitted timestamp of a sample.
        var newest: Int64?
        /// Samples out of bounds.
        var refused = 0
        /// Histograms that are none, or can't be stored.
        var invalid = 0
        /// Histograms that are stored with fewer buckets.
        var reduced = 0
        var exemplarsRefused = 0

        var needsFilter: Bool { refused + invalid + reduced + exemplarsRefused > 0 }
    }

    private enum Verdict {
        case fine
        case reduced(NativeHistogram)
        case refused(String)
    }

    private let bounds: TimeBounds
    private let limits: CollectorLimits
    private let newest: Int64?

    init(limits: CollectorLimits, newest: Int64?, now: Int64) {
        bounds = TimeBounds(limits: limits, newest: newest, now: now)
        self.limits = limits
        self.newest = newest
    }

    func admits(_ timestamp: Int64) -> Bool { bounds.admits(timestamp) }

    func survey(_ batch: MetricBatch) -> Survey {
        var newest = Int64.min
        var survey = Survey()
        batch.timestamps.withUnsafeBufferPointer { times in
            for t in times {
                if admits(t) { newest = max(newest, t) } else { survey.refused += 1 }
            }
        }
        for row in batch.histograms {
            guard admits(row.timestamp) else {
                survey.refused += 1
                continue
            }
            newest = max(newest, row.timestamp)
            switch verdict(row.histogram) {
            case .fine: continue
            case .reduced: survey.reduced += 1
            case .refused: survey.invalid += 1
            }
        }
        survey.newest = newest == .min ? nil : newest
        if !batch.exemplars.isEmpty {
            let oldest = oldestExemplar(survey.newest)
            survey.exemplarsRefused = batch.exemplars.reduce(0) { $0 + (admits($1, oldest) ? 0 : 1) }
        }
        return survey
    }

    private func verdict(_ histogram: NativeHistogram) -> Verdict {
        if let flaw = histogram.flaw(bucketsMax: .max) { return .refused(flaw) }
        if histogram.bucketCount <= limits.histogramBucketsMax && histogram.schema <= NativeHistogram.schemaMax {
            return .fine
        }
        let steps = max(0, histogram.schema - NativeHistogram.schemaMax)
        guard let reduced = histogram.reduced(by: steps).reduced(toBuckets: limits.histogramBucketsMax) else {
            return .refused(
                "\(histogram.bucketCount) buckets are over the limit of \(limits.histogramBucketsMax), "
                    + "and can't be joined any further")
        }
        return .reduced(reduced)
    }

    /// Measured by the samples that came along, so that an agent which catches up keeps its exemplars.
    private func oldestExemplar(_ batchNewest: Int64?) -> Int64 {
        guard let newest = batchNewest ?? newest else { return .min }
        let (oldest, overflow) = newest.subtractingReportingOverflow(limits.exemplarAgeMilliseconds)
        return overflow ? .min : oldest
    }

    private func admits(_ exemplar: MetricBatch.ExemplarRow, _ oldest: Int64) -> Bool {
        admits(exemplar.timestamp) && exemplar.timestamp >= oldest
    }

    /// A copy of the batch as it may be stored, and the reason for the first sample that may not; `survey` is what was found of it.
    func filtered(_ batch: MetricBatch, _ survey: Survey) -> (batch: MetricBatch, reason: String?) {
        let kept = MetricBatch()
        var reason: String?
        let oldest = oldestExemplar(survey.newest)
        for (index, entry) in batch.entries.enumerated() {
            batch.withLabels(index) { kept.beginSeries(canonical: $0) }
            var any = false
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                guard admits(batch.timestamps[row]) else {
                    if reason == nil {
                        reason = bounds.reason(batch.timestamps[row], "sample of \(batch.labels(index))")
                    }
                    continue
                }
                kept.append(timestamp: batch.timestamps[row], value: batch.values[row])
                any = true
            }
            for row in batch.histograms[entry.firstHistogram..<entry.firstHistogram + entry.histogramCount] {
                guard admits(row.timestamp) else {
                    if reason == nil { reason = bounds.reason(row.timestamp, "sample of \(batch.labels(index))") }
                    continue
                }
                switch verdict(row.histogram) {
                case .fine: kept.append(timestamp: row.timestamp, histogram: row.histogram)
                case .reduced(let histogram): kept.append(timestamp: row.timestamp, histogram: histogram)
                case .refused(let flaw):
                    if reason == nil { reason = "native histogram of \(batch.labels(index)): \(flaw)" }
                    continue
                }
                any = true
            }
            kept.appendExemplars(of: index, in: batch) {
                let isAdmitted = admits($0, oldest)
                any = any || isAdmitted
                return isAdmitted
            }
            if !any { kept.dropLastSeries() }
        }
        for item in batch.metadata { kept.append(item) }
        return (kept, reason)
    }
}
