import Bedrock
import Model

/// Judges the entries of a batch by time, and says which must go. The common case, nothing to refuse, costs one pass over the rows.
struct LogAdmission {
    private let bounds: TimeBounds
    /// The bounds in nanoseconds, as entries have them; both included.
    private let earliest: Int64
    private let latest: Int64

    init(_ bounds: TimeBounds) {
        self.bounds = bounds
        earliest = bounds.earliestNanosecond
        latest = bounds.latestNanosecond
    }

    func admits(_ timestamp: Int64) -> Bool { timestamp >= earliest && timestamp <= latest }

    /// The newest admitted timestamp of the batch in milliseconds, and how many of its entries are refused.
    func survey(_ batch: LogBatch) -> (newest: Int64?, refused: Int) {
        var newest = Int64.min
        var refused = 0
        for row in batch.rows {
            if admits(row.timestamp) { newest = max(newest, row.timestamp) } else { refused += 1 }
        }
        return (refused == batch.rowCount ? nil : Self.milliseconds(newest), refused)
    }

    /// A copy of the batch without the refused entries, and the reason for the first of them.
    func filtered(_ batch: LogBatch) -> (batch: LogBatch, reason: String) {
        let kept = LogBatch()
        var reason = ""
        for index in batch.streams.indices {
            kept.appendStream(index, of: batch) { row in
                if admits(row.timestamp) { return true }
                if reason.isEmpty {
                    reason = bounds.reason(Self.milliseconds(row.timestamp), "entry of \(batch.labels(index))")
                }
                return false
            }
        }
        return (kept, reason)
    }

    private static func milliseconds(_ nanoseconds: Int64) -> Int64 {
        let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
