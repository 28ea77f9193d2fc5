/// Trends over windows.
public enum RegressionKernels {
    /// Slope per second, and value at `origin`, of the least-squares line through samples `lower ..< upper`.
    @inlinable @inline(__always)
    static func line(
        _ samples: SampleColumn, _ lower: Int, _ upper: Int, origin: Int64
    ) -> (slope: Double, intercept: Double) {
        let firstValue = samples.values[lower]
        var isConstant = true
        var sumX = CompensatedSum()
        var sumY = CompensatedSum()
        var sumXY = CompensatedSum()
        var sumXX = CompensatedSum()
        for index in lower..<upper {
            let x = Double(samples.times[index] &- origin) / 1000
            let y = samples.values[index]
            if y != firstValue { isConstant = false }
            sumX.add(x)
            sumY.add(y)
            sumXY.add(x * y)
            sumXX.add(x * x)
        }
        if isConstant { return firstValue.isInfinite ? (.nan, .nan) : (0, firstValue) }
        let n = Double(upper - lower)
        let x = sumX.sum + sumX.compensation
        let y = sumY.sum + sumY.compensation
        let covariance = sumXY.sum + sumXY.compensation - x * y / n
        let variance = sumXX.sum + sumXX.compensation - x * x / n
        let slope = covariance / variance
        return (slope, y / n - slope * x / n)
    }

    /// `deriv`
    public static func slopes(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper - lower >= 2 else {
                out[window] = Absent.value
                return
            }
            out[window] = Absent.guarded(line(samples, lower, upper, origin: samples.times[lower]).slope)
        }
    }

    /// `predict_linear`: the line's value `seconds[window]` after the evaluation time.
    public static func predictions(
        _ seconds: UnsafeBufferPointer<Double>, _ samples: SampleColumn, _ grid: WindowGrid,
        into out: UnsafeMutablePointer<Double>
    ) {
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper - lower >= 2 else {
                out[window] = Absent.value
                return
            }
            let line = line(samples, lower, upper, origin: grid.evaluation(window))
            out[window] = Absent.guarded(line.slope * seconds[window] + line.intercept)
        }
    }

    /// Holt's double exponential smoothing with the level and trend factors of each window, all within (0, 1).
    public static func doubleExponential(
        smoothing: UnsafeBufferPointer<Double>, trend: UnsafeBufferPointer<Double>, _ samples: SampleColumn,
        _ grid: WindowGrid,
        into out: UnsafeMutablePointer<Double>
    ) {
        let values = samples.values
        slideWindows(samples.times, samples.count, grid) { window, lower, upper in
            guard upper - lower >= 2 else {
                out[window] = Absent.value
                return
            }
            let levelFactor = smoothing[window]
            let trendFactor = trend[window]
            var previous = 0.0
            var level = values[lower]
            var slope = values[lower + 1] - values[lower]
            for index in lower + 1..<upper {
                if index > lower + 1 { slope = trendFactor * (level - previous) + (1 - trendFactor) * slope }
                let next = levelFactor * values[index] + (1 - levelFactor) * (level + slope)
                previous = level
                level = next
            }
            out[window] = Absent.guarded(level)
        }
    }
}
