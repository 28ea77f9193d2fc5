import Model

/// The intervals of a metrics query: left-open, one behind the other. Samples are stamped at their ends.
struct IntervalGrid: Equatable, Sendable {
    let start: Int64
    let step: Int64
    let count: Int

    /// Bound on times (the year 2116), so that no sum of them overflows.
    private static let timeMax: Int64 = 1 << 62

    /// Of a query as someone asked for it, widened to whole intervals.
    init(aligning start: Int64, _ end: Int64, step: Int64, intervalsMax: Int) throws(TraceQLQueryError) {
        guard step > 0 && step <= Self.timeMax / 4 else {
            throw .execution("step of \(step) ns: it has to be positive")
        }
        try Self.check(start, end)
        let first = start / step
        let last = end / step + (end % step == 0 ? 0 : 1)
        guard last - first <= Int64(intervalsMax) else {
            throw .execution("\(last - first) intervals are more than \(intervalsMax): increase the step")
        }
        self.start = first * step
        self.step = step
        count = Int(max(1, last - first))
    }

    /// A single interval.
    init(whole start: Int64, _ end: Int64) throws(TraceQLQueryError) {
        try Self.check(start, end)
        self.start = start
        step = end - start
        count = 1
    }

    private static func check(_ start: Int64, _ end: Int64) throws(TraceQLQueryError) {
        guard end > start else { throw .execution("end timestamp must be after start time") }
        guard start >= 0 && end <= timeMax else {
            throw .execution("times from \(start) to \(end) are beyond what can be evaluated")
        }
    }

    /// All times that it holds.
    var range: SpanTimeRange { SpanTimeRange(start + 1, end(count - 1) + 1) }

    func end(_ index: Int) -> Int64 { start + Int64(index + 1) * step }

    /// The interval that holds `time`, or -1.
    @inline(__always) func index(_ time: Int64) -> Int {
        let (behind, overflow) = time.subtractingReportingOverflow(start)
        guard !overflow, behind > 0 else { return -1 }
        let index = Int((behind - 1) / step)
        return index < count ? index : -1
    }
}
