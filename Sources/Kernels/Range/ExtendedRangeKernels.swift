/// Ranges that look beyond their window (experimental): `anchored` takes the samples at its edges, `smoothed` interpolates them.
/// The grid's `range` is the range as written; the samples reach `lookback` further back (and, smoothed, further ahead).
public enum ExtendedRangeKernels {
    /// `rate`, `increase` or `delta` of an anchored range: last sample at or before the window's end, minus the last at or before its
    /// start (else the first inside), without extrapolation.
    public static func anchoredChange(
        _ kind: RateKernels.Kind, _ samples: SampleColumn, _ grid: WindowGrid, lookback: Int64,
        into out: UnsafeMutablePointer<Double>
    ) {
        let values = samples.values
        anchoredWindows(samples, grid, lookback: lookback) { window, lower, upper in
            guard lower < upper else {
                out[window] = Absent.value
                return
            }
            var change = values[upper - 1] - values[lower]
            if kind.isCounter { change += lostAtDrops(values, lower, upper - 1) }
            out[window] = kind == .rate ? change / (Double(grid.range) / 1000) : change
        }
    }

    /// `resets` or `changes` of an anchored range.
    public static func anchoredEvents(
        drops: Bool, _ samples: SampleColumn, _ grid: WindowGrid, lookback: Int64,
        into out: UnsafeMutablePointer<Double>
    ) {
        let values = samples.values
        anchoredWindows(samples, grid, lookback: lookback) { window, lower, upper in
            guard lower < upper else {
                out[window] = Absent.value
                return
            }
            var events = 0
            var index = lower + 1
            while index < upper {
                let before = values[index - 1]
                let after = values[index]
                if drops ? after < before : after != before && !(after.isNaN && before.isNaN) { events += 1 }
                index += 1
            }
            out[window] = Double(events)
        }
    }

    /// `rate`, `increase` or `delta` of a smoothed range: the difference of the values interpolated at both edges.
    public static func smoothedChange(
        _ kind: RateKernels.Kind, _ samples: SampleColumn, _ grid: WindowGrid, lookback: Int64,
        into out: UnsafeMutablePointer<Double>
    ) {
        for window in 0..<grid.count {
            let value = smoothedChange(
                kind, samples, start: grid.start(window), end: grid.end(window), lookback: lookback)
            out[window] = value.map { kind == .rate ? $0 / (Double(grid.range) / 1000) : $0 } ?? Absent.value
        }
    }

    /// The value of a smoothed instant selector at each window's end: interpolated between neighbours at most `lookback` away; the
    /// earlier neighbour as it is where there is no later one.
    public static func smoothedValues(
        _ samples: SampleColumn, _ grid: WindowGrid, lookback: Int64, into out: UnsafeMutablePointer<Double>
    ) {
        for window in 0..<grid.count {
            let time = grid.end(window)
            let after = firstIndex(samples, atOrAfter: time)
            if after < samples.count && samples.times[after] == time {
                out[window] = Absent.guarded(samples.values[after])
                continue
            }
            let before = after - 1
            guard before >= 0, samples.times[before] > time &- lookback else {
                out[window] = Absent.value
                continue
            }
            let hasLater = after < samples.count && samples.times[after] <= time &+ lookback
            let value = hasLater ? interpolate(samples, before, at: time, resets: false) : samples.values[before]
            out[window] = Absent.guarded(value)
        }
    }

    /// Calls `body(window, lower, upper)` with the samples of each anchored window: from its anchor to its end. Empty where no sample
    /// is newer than the window's start.
    @inline(__always)
    private static func anchoredWindows(
        _ samples: SampleColumn, _ grid: WindowGrid, lookback: Int64, _ body: (Int, Int, Int) -> Void
    ) {
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard lower < upper else { return body(window, 0, 0) }
            let hasAnchor = lower > 0 && samples.times[lower - 1] > grid.start(window) &- lookback
            body(window, hasAnchor ? lower - 1 : lower, upper)
        }
    }

    private static func lostAtDrops(_ values: UnsafePointer<Double>, _ first: Int, _ last: Int) -> Double {
        var lost = 0.0
        var index = first + 1
        while index <= last {
            if values[index] < values[index - 1] { lost += values[index - 1] }
            index += 1
        }
        return lost
    }

    private static func smoothedChange(
        _ kind: RateKernels.Kind, _ samples: SampleColumn, start: Int64, end: Int64, lookback: Int64
    ) -> Double? {
        // The samples that count: up to `lookback` outside of the window on both sides.
        let oldest = firstIndex(samples, atOrAfter: start &- lookback &+ 1)
        var first = firstIndex(samples, atOrAfter: start &+ 1)
        if first > oldest { first -= 1 }
        var last = firstIndex(samples, atOrAfter: end)
        if last == samples.count || samples.times[last] > end &+ lookback { last -= 1 }
        guard first <= last, samples.times[last] > start, samples.times[first] <= end else { return nil }
        let startsEarlier = samples.times[first] < start && first < last
        let left =
            startsEarlier ? interpolate(samples, first, at: start, resets: kind.isCounter) : samples.values[first]
        let endsLater = samples.times[last] > end && first < last
        let right = endsLater ? interpolate(samples, last - 1, at: end, resets: kind.isCounter) : samples.values[last]
        guard kind.isCounter else { return right - left }
        // Drops from the left edge over the samples strictly inside to the right edge.
        var lost = 0.0
        var previous = left
        for index in first...last where samples.times[index] > start && samples.times[index] < end {
            let value = samples.values[index]
            if value < previous { lost += previous }
            previous = value
        }
        if right < previous { lost += previous }
        return right - left + lost
    }

    /// Linear between samples `before` and the one behind it; from zero across a counter's drop.
    private static func interpolate(
        _ samples: SampleColumn, _ before: Int, at time: Int64, resets: Bool
    ) -> Double {
        let from = samples.values[before]
        let to = samples.values[before + 1]
        let fraction =
            Double(time &- samples.times[before]) / Double(samples.times[before + 1] &- samples.times[before])
        if resets && to < from { return to * fraction }
        return from + (to - from) * fraction
    }

    private static func firstIndex(_ samples: SampleColumn, atOrAfter time: Int64) -> Int {
        var lower = 0
        var upper = samples.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if samples.times[middle] < time { lower = middle + 1 } else { upper = middle }
        }
        return lower
    }
}
