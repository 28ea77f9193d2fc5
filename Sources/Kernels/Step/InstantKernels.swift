import Model

/// Instant selectors: the newest sample of each step's look-back window.
public enum InstantKernels {
    /// Resamples one series to the grid: per step the newest sample of the left-open window; `Absent.value` where there is none, or it
    /// is a stale marker. The grid's `range` is the look-back.
    public static func resample(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        newest(samples, grid) { step, index in
            out[step] = index < 0 ? Absent.value : Absent.guarded(samples.values[index])
        }
    }

    /// Likewise, but the sample's own timestamp in seconds.
    public static func sampleTimes(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>)
    {
        newest(samples, grid) { step, index in
            out[step] = index < 0 ? Absent.value : Double(samples.times[index]) / 1000
        }
    }

    @inline(__always)
    private static func newest(_ samples: SampleColumn, _ grid: WindowGrid, _ body: (Int, Int) -> Void) {
        let times = samples.times
        let count = samples.count
        var upper = 0
        var end = grid.firstEnd
        for step in 0..<grid.count {
            while upper < count && times[upper] <= end { upper += 1 }
            let index = upper - 1
            let isFresh =
                index >= 0 && times[index] > end &- grid.range && !StaleMarker.matches(samples.values[index])
            body(step, isFresh ? index : -1)
            end &+= grid.step
        }
    }
}
