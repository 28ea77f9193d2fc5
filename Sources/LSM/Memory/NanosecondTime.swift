import Model

/// Between the nanoseconds of logs and traces and the milliseconds of the engine.
package enum NanosecondTime {
    package static let nanosecondsPerMillisecond: Int64 = 1_000_000

    package static func milliseconds(_ nanoseconds: Int64) -> Int64 {
        let quotient = nanoseconds / nanosecondsPerMillisecond
        return nanoseconds % nanosecondsPerMillisecond < 0 ? quotient - 1 : quotient
    }

    /// All milliseconds that `first ... last` touches.
    package static func milliseconds(_ first: Int64, through last: Int64) -> TimeRange {
        TimeRange(milliseconds(first), milliseconds(last))
    }

    /// The first nanosecond of a millisecond, clamped.
    package static func nanoseconds(_ milliseconds: Int64) -> Int64 {
        let (product, overflows) = milliseconds.multipliedReportingOverflow(by: nanosecondsPerMillisecond)
        return overflows ? (milliseconds < 0 ? .min : .max) : product
    }

    /// The nanoseconds of a range of milliseconds, both ends included, as first and last one.
    package static func nanoseconds(_ range: TimeRange) -> (first: Int64, last: Int64) {
        let start = nanoseconds(range.start)
        let end = range.end == .max ? Int64.max : nanoseconds(range.end + 1)
        // At the clamped end every nanosecond belongs to the range.
        return (start, end == .max ? .max : end - (end == .min ? 0 : 1))
    }
}
