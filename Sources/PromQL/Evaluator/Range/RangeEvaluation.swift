import Kernels
import Model

/// A function of a range over one series.
struct RangeEvaluation: Sendable {
    let function: RangeFunction
    let input: RangeInput
    let lookback: Int64

    /// Of a series that has only floats.
    func floats(_ samples: SampleColumn, into out: UnsafeMutablePointer<Double>) {
        let windows = input.windows
        switch (input.extended, function) {
        case (.anchored, .rate): anchored(.rate, samples, out)
        case (.anchored, .increase): anchored(.increase, samples, out)
        case (.anchored, .delta): anchored(.delta, samples, out)
        case (.anchored, .resets):
            ExtendedRangeKernels.anchoredEvents(drops: true, samples, windows, lookback: lookback, into: out)
        case (.anchored, .changes):
            ExtendedRangeKernels.anchoredEvents(drops: false, samples, windows, lookback: lookback, into: out)
        case (.smoothed, .rate): smoothed(.rate, samples, out)
        case (.smoothed, .increase): smoothed(.increase, samples, out)
        case (.smoothed, .delta): smoothed(.delta, samples, out)
        default: function.evaluate(samples, windows, into: out)
        }
    }

    private func anchored(_ kind: RateKernels.Kind, _ samples: SampleColumn, _ out: UnsafeMutablePointer<Double>) {
        ExtendedRangeKernels.anchoredChange(kind, samples, input.windows, lookback: lookback, into: out)
    }

    private func smoothed(_ kind: RateKernels.Kind, _ samples: SampleColumn, _ out: UnsafeMutablePointer<Double>) {
        ExtendedRangeKernels.smoothedChange(kind, samples, input.windows, lookback: lookback, into: out)
    }
}
