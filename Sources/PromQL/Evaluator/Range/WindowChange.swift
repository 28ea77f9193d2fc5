import Kernels
import Model

/// How much the samples of one window change, where kernels don't do: with native histograms, or with start timestamps.
struct WindowChange {
    private let kind: RateKernels.Kind
    private let windows: WindowGrid

    init(function: RangeFunction, windows: WindowGrid) {
        switch function {
        case .rate: kind = .rate
        case .increase: kind = .increase
        default: kind = .delta
        }
        self.windows = windows
    }

    /// `rate`, `increase` or `delta` of samples of one kind, extrapolated to the window's edges.
    func value(_ samples: [MixedSample], _ step: Int, _ remarks: RangeRemarks) -> MixedValue {
        guard let first = samples.first, let last = samples.last else { return .none }
        let windowStart = windows.start(step)
        // A counter that began inside the window was zero then: nothing to extrapolate on that side.
        let beginsInside = kind.isCounter && first.start != 0 && first.start > windowStart && first.start < first.time
        guard samples.count >= 2 || beginsInside else { return .none }
        if kind.isCounter, zip(samples, samples.dropFirst()).contains(where: { $1.overlaps($0) }) {
            remarks.overlapsInStart()
        }
        let sampled = Double(last.time - (beginsInside ? first.start : first.time)) / 1000
        let toStart = beginsInside ? 0 : Double(first.time - windowStart) / 1000
        let toEnd = samples.count > 1 ? Double(windows.end(step) - last.time) / 1000 : 0
        func factor(_ change: Double, _ firstValue: Double) -> Double {
            RateKernels.extrapolation(
                kind, change: change, first: firstValue, sampled: sampled, gaps: Double(max(1, samples.count - 1)),
                toStart: toStart, toEnd: toEnd, range: Double(windows.range) / 1000)
        }
        guard let firstHistogram = first.histogram else {
            var change = last.float - first.float
            if kind.isCounter {
                for (before, after) in zip(samples, samples.dropFirst()) where after.isReset(after: before) {
                    change += before.float
                }
            }
            if beginsInside { change += first.float }
            return .float(change * factor(change, first.float))
        }
        guard var change = Self.histogramChange(samples, isCounter: kind.isCounter, remarks) else { return .none }
        if beginsInside, let whole = change.adding(firstHistogram)?.histogram {
            change = whole
            change.resetHint = .gauge
        }
        return .histogram(change.scaled(by: factor(change.count, firstHistogram.count)).compacted)
    }

    /// Last minus first, plus what was lost at resets; a gauge. nil, with a remark, for samples that don't go together.
    static func histogramChange(
        _ samples: [MixedSample], isCounter: Bool, _ remarks: RangeRemarks
    ) -> NativeHistogram? {
        let histograms = samples.compactMap(\.histogram)
        guard histograms.count == samples.count, var previous = histograms.first, let last = histograms.last else {
            return nil
        }
        let isGauge = { (histogram: NativeHistogram) in histogram.resetHint == .gauge }
        if isCounter {
            if histograms.contains(where: isGauge) { remarks.isNoCounter() }
            // After an immediate reset the first sample's layout doesn't matter: its population counts as gone.
            if histograms.count > 1, samples[1].isReset(after: samples[0]) {
                previous = NativeHistogram(schema: histograms[1].schema, customValues: histograms[1].customValues)
                previous.zeroThreshold = histograms[1].zeroThreshold
            }
        } else if !isGauge(previous) || !isGauge(last) {
            remarks.isNoGauge()
        }
        let compared = isCounter && histograms.count > 1 ? histograms.dropFirst() : [last][...]
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
            for (index, (before, after)) in zip(samples, samples.dropFirst()).enumerated() {
                // The first sample was replaced by nothing if there was a reset right behind it.
                if index > 0, after.isReset(after: before), let lost = before.histogram {
                    guard let sum = result.adding(lost) else { return nil }
                    remarks.note(sum, .addition)
                    result = sum.histogram
                }
            }
        }
        result.resetHint = .gauge
        return result.compacted
    }

    /// `irate` or `idelta`: between the last two samples.
    static func lastChange(_ samples: [MixedSample], isRate: Bool, _ remarks: RangeRemarks) -> MixedValue {
        let pair = samples.suffix(2)
        guard pair.count == 2, let before = pair.first, let after = pair.last else { return .none }
        let seconds = Double(after.time - before.time) / 1000
        switch (before.histogram, after.histogram) {
        case (nil, nil):
            guard isRate else { return .float(after.float - before.float) }
            return .float((after.isReset(after: before) ? after.float : after.float - before.float) / seconds)
        case (let previous?, let last?):
            if isRate && (previous.resetHint == .gauge || last.resetHint == .gauge) { remarks.isNoCounter() }
            if !isRate && (previous.resetHint != .gauge || last.resetHint != .gauge) { remarks.isNoGauge() }
            var result = last
            if !isRate || !after.isReset(after: before) {
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
        zip(samples, samples.dropFirst()).count { $1.isReset(after: $0) || $1.changesKind(from: $0) }
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

extension MixedSample {
    /// Whether a counter started anew between `previous` and this one: by its value, or by when it says its counting began.
    func isReset(after previous: MixedSample) -> Bool {
        if startsAnew(after: previous) { return true }
        switch (previous.histogram, histogram) {
        case (nil, nil): return float < previous.float
        case (let earlier?, let current?): return current.isReset(after: earlier)
        default: return true
        }
    }

    private func startsAnew(after previous: MixedSample) -> Bool {
        guard start != 0 && start < time else { return false }
        // A start right at the previous sample continues it, unless that one is a delta, too.
        return start > previous.time
            || (start == previous.time && previous.start != 0 && previous.start < previous.time)
    }

    /// Whether its counting began before the previous sample, though not together with it.
    func overlaps(_ previous: MixedSample) -> Bool {
        start != 0 && start < previous.time && start != previous.start
    }

    fileprivate func changesKind(from previous: MixedSample) -> Bool {
        guard let earlier = previous.histogram, let current = histogram else { return false }
        return (earlier.resetHint == .gauge) != (current.resetHint == .gauge)
    }
}
