/// The windows of all steps of a query over one series: window `k` is the left-open span `(end - range, end]` with
/// `end = firstEnd + k * step`, in milliseconds. A step of 0 repeats one window (a range pinned by `@`).
@frozen public struct WindowGrid: Sendable {
    public var firstEnd: Int64
    public var step: Int64
    public var count: Int
    public var range: Int64
    /// Evaluation time minus window end: what `offset` and `@` moved the windows by, for functions that look at the clock.
    public var firstEvaluation: Int64
    public var evaluationStep: Int64

    /// - Precondition: times within ±2^61, so that no sum of them overflows; step ≥ 0.
    public init(
        firstEnd: Int64, step: Int64, count: Int, range: Int64, firstEvaluation: Int64? = nil,
        evaluationStep: Int64? = nil
    ) {
        precondition(step >= 0 && count >= 0, "a grid of \(count) windows, \(step) ms apart")
        self.firstEnd = firstEnd
        self.step = step
        self.count = count
        self.range = range
        self.firstEvaluation = firstEvaluation ?? firstEnd
        self.evaluationStep = evaluationStep ?? step
    }

    @inlinable @inline(__always) public func end(_ window: Int) -> Int64 { firstEnd &+ Int64(window) &* step }
    @inlinable @inline(__always) public func start(_ window: Int) -> Int64 { end(window) &- range }
    @inlinable @inline(__always) public func evaluation(_ window: Int) -> Int64 {
        firstEvaluation &+ Int64(window) &* evaluationStep
    }
}

/// One series' samples: timestamps ascending and distinct, values beside them.
@frozen public struct SampleColumn {
    public let times: UnsafePointer<Int64>
    public let values: UnsafePointer<Double>
    public let count: Int

    @inlinable public init(times: UnsafePointer<Int64>, values: UnsafePointer<Double>, count: Int) {
        self.times = times
        self.values = values
        self.count = count
    }
}

/// Slides the windows over sorted timestamps with two indexes that only move forward, and calls `body(window, lower, upper)` with the
/// samples `lower ..< upper` of each. The closure is inlined into the kernel's loop.
@inlinable @inline(__always)
public func slideWindows(
    _ times: UnsafePointer<Int64>, _ count: Int, _ grid: WindowGrid, _ body: (Int, Int, Int) -> Void
) {
    var lower = 0
    var upper = 0
    var end = grid.firstEnd
    for window in 0..<grid.count {
        while upper < count && times[upper] <= end { upper += 1 }
        let start = end &- grid.range
        while lower < upper && times[lower] <= start { lower += 1 }
        body(window, lower, upper)
        end &+= grid.step
    }
}
