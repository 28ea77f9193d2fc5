import Kernels
import Model

/// The evaluation times of a query: `start`, `start + step`, …, `count` of them, in nanoseconds.
struct LogGrid: Equatable, Sendable {
    /// Bounds on times and offsets (the year 2116) and ranges, so that no sum of them overflows.
    static let timeMax: Int64 = 1 << 62
    static let rangeMax: Int64 = 1 << 61

    let start: Int64
    let step: Int64
    let count: Int

    /// Of a query as someone asked for it.
    init(checking start: Int64, _ end: Int64, step: Int64, stepsMax: Int) throws(LogQLQueryError) {
        guard step > 0 else {
            throw .execution("zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        guard end >= start else { throw .execution("end timestamp must not be before start time") }
        guard start >= 0 && end <= Self.timeMax else {
            throw .execution("times from \(start) to \(end) are beyond what can be evaluated")
        }
        let steps = (end - start) / step + 1
        guard steps <= Int64(stepsMax) else {
            throw .execution(
                "exceeded maximum resolution of \(stepsMax) points per timeseries. Try increasing the value of the step parameter"
            )
        }
        self.start = start
        self.step = step
        count = Int(steps)
    }

    func time(_ index: Int) -> Int64 { start + Int64(index) * step }

    /// The windows of a range aggregation at these times. Ranges and offsets beyond the year 0 or `timeMax` are cut.
    func windows(range: Int64, offset: Int64) -> WindowGrid {
        let latest = start + Int64(max(0, count - 1)) * step
        let offset = max(latest - Self.timeMax, min(Self.timeMax, offset))
        return WindowGrid(firstEnd: start - offset, step: step, count: count, range: min(range, Self.rangeMax))
    }
}

extension WindowGrid {
    /// All times that any window holds.
    var covered: LogTimeRange {
        let (first, isBefore) = firstEnd.subtractingReportingOverflow(range)
        let last = end(max(0, count - 1))
        return LogTimeRange(isBefore ? .min : first + 1, last == .max ? .max : last + 1)
    }

    /// The windows that hold `time`, which may be none, and the last time that the same windows hold.
    /// - Precondition: `time` lies in `covered`.
    @inline(__always) func windows(holding time: Int64) -> (windows: Range<Int>, through: Int64) {
        // The first window that ends at or behind it, and those that begin before it.
        let behind = time &- firstEnd
        let lower = behind <= 0 ? 0 : Int((behind &+ step &- 1) / step)
        let reach = behind &+ range &- 1
        guard reach >= 0 else { return (0..<0, firstEnd &- range) }
        let begun = Int(reach / step) &+ 1
        let upper = min(count, begun)
        // It ends with the first window, or where another one begins.
        let through = upper < count ? min(end(lower), end(begun) &- range) : end(lower)
        return (lower < upper ? lower..<upper : 0..<0, through)
    }
}
