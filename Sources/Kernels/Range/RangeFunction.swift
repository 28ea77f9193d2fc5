/// A function of a window of float samples, with what it needs besides.
public enum RangeFunction: Sendable {
    case rate, increase, delta, irate, idelta
    case resets, changes
    case deriv
    case sumOverTime, avgOverTime, minOverTime, maxOverTime, countOverTime, presentOverTime
    case firstOverTime, lastOverTime
    case stddevOverTime, stdvarOverTime, madOverTime
    case timeOfMin, timeOfMax, timeOfFirst, timeOfLast
    /// φ per window.
    case quantile([Double])
    /// Seconds ahead per window.
    case predictLinear([Double])
    /// Smoothing and trend factors per window.
    case doubleExponential([Double], [Double])

    /// Evaluates all windows over one series' floats: one value per window into `out`, `Absent.value` for none.
    public func evaluate(_ samples: SampleColumn, _ grid: WindowGrid, into out: UnsafeMutablePointer<Double>) {
        switch self {
        case .rate: RateKernels.extrapolated(.rate, samples, grid, into: out)
        case .increase: RateKernels.extrapolated(.increase, samples, grid, into: out)
        case .delta: RateKernels.extrapolated(.delta, samples, grid, into: out)
        case .irate: RateKernels.lastChange(perSecond: true, samples, grid, into: out)
        case .idelta: RateKernels.lastChange(perSecond: false, samples, grid, into: out)
        case .resets: RateKernels.events(drops: true, samples, grid, into: out)
        case .changes: RateKernels.events(drops: false, samples, grid, into: out)
        case .deriv: RegressionKernels.slopes(samples, grid, into: out)
        case .sumOverTime: OverTimeKernels.sum(samples, grid, into: out)
        case .avgOverTime: OverTimeKernels.average(samples, grid, into: out)
        case .minOverTime: OverTimeKernels.extreme(largest: false, samples, grid, into: out)
        case .maxOverTime: OverTimeKernels.extreme(largest: true, samples, grid, into: out)
        case .countOverTime: OverTimeKernels.count(samples, grid, into: out)
        case .presentOverTime: OverTimeKernels.present(samples, grid, into: out)
        case .firstOverTime: OverTimeKernels.first(samples, grid, into: out)
        case .lastOverTime: OverTimeKernels.last(samples, grid, into: out)
        case .stddevOverTime: OverTimeKernels.variance(root: true, samples, grid, into: out)
        case .stdvarOverTime: OverTimeKernels.variance(root: false, samples, grid, into: out)
        case .madOverTime: OrderKernels.medianDeviations(samples, grid, into: out)
        case .timeOfMin: OverTimeKernels.timeOfExtreme(largest: false, samples, grid, into: out)
        case .timeOfMax: OverTimeKernels.timeOfExtreme(largest: true, samples, grid, into: out)
        case .timeOfFirst: OverTimeKernels.timeOfEdge(last: false, samples, grid, into: out)
        case .timeOfLast: OverTimeKernels.timeOfEdge(last: true, samples, grid, into: out)
        case .quantile(let phis):
            phis.withUnsafeBufferPointer { OrderKernels.quantiles($0, samples, grid, into: out) }
        case .predictLinear(let seconds):
            seconds.withUnsafeBufferPointer { RegressionKernels.predictions($0, samples, grid, into: out) }
        case .doubleExponential(let smoothing, let trend):
            smoothing.withUnsafeBufferPointer { smoothing in
                trend.withUnsafeBufferPointer { trend in
                    RegressionKernels.doubleExponential(
                        smoothing: smoothing, trend: trend, samples, grid, into: out)
                }
            }
        }
    }
}
