import Kernels

/// The evaluation times of a query or subquery: `start`, `start + step`, … `count` of them, in milliseconds.
struct StepGrid: Equatable, Sendable {
    /// Bound on all times, so that the sum of an evaluation time, an offset, a range and a look-back can't overflow.
    static let timeMax: Int64 = 1 << 60

    let start: Int64
    let step: Int64
    let count: Int

    init(start: Int64, step: Int64, count: Int) {
        precondition(step > 0 && count >= 0, "a grid of \(count) steps, \(step) ms apart")
        self.start = start
        self.step = step
        self.count = count
    }

    /// Of a query as someone asked for it.
    init(checking start: Int64, _ end: Int64, step: Int64, stepsMax: Int) throws(QueryError) {
        guard step > 0 else {
            throw .execution("zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        guard end >= start else { throw .execution("end timestamp must not be before start time") }
        guard start >= -Self.timeMax && end <= Self.timeMax else {
            throw .execution("times from \(start) to \(end) are beyond what can be evaluated")
        }
        let steps = (end - start) / step + 1
        guard steps <= Int64(stepsMax) else {
            throw .execution(
                "exceeded maximum resolution of \(stepsMax) points per timeseries. Try decreasing the query resolution (?step=XX)"
            )
        }
        self.init(start: start, step: step, count: Int(steps))
    }

    /// The last evaluation time.
    var end: Int64 { start + Int64(max(0, count - 1)) * step }

    func time(_ index: Int) -> Int64 { start + Int64(index) * step }

    /// Only the first time, for what is the same at all.
    var single: StepGrid { StepGrid(start: start, step: step, count: min(1, count)) }

    /// Durations and times of expressions, held within the bound.
    static func clamped(_ milliseconds: Int64) -> Int64 { max(-timeMax, min(timeMax, milliseconds)) }
}
