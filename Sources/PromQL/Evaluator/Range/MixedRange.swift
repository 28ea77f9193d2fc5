import Kernels
import Model

/// The samples of a series that has native histograms, and perhaps floats at other times.
struct MixedSamples {
    let floats: SampleColumn
    /// When the floats' counting began, beside them; 0: unknown, nil: all unknown.
    let starts: [Int64]?
    let rows: ArraySlice<SeriesBatch.HistogramRow>

    init(_ floats: SampleColumn, starts: [Int64]? = nil, _ rows: ArraySlice<SeriesBatch.HistogramRow>) {
        self.floats = floats
        self.starts = starts
        self.rows = rows
    }
}

/// One window over such a series.
struct MixedWindow {
    let samples: MixedSamples
    /// Indexes into the floats.
    let floats: Range<Int>
    let histograms: ArraySlice<SeriesBatch.HistogramRow>

    var isEmpty: Bool { floats.isEmpty && histograms.isEmpty }
    var mixes: Bool { !floats.isEmpty && !histograms.isEmpty }
    var count: Int { floats.count + histograms.count }
    func time(_ index: Int) -> Int64 { samples.floats.times[index] }
    func value(_ index: Int) -> Double { samples.floats.values[index] }

    private func sample(_ index: Int) -> MixedSample {
        MixedSample(time: time(index), start: samples.starts?[index] ?? 0, float: value(index), histogram: nil)
    }

    /// Both kinds by time.
    var merged: [MixedSample] {
        var result: [MixedSample] = []
        result.reserveCapacity(count)
        var float = floats.lowerBound
        for row in histograms {
            while float < floats.upperBound && time(float) < row.timestamp {
                result.append(sample(float))
                float += 1
            }
            result.append(
                MixedSample(
                    time: row.timestamp, start: row.startTimestamp, float: .nan, histogram: row.histogram))
        }
        while float < floats.upperBound {
            result.append(sample(float))
            float += 1
        }
        return result
    }
}

/// A float, or a histogram.
struct MixedSample {
    let time: Int64
    /// When its counting began; 0: unknown.
    let start: Int64
    let float: Double
    let histogram: NativeHistogram?
}

/// What a function makes of one window.
enum MixedValue {
    case none
    case float(Double)
    case histogram(NativeHistogram)
}

extension RangeEvaluation {
    /// Evaluates all windows of a series with histograms; returns the histograms of the result.
    func mixed(
        _ samples: MixedSamples, into out: UnsafeMutablePointer<Double>, _ remarks: RangeRemarks
    ) -> StepMatrix.HistogramColumn? {
        // Functions of floats alone run their kernels; histograms beside floats are only remarked on.
        let isFloatOnly = function.isFloatOnly
        if isFloatOnly { floats(samples.floats, into: out) }
        var result = StepMatrix.HistogramColumn(repeating: nil, count: input.windows.count)
        var lower = samples.rows.startIndex
        var upper = lower
        slideWindows(samples.floats.times, samples.floats.count, input.windows) { step, from, to in
            let end = input.windows.end(step)
            let start = input.windows.start(step)
            while upper < samples.rows.endIndex && samples.rows[upper].timestamp <= end { upper += 1 }
            while lower < upper && samples.rows[lower].timestamp <= start { lower += 1 }
            let window = MixedWindow(samples: samples, floats: from..<to, histograms: samples.rows[lower..<upper])
            if isFloatOnly {
                if window.mixes { remarks.ignoresHistograms() }
                return
            }
            let value =
                input.extended == nil
                ? self.value(window, step, remarks) : extendedValue(samples, window, start: start, end: end, remarks)
            switch value {
            case .none: out[step] = Absent.value
            case .float(let float): out[step] = Absent.guarded(float)
            case .histogram(let histogram):
                out[step] = Absent.value
                result[step] = histogram
            }
        }
        return isFloatOnly ? nil : result
    }

    private func value(_ window: MixedWindow, _ step: Int, _ remarks: RangeRemarks) -> MixedValue {
        guard !window.isEmpty else { return .none }
        let windows = input.windows
        switch function {
        case .rate, .increase, .delta:
            if window.mixes {
                remarks.mixesFloatsAndHistograms()
                return .none
            }
            return WindowChange(function: function, windows: windows).value(window.merged, step, remarks)
        case .irate: return WindowChange.lastChange(window.merged, isRate: true, remarks)
        case .idelta: return WindowChange.lastChange(window.merged, isRate: false, remarks)
        case .resets: return .float(Double(WindowChange.resets(window.merged)))
        case .changes: return .float(Double(WindowChange.changes(window.merged)))
        case .sumOverTime, .avgOverTime: return total(window, remarks)
        case .countOverTime: return .float(Double(window.count))
        case .presentOverTime: return .float(1)
        case .firstOverTime, .lastOverTime, .timeOfFirst, .timeOfLast: return edge(window)
        default: return .none
        }
    }

    /// The first or last sample, or its time.
    private func edge(_ window: MixedWindow) -> MixedValue {
        let merged = window.merged
        switch function {
        case .firstOverTime: return merged.first.map(\.value) ?? .none
        case .lastOverTime: return merged.last.map(\.value) ?? .none
        case .timeOfFirst: return merged.first.map { .float(Double($0.time) / 1000) } ?? .none
        default: return merged.last.map { .float(Double($0.time) / 1000) } ?? .none
        }
    }

    /// `sum_over_time` or `avg_over_time`.
    private func total(_ window: MixedWindow, _ remarks: RangeRemarks) -> MixedValue {
        if window.mixes {
            remarks.mixesFloatsAndHistograms()
            return .none
        }
        var isAverage = false
        if case .avgOverTime = function { isAverage = true }
        if window.histograms.isEmpty {
            // Only other windows have histograms.
            var sum = CompensatedSum()
            var mean = CompensatedMean()
            for index in window.floats {
                sum.add(window.value(index))
                mean.add(window.value(index))
            }
            return .float(isAverage ? mean.value : sum.value)
        }
        var sum = HistogramSum(averages: isAverage)
        for row in window.histograms { sum.add(row.histogram) }
        guard let result = sum.result else {
            remarks.mixesSchemas()
            return .none
        }
        remarks.note(sum)
        return .histogram(result)
    }
}

extension MixedSample {
    var value: MixedValue { histogram.map { .histogram($0) } ?? .float(float) }
}

extension RangeFunction {
    /// Whether native histograms in a window are left out.
    fileprivate var isFloatOnly: Bool {
        switch self {
        case .deriv, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime, .madOverTime, .timeOfMin,
            .timeOfMax, .quantile, .predictLinear, .doubleExponential:
            true
        default: false
        }
    }
}

extension RangeFunction {
    /// Whether it makes use of when the samples' counting began.
    var usesStarts: Bool {
        switch self {
        case .rate, .increase, .irate, .resets: true
        default: false
        }
    }
}
