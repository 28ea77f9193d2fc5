import Kernels
import Model

/// Changes of native histograms over one window.
struct HistogramRate {
    private let function: RangeFunction
    private let windows: WindowGrid

    init(function: RangeFunction, windows: WindowGrid) {
        self.function = function
        self.windows = windows
    }

    private var kind: RateKernels.Kind {
        switch function {
        case .rate: .rate
        case .increase: .increase
        default: .delta
        }
    }

    /// `rate`, `increase` or `delta` of a window that has only one kind of sample.
    func value(_ window: MixedWindow, _ step: Int, _ remarks: RangeRemarks) -> MixedValue {
        if window.histograms.isEmpty { return floats(window, step) }
        let rows = window.histograms
        guard rows.count >= 2, let first = rows.first, let last = rows.last,
            let change = Self.change(rows.map(\.histogram), isCounter: kind.isCounter, remarks)
        else { return .none }
        let factor = factor(
            change: change.count, first: first.histogram.count, rows.count, first.timestamp, last.timestamp, step)
        return .histogram(change.scaled(by: factor).compacted)
    }

    private func floats(_ window: MixedWindow, _ step: Int) -> MixedValue {
        guard window.floats.count >= 2 else { return .none }
        let first = window.floats.lowerBound
        let last = window.floats.upperBound - 1
        var change = window.value(last) - window.value(first)
        if kind.isCounter {
            for index in first + 1...last where window.value(index) < window.value(index - 1) {
                change += window.value(index - 1)
            }
        }
        return .float(
            change
                * factor(
                    change: change, first: window.value(first), window.floats.count, window.time(first),
                    window.time(last), step))
    }

    private func factor(
        change: Double, first: Double, _ count: Int, _ firstTime: Int64, _ lastTime: Int64, _ step: Int
    ) -> Double {
        RateKernels.extrapolation(
            kind, change: change, first: first, sampled: Double(lastTime - firstTime) / 1000, gaps: Double(count - 1),
            toStart: Double(firstTime - windows.start(step)) / 1000,
            toEnd: Double(windows.end(step) - lastTime) / 1000, range: Double(windows.range) / 1000)
    }

    /// Last minus first, plus what was lost at resets; a gauge. nil, with a remark, for samples that don't go together.
    static func change(
        _ histograms: [NativeHistogram], isCounter: Bool, _ remarks: RangeRemarks
    ) -> NativeHistogram? {
        guard var previous = histograms.first, let last = histograms.last else { return nil }
        let isGauge = { (histogram: NativeHistogram) in histogram.resetHint == .gauge }
        if isCounter {
            if histograms.contains(where: isGauge) { remarks.isNoCounter() }
            // After an immediate reset the first sample's layout doesn't matter: its population counts as gone.
            if histograms.count > 1, histograms[1].isReset(after: previous) {
                previous = NativeHistogram(schema: histograms[1].schema, customValues: histograms[1].customValues)
                previous.zeroThreshold = histograms[1].zeroThreshold
            }
        } else if !isGauge(previous) || !isGauge(last) {
            remarks.isNoGauge()
        }
        let compared = isCounter ? histograms.dropFirst() : [last][...]
        guard compared.allSatisfy({ $0.hasCustomBuckets == previous.hasCustomBuckets }),
            let difference = last.subtracting(previous)
        else {
            remarks.mixesSchemas()
            return nil
        }
        remarks.note(difference, .subtraction)
        var result = difference.histogram
        if isCounter {
            // The lowest resolution of all is that of the result.
            if !result.hasCustomBuckets, let lowest = compared.map(\.schema).min() {
                result = result.reduced(to: lowest)
            }
            for current in histograms.dropFirst() {
                if current.isReset(after: previous) {
                    guard let sum = result.adding(previous) else { return nil }
                    remarks.note(sum, .addition)
                    result = sum.histogram
                }
                previous = current
            }
        }
        result.resetHint = .gauge
        return result.compacted
    }

    /// `irate` or `idelta`: between the last two samples.
    static func lastChange(_ window: MixedWindow, isRate: Bool, _ remarks: RangeRemarks) -> MixedValue {
        let pair = window.merged.suffix(2)
        guard pair.count == 2, let before = pair.first, let after = pair.last else { return .none }
        let seconds = Double(after.time - before.time) / 1000
        switch (before.histogram, after.histogram) {
        case (nil, nil):
            guard isRate else { return .float(after.float - before.float) }
            return .float((after.float < before.float ? after.float : after.float - before.float) / seconds)
        case (let previous?, let last?):
            if isRate && (previous.resetHint == .gauge || last.resetHint == .gauge) { remarks.isNoCounter() }
            if !isRate && (previous.resetHint != .gauge || last.resetHint != .gauge) { remarks.isNoGauge() }
            var result = last
            if !isRate || !last.isReset(after: previous) {
                guard let difference = last.subtracting(previous) else {
                    remarks.mixesSchemas()
                    return .none
                }
                remarks.note(difference, .subtraction)
                result = difference.histogram
            }
            result.resetHint = .gauge
            result = result.compacted
            return .histogram(isRate ? result.scaled(by: 1 / seconds) : result)
        default:
            remarks.mixesFloatsAndHistograms()
            return .none
        }
    }

    /// How often the samples start anew, a change of type included.
    static func resets(_ samples: [MixedSample]) -> Int {
        zip(samples, samples.dropFirst()).count { before, after in
            switch (before.histogram, after.histogram) {
            case (nil, nil): after.float < before.float
            case (let previous?, let current?):
                current.isReset(after: previous) || (previous.resetHint == .gauge) != (current.resetHint == .gauge)
            default: true
            }
        }
    }

    /// How often the samples change, a change of type included.
    static func changes(_ samples: [MixedSample]) -> Int {
        zip(samples, samples.dropFirst()).count { before, after in
            switch (before.histogram, after.histogram) {
            case (nil, nil): after.float != before.float && !(after.float.isNaN && before.float.isNaN)
            case (let previous?, let current?): !current.hasSameContent(as: previous)
            default: true
            }
        }
    }
}
