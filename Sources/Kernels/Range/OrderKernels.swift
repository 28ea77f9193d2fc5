/// Order statistics.
public enum OrderKernels {
    /// The φ-quantile of values sorted ascending, NaN first: linear between the ranks beside φ·(n-1). NaN for no values or a NaN φ;
    /// -Inf and +Inf for φ outside [0, 1].
    public static func quantile(_ phi: Double, ofSorted values: UnsafeBufferPointer<Double>) -> Double {
        guard !values.isEmpty && !phi.isNaN else { return .nan }
        if phi < 0 { return -.infinity }
        if phi > 1 { return .infinity }
        let rank = phi * Double(values.count - 1)
        let floor = rank.rounded(.down)
        let lower = max(0, Int(floor))
        let upper = min(values.count - 1, lower + 1)
        let weight = rank - floor
        return values[lower] * (1 - weight) + values[upper] * weight
    }

    /// Sorts ascending, NaN first.
    public static func sort(_ values: UnsafeMutableBufferPointer<Double>) {
        // Insertion is quickest for the few samples of most windows.
        if values.count <= 24 {
            for index in 1..<max(1, values.count) {
                let value = values[index]
                var at = index
                while at > 0 && precedes(value, values[at - 1]) {
                    values[at] = values[at - 1]
                    at -= 1
                }
                values[at] = value
            }
        } else {
            var whole = values
            whole.sort(by: precedes)
        }
    }

    @inline(__always)
    private static func precedes(_ a: Double, _ b: Double) -> Bool { a < b || (a.isNaN && !b.isNaN) }

    /// `quantile_over_time`: the φ of each window stands in `phis`.
    public static func quantiles(
        _ phis: UnsafeBufferPointer<Double>, _ samples: SampleColumn, _ grid: WindowGrid,
        into out: UnsafeMutablePointer<Double>
    ) {
        withScratch(samples.count) { scratch in
            slideWindows(samples.times, samples.count, grid) { window, lower, upper in
                guard upper > lower else {
                    out[window] = Absent.value
                    return
                }
                let sorted = sortedCopy(samples, lower, upper, scratch)
                out[window] = Absent.guarded(quantile(phis[window], ofSorted: sorted))
            }
        }
    }

    /// `mad_over_time`: the median distance from the median.
    public static func medianDeviations(
        _ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>
    ) {
        withScratch(samples.count) { scratch in
            slideWindows(samples.times, samples.count, grid) { window, lower, upper in
                guard upper > lower else {
                    out[window] = Absent.value
                    return
                }
                let median = quantile(0.5, ofSorted: sortedCopy(samples, lower, upper, scratch))
                let distances = UnsafeMutableBufferPointer(start: scratch, count: upper - lower)
                for index in lower..<upper { distances[index - lower] = (samples.values[index] - median).magnitude }
                sort(distances)
                out[window] = Absent.guarded(quantile(0.5, ofSorted: UnsafeBufferPointer(distances)))
            }
        }
    }

    @inline(__always)
    private static func sortedCopy(
        _ samples: SampleColumn, _ lower: Int, _ upper: Int, _ scratch: UnsafeMutablePointer<Double>
    ) -> UnsafeBufferPointer<Double> {
        scratch.update(from: samples.values + lower, count: upper - lower)
        let window = UnsafeMutableBufferPointer(start: scratch, count: upper - lower)
        sort(window)
        return UnsafeBufferPointer(window)
    }

    private static func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) {
        let scratch = UnsafeMutablePointer<Double>.allocate(capacity: max(1, count))
        scratch.initialize(repeating: 0, count: max(1, count))
        defer { scratch.deallocate() }
        body(scratch)
    }
}
