/// Rates and counts of events over windows. Each writes one float per window into `out`, `Absent.value` where there is no result.
public enum RateKernels {
    /// `rate`, `increase` and `delta`.
    public enum Kind: Sendable {
        case rate, increase, delta

        @inlinable public var isCounter: Bool { self != .delta }
    }

    /// The change over each window, extrapolated to its edges as far as the spacing of the samples justifies.
    /// A counter is assumed to restart at zero when it drops, and is never extrapolated below zero.
    public static func extrapolated(
        _ kind: Kind, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        var resets = kind.isCounter ? ResetCursor(samples) : ResetCursor()
        let times = samples.times
        let values = samples.values
        slideWindows(times, samples.count, grid) { window, lower, upper in
            guard upper - lower >= 2 else {
                out[window] = Absent.value
                return
            }
            let first = values[lower]
            let last = upper - 1
            let change = values[last] - first + resets.dropped(lower, last)
            let sampled = Double(times[last] &- times[lower]) / 1000
            out[window] =
                change
                * extrapolation(
                    kind, change: change, first: first, sampled: sampled, gaps: Double(last - lower),
                    toStart: Double(times[lower] &- grid.start(window)) / 1000,
                    toEnd: Double(grid.end(window) &- times[last]) / 1000, range: Double(grid.range) / 1000)
        }
    }

    /// The factor that turns the change between the first and the last sample into the result; all spans in seconds.
    @inlinable @inline(__always)
    public static func extrapolation(
        _ kind: Kind, change: Double, first: Double, sampled: Double, gaps: Double, toStart: Double, toEnd: Double,
        range: Double
    ) -> Double {
        let spacing = sampled / gaps
        let threshold = spacing * 1.1
        var toStart = toStart >= threshold ? spacing / 2 : toStart
        if kind.isCounter && change > 0 && first >= 0 {
            let toZero = sampled * (first / change)
            if toZero < toStart { toStart = toZero }
        }
        let toEnd = toEnd >= threshold ? spacing / 2 : toEnd
        let factor = (sampled + toStart + toEnd) / sampled
        return kind == .rate ? factor / range : factor
    }

    /// The change between the last two samples of each window, per second when `perSecond` (`irate`), where a drop counts as a restart.
    public static func lastChange(
        perSecond: Bool, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper - lower >= 2 else {
                out[window] = Absent.value
                return
            }
            let last = samples.values[upper - 1]
            let previous = samples.values[upper - 2]
            guard perSecond else {
                out[window] = last - previous
                return
            }
            let seconds = Double(samples.times[upper - 1] &- samples.times[upper - 2]) / 1000
            out[window] = (last < previous ? last : last - previous) / seconds
        }
    }

    /// How often the value dropped (`resets`), or changed (`changes`; NaN to NaN is no change), within each window.
    public static func events(
        drops: Bool, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        let values = samples.values
        // Events between `lower` and `upper - 1`, kept up to date as both move.
        var countedFrom = 0
        var countedTo = 0
        var total = 0
        func isEvent(_ index: Int) -> Bool {
            let previous = values[index - 1]
            let current = values[index]
            return drops ? current < previous : current != previous && !(current.isNaN && previous.isNaN)
        }
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper > lower else {
                out[window] = Absent.value
                return
            }
            if countedTo <= lower {
                countedFrom = lower
                countedTo = lower
                total = 0
            }
            while countedFrom < lower {
                countedFrom += 1
                if isEvent(countedFrom) { total -= 1 }
            }
            while countedTo < upper - 1 {
                countedTo += 1
                if isEvent(countedTo) { total += 1 }
            }
            out[window] = Double(total)
        }
    }
}

/// Where a counter dropped, for windows that move forward: most counters never do, and then each window costs nothing.
struct ResetCursor {
    private var indexes: [Int] = []
    private var values: UnsafePointer<Double>?
    private var begin = 0

    init() {}

    init(_ samples: SampleColumn) {
        values = samples.values
        var index = 1
        while index < samples.count {
            if samples.values[index] < samples.values[index - 1] { indexes.append(index) }
            index += 1
        }
    }

    /// The sum of the values lost at drops within samples `first ... last`; `first` must not go back between calls.
    @inline(__always)
    mutating func dropped(_ first: Int, _ last: Int) -> Double {
        guard begin < indexes.count, let values else { return 0 }
        while begin < indexes.count && indexes[begin] <= first { begin += 1 }
        var lost = 0.0
        var at = begin
        while at < indexes.count && indexes[at] <= last {
            lost += values[indexes[at] - 1]
            at += 1
        }
        return lost
    }
}
