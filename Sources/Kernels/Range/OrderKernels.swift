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
    static func precedes(_ a: Double, _ b: Double) -> Bool { a < b || (a.isNaN && !b.isNaN) }

    /// `quantile_over_time`: the φ of each window stands in `phis`.
    public static func quantiles(
        _ phis: UnsafeBufferPointer<Double>, _ samples: SampleColumn, _ grid: WindowGrid,
        into out: UnsafeMutablePointer<Double>
    ) {
        var sorted = SortedWindow(samples)
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper > lower else {
                out[window] = Absent.value
                return
            }
            sorted.move(to: lower, upper)
            out[window] = sorted.withValues { Absent.guarded(quantile(phis[window], ofSorted: $0)) }
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

/// The values of a window in order (NaN first), kept up to date as the window moves forward: what enters is put in its place, what
/// leaves is taken out, and only a window that shares little with the one before is sorted anew.
private struct SortedWindow {
    private let samples: SampleColumn
    private var values: [Double] = []
    private var lower = 0
    private var upper = 0

    init(_ samples: SampleColumn) { self.samples = samples }

    mutating func move(to newLower: Int, _ newUpper: Int) {
        let moved = (newLower - lower) + (newUpper - upper)
        if newLower >= upper || moved * 2 > newUpper - newLower {
            values.removeAll(keepingCapacity: true)
            for index in newLower..<newUpper { values.append(samples.values[index]) }
            values.withUnsafeMutableBufferPointer { OrderKernels.sort($0) }
        } else {
            for index in lower..<newLower { values.remove(at: position(of: samples.values[index])) }
            for index in upper..<newUpper {
                let value = samples.values[index]
                values.insert(value, at: position(of: value))
            }
        }
        lower = newLower
        upper = newUpper
    }

    func withValues(_ body: (UnsafeBufferPointer<Double>) -> Double) -> Double {
        values.withUnsafeBufferPointer { body($0) }
    }

    /// Where the first value stands that `value` doesn't come behind.
    private func position(of value: Double) -> Int {
        var low = 0
        var high = values.count
        while low < high {
            let middle = (low + high) / 2
            if OrderKernels.precedes(values[middle], value) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
