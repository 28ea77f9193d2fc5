import Model

/// A histogram's buckets by index, which hides how they are laid out in spans: what scripts compare by.
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
