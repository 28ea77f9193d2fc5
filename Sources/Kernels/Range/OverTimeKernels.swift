import Glibc

/// The `*_over_time` family over floats. Each writes one float per window, `Absent.value` for an empty one.
public enum OverTimeKernels {
    /// Sums of windows, compensated.
    public static func sum(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        if let exact = ExactPrefixSums(samples) { return exact.sums(samples, grid, into: out) }
        fold(samples, grid, out) { lower, upper in
            var total = CompensatedSum()
            for index in lower..<upper { total.add(samples.values[index]) }
            return total.value
        }
    }

    public static func average(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        if let exact = ExactPrefixSums(samples) {
            exact.sums(samples, grid, into: out)
            return slideWindows(samples.times, samples.count, grid) { window, lower, upper in
                if upper > lower { out[window] /= Double(upper - lower) }
            }
        }
        fold(samples, grid, out) { lower, upper in
            var mean = CompensatedMean()
            for index in lower..<upper { mean.add(samples.values[index]) }
            return mean.value
        }
    }

    /// The extreme value; NaN only where there is nothing else.
    public static func extreme(
        largest: Bool, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        extremeIndex(largest: largest, takesLast: false, samples, grid) { window, index in
            out[window] = index < 0 ? Absent.value : Absent.guarded(samples.values[index])
        }
    }

    /// When the extreme value was last seen, in seconds.
    public static func timeOfExtreme(
        largest: Bool, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        extremeIndex(largest: largest, takesLast: true, samples, grid) { window, index in
            out[window] = index < 0 ? Absent.value : Double(samples.times[index]) / 1000
        }
    }

    public static func count(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        fold(samples, grid, out) { lower, upper in Double(upper - lower) }
    }

    public static func present(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        fold(samples, grid, out) { _, _ in 1 }
    }

    public static func last(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        fold(samples, grid, out) { _, upper in Absent.guarded(samples.values[upper - 1]) }
    }

    public static func first(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        fold(samples, grid, out) { lower, _ in Absent.guarded(samples.values[lower]) }
    }

    /// The time of the first or last sample, in seconds.
    public static func timeOfEdge(
        last: Bool, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        fold(samples, grid, out) { lower, upper in Double(samples.times[last ? upper - 1 : lower]) / 1000 }
    }

    /// Population variance, or its root.
    public static func variance(
        root: Bool, _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        fold(samples, grid, out) { lower, upper in
            let variance = populationVariance(samples.values + lower, upper - lower)
            return root ? variance.squareRoot() : variance
        }
    }

    @inline(__always)
    private static func fold(
        _ samples: SampleColumn, _ grid: WindowGrid, _ out: UnsafeMutablePointer<Double>, _ body: (Int, Int) -> Double
    ) {
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            out[window] = upper > lower ? body(lower, upper) : Absent.value
        }
    }

    /// Calls `body(window, index)` with the index of each window's extreme, -1 for an empty window. Windows that overlap little are
    /// scanned; others keep a queue of candidates, each better than all behind it, so that a sample is looked at once.
    @inline(__always)
    private static func extremeIndex(
        largest: Bool, takesLast: Bool, _ samples: SampleColumn, _ grid: WindowGrid, _ body: (Int, Int) -> Void
    ) {
        let values = samples.values
        /// Whether a later value replaces an earlier one.
        func replaces(_ candidate: Double, _ current: Double) -> Bool {
            if current.isNaN { return takesLast || !candidate.isNaN }
            if takesLast && candidate == current { return true }
            return largest ? candidate > current : candidate < current
        }
        if grid.step > 0 && grid.range / grid.step >= 4 {
            var queue = [Int]()
            queue.reserveCapacity(64)
            var head = 0
            var entered = 0
            slideWindows(samples.times, samples.count, grid) { window, lower, upper in
                if entered < lower { entered = lower }
                while entered < upper {
                    while queue.count > head, let tail = queue.last, replaces(values[entered], values[tail]) {
                        queue.removeLast()
                    }
                    queue.append(entered)
                    entered += 1
                }
                while head < queue.count && queue[head] < lower { head += 1 }
                if head > 256 && head * 2 > queue.count {
                    queue.removeFirst(head)
                    head = 0
                }
                body(window, head < queue.count ? queue[head] : -1)
            }
            return
        }
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper > lower else { return body(window, -1) }
            var best = lower
            var index = lower + 1
            while index < upper {
                if replaces(values[index], values[best]) { best = index }
                index += 1
            }
            body(window, best)
        }
    }
}

/// Running sums of a column whose values are all integers small enough that every sum of them is exact: then any window's sum is one
/// subtraction, and equals the compensated sum bit for bit.
private struct ExactPrefixSums {
    private let prefix: [Int64]

    init?(_ samples: SampleColumn) {
        guard samples.count > 1 else { return nil }
        // The bound on each partial sum, of magnitudes: below it every intermediate double is an exact integer.
        let bound = 9_007_199_254_740_992.0
        var magnitudes = 0.0
        for index in 0..<samples.count {
            let value = samples.values[index]
            guard value == value.rounded(.towardZero), value.bitPattern != 0x8000_0000_0000_0000 else { return nil }
            magnitudes += value.magnitude
        }
        guard magnitudes < bound else { return nil }
        var prefix = [Int64](repeating: 0, count: samples.count + 1)
        for index in 0..<samples.count { prefix[index + 1] = prefix[index] &+ Int64(samples.values[index]) }
        self.prefix = prefix
    }

    func sums(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        prefix.withUnsafeBufferPointer { prefix in
            slideWindows(samples.times, samples.count, grid) { window, lower, upper in
                out[window] = upper > lower ? Double(prefix[upper] &- prefix[lower]) : Absent.value
            }
        }
    }
}
