import Kernels
import Model

extension RangeEvaluation {
    /// A function of an anchored or smoothed range over a series with histograms.
    func extendedValue(
        _ samples: MixedSamples, _ window: MixedWindow, start: Int64, end: Int64, _ remarks: RangeRemarks
    ) -> MixedValue {
        let all = MixedWindow(samples: samples, floats: 0..<samples.floats.count, histograms: samples.rows).merged
        switch function {
        case .resets: return events(all, start: start, end: end, WindowChange.resets)
        case .changes: return events(all, start: start, end: end, WindowChange.changes)
        default: break
        }
        let reach = all.filter {
            $0.time > start - lookback && $0.time <= (input.extended == .smoothed ? end + lookback : end)
        }
        guard !reach.isEmpty else { return .none }
        let histograms = reach.compactMap { sample in sample.histogram.map { ExtendedSample(sample.time, $0) } }
        guard histograms.count == reach.count else {
            if histograms.isEmpty { return .none }
            remarks.mixesFloatsAndHistograms()
            return .none
        }
        guard let change = change(histograms, start: start, end: end, remarks) else { return .none }
        guard case .rate = function else { return .histogram(change) }
        return .histogram(change.divided(by: Double(end - start) / 1000))
    }

    /// Resets or changes from the anchor on.
    private func events(
        _ all: [MixedSample], start: Int64, end: Int64, _ count: ([MixedSample]) -> Int
    ) -> MixedValue {
        let inside = all.filter { $0.time > start && $0.time <= end }
        guard !inside.isEmpty else { return .none }
        let anchor = all.last { $0.time <= start && $0.time > start - lookback }
        return .float(Double(count((anchor.map { [$0] } ?? []) + inside)))
    }

    private func change(
        _ samples: [ExtendedSample], start: Int64, end: Int64, _ remarks: RangeRemarks
    ) -> NativeHistogram? {
        let first = samples.lastIndex { $0.time <= start } ?? 0
        var last = samples.lastIndex { $0.time <= end } ?? -1
        let isSmoothed = input.extended == .smoothed
        if isSmoothed, last < 0 || samples[last].time < end, last + 1 < samples.count { last += 1 }
        guard last >= first, samples[last].time > start, samples[first].time <= end else { return nil }
        var isCounter = true
        if case .delta = function { isCounter = false }
        let used = samples[first...last].map(\.histogram)
        if isCounter, used.contains(where: { $0.resetHint == .gauge }) { remarks.isNoCounter() }
        if !isCounter, used.first?.resetHint != .gauge || used.last?.resetHint != .gauge { remarks.isNoGauge() }
        guard let left = edge(samples, first, before: last, at: start, isSmoothed, isCounter, after: false),
            let right = edge(samples, last, before: first, at: end, isSmoothed, isCounter, after: true),
            let difference = right.subtracting(left)
        else {
            remarks.mixesSchemas()
            return nil
        }
        remarks.note(difference, .subtraction)
        var result = difference.histogram
        if isCounter {
            // Without the samples that are edges themselves.
            let inner = samples[(first + 1)..<max(first + 1, last)].filter { $0.time > start }.map(\.histogram)
            let crossesStart = isSmoothed && samples[first].time < start && first < last
            guard let corrected = correct(result, left, inner, right, crossesStart: crossesStart, remarks) else {
                remarks.mixesSchemas()
                return nil
            }
            result = corrected
        }
        result.resetHint = .gauge
        return result.compacted
    }

    /// Adds what was lost at resets: from the left edge over the samples inside to the right edge. A sample right behind an
    /// interpolated left edge has been taken into account by the interpolation.
    private func correct(
        _ change: NativeHistogram, _ left: NativeHistogram, _ inner: [NativeHistogram], _ right: NativeHistogram,
        crossesStart: Bool, _ remarks: RangeRemarks
    ) -> NativeHistogram? {
        var result = change
        var previous = left
        for (index, current) in (inner + [right]).enumerated() {
            let isAccountedFor = index == 0 && crossesStart
            if !isAccountedFor && current.isReset(after: previous) {
                guard let sum = result.adding(previous) else { return nil }
                remarks.note(sum, .addition)
                result = sum.histogram
            }
            previous = current
        }
        return result
    }

    /// The histogram at an edge: the sample there, or interpolated towards its neighbour.
    private func edge(
        _ samples: [ExtendedSample], _ index: Int, before other: Int, at time: Int64, _ isSmoothed: Bool,
        _ isCounter: Bool, after: Bool
    ) -> NativeHistogram? {
        let sample = samples[index]
        guard isSmoothed, index != other, after ? sample.time > time : sample.time < time else {
            return sample.histogram
        }
        return after
            ? ExtendedSample.interpolate(samples[index - 1], sample, at: time, isCounter: isCounter)
            : ExtendedSample.interpolate(sample, samples[index + 1], at: time, isCounter: isCounter)
    }
}

/// A histogram and its time.
struct ExtendedSample {
    let time: Int64
    let histogram: NativeHistogram

    init(_ time: Int64, _ histogram: NativeHistogram) {
        self.time = time
        self.histogram = histogram
    }

    /// Linear between two samples; a counter that was reset between them grows from zero. nil where they don't go together.
    static func interpolate(
        _ a: ExtendedSample, _ b: ExtendedSample, at time: Int64, isCounter: Bool
    ) -> NativeHistogram? {
        guard a.histogram.hasCustomBuckets == b.histogram.hasCustomBuckets else { return nil }
        let fraction = Double(time - a.time) / Double(b.time - a.time)
        if isCounter && b.histogram.isReset(after: a.histogram) { return b.histogram.scaled(by: fraction) }
        guard let difference = b.histogram.subtracting(a.histogram),
            var result = difference.histogram.scaled(by: fraction).adding(a.histogram)?.histogram
        else { return nil }
        result.resetHint = b.histogram.resetHint
        return result
    }
}

/// A smoothed instant selector over a series with histograms.
struct SmoothedInstant {
    let lookback: Int64

    func evaluate(
        _ samples: MixedSamples, _ windows: WindowGrid, into out: UnsafeMutablePointer<Double>, _ remarks: RangeRemarks
    ) -> StepMatrix.HistogramColumn {
        let all = MixedWindow(samples: samples, floats: 0..<samples.floats.count, histograms: samples.rows).merged
        var result = StepMatrix.HistogramColumn(repeating: nil, count: windows.count)
        for step in 0..<windows.count {
            out[step] = Absent.value
            switch value(all, at: windows.end(step), remarks) {
            case .none: break
            case .float(let float): out[step] = Absent.guarded(float)
            case .histogram(let histogram): result[step] = histogram
            }
        }
        return result
    }

    private func value(_ all: [MixedSample], at time: Int64, _ remarks: RangeRemarks) -> MixedValue {
        let reach = all.filter { $0.time > time - lookback && $0.time <= time + lookback }
        let hasFloats = reach.contains { $0.histogram == nil }
        if hasFloats && reach.contains(where: { $0.histogram != nil }) {
            remarks.mixesFloatsAndHistograms()
            return .none
        }
        guard let before = reach.last(where: { $0.time <= time }) else { return .none }
        guard before.time < time, let after = reach.first(where: { $0.time > time }) else { return before.value }
        guard let earlier = before.histogram, let later = after.histogram else {
            let fraction = Double(time - before.time) / Double(after.time - before.time)
            return .float(before.float + (after.float - before.float) * fraction)
        }
        let result = ExtendedSample.interpolate(
            ExtendedSample(before.time, earlier), ExtendedSample(after.time, later), at: time,
            isCounter: earlier.resetHint != .gauge)
        guard let result else {
            remarks.mixesSchemas()
            return .none
        }
        return .histogram(result)
    }
}
