import Bedrock
import Model

/// Which timestamps of a tenant are taken now: not past the retention, not too far behind the tenant's newest, not too far ahead of the clock.
/// In milliseconds.
struct TimeBounds {
    /// Rows before this are too old.
    let earliest: Int64
    /// Rows after this are too far ahead.
    let latest: Int64
    let now: Int64

    init(limits: CollectorLimits, newest: Int64?, now: Int64) {
        self.now = now
        let ahead = now.addingReportingOverflow(limits.futureMilliseconds)
        latest = ahead.overflow ? .max : ahead.partialValue
        let readable = now - limits.retentionMilliseconds
        earliest = newest.map { max(readable, $0 - limits.outOfOrderMilliseconds) } ?? readable
    }

    /// `earliest` and `latest` in nanoseconds, clamped, both included.
    var earliestNanosecond: Int64 { Self.nanoseconds(earliest, and: 0) }
    var latestNanosecond: Int64 { Self.nanoseconds(latest, and: 999_999) }

    private static func nanoseconds(_ milliseconds: Int64, and rest: Int64) -> Int64 {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, late) = product.addingReportingOverflow(rest)
        return overflow || late ? (milliseconds < 0 ? .min : .max) : sum
    }

    func admits(_ timestamp: Int64) -> Bool { timestamp >= earliest && timestamp <= latest }

    /// Why a row with this time is refused. `what` names the row, as in `sample of {…}`.
    func reason(_ timestamp: Int64, _ what: String) -> String {
        let time = UTCTime(milliseconds: timestamp).iso8601
        if timestamp > latest {
            let ahead = PrometheusDuration.format(milliseconds: timestamp - now)
            return
                "\(what) at \(time) is \(ahead) ahead of the clock; at most \(PrometheusDuration.format(milliseconds: latest - now)) is accepted"
        }
        return "\(what) at \(time) is too old; the oldest accepted now is \(UTCTime(milliseconds: earliest).iso8601)"
    }
}
