import Model

/// A histogram's buckets by index, which hides how they are laid out in spans: what scripts compare and step by.
/// Deliberately separate from the kernels that the engine computes with.
struct HistogramBuckets: Equatable {
    /// Populations that aren't zero.
    var positive: [Int32: Double]
    var negative: [Int32: Double]

    init(_ histogram: NativeHistogram) {
        positive = Self.byIndex(histogram.positiveSpans, histogram.positiveBuckets)
        negative = Self.byIndex(histogram.negativeSpans, histogram.negativeBuckets)
    }

    private static func byIndex(_ spans: [NativeHistogram.Span], _ populations: [Double]) -> [Int32: Double] {
        var result: [Int32: Double] = [:]
        var index: Int32 = 0
        var next = 0
        for span in spans {
            index &+= span.offset
            for _ in 0..<span.length where next < populations.count {
                if populations[next] != 0 { result[index] = populations[next] }
                index &+= 1
                next += 1
            }
        }
        return result
    }

    /// Spans and populations of buckets by index.
    static func laidOut(_ buckets: [Int32: Double]) -> ([NativeHistogram.Span], [Double]) {
        var spans: [NativeHistogram.Span] = []
        var populations: [Double] = []
        var end: Int32 = 0
        for (index, population) in buckets.sorted(by: { $0.key < $1.key }) {
            if spans.isEmpty || index != end {
                spans.append(NativeHistogram.Span(offset: index &- end, length: 0))
            }
            spans[spans.count - 1].length += 1
            populations.append(population)
            end = index &+ 1
        }
        return (spans, populations)
    }
}

extension NativeHistogram {
    /// This histogram plus (or minus) `step`, in this one's resolution; nil where the two don't go together.
    func stepped(by step: NativeHistogram, isFalling: Bool) -> NativeHistogram? {
        guard hasCustomBuckets == step.hasCustomBuckets, customValues == step.customValues,
            zeroThreshold == step.zeroThreshold, schema <= step.schema
        else { return nil }
        let sign: Double = isFalling ? -1 : 1
        let levels = hasCustomBuckets ? 0 : step.schema - schema
        func sum(_ a: [Int32: Double], _ b: [Int32: Double]) -> [Int32: Double] {
            var total = a
            for (index, population) in b {
                // Each level of resolution less puts two neighbours into one bucket, by its upper bound.
                total[((index - 1) >> levels) + 1, default: 0] += sign * population
            }
            return total.filter { $0.value != 0 }
        }
        let (mine, theirs) = (HistogramBuckets(self), HistogramBuckets(step))
        var result = self
        // Custom buckets never merge, and their indexes start at 0.
        (result.positiveSpans, result.positiveBuckets) = HistogramBuckets.laidOut(sum(mine.positive, theirs.positive))
        (result.negativeSpans, result.negativeBuckets) = HistogramBuckets.laidOut(sum(mine.negative, theirs.negative))
        result.count += sign * step.count
        result.sum += sign * step.sum
        result.zeroCount += sign * step.zeroCount
        if isFalling || resetHint == .gauge || step.resetHint == .gauge {
            result.resetHint = .gauge
        } else if resetHint != step.resetHint {
            result.resetHint = .unknown
        }
        return result
    }
}
