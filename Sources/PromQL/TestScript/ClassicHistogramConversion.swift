import Bedrock
import Model

/// Native histograms with custom buckets made of classic ones (`x_bucket`, `x_count`, `x_sum`), as `load_with_nhcb` wants.
struct ClassicHistogramConversion {
    /// One histogram at one time, as far as it has been seen.
    private struct Partial {
        /// Cumulative counts by upper bound.
        var buckets: [Double: Double] = [:]
        var count: Double?
        var sum: Double?
    }

    private var partials: [Labels: [Int64: Partial]] = [:]

    /// Takes in one float of a series that may be part of a classic histogram.
    mutating func add(_ labels: Labels, timestamp: Int64, value: Double) {
        guard let name = labels[Labels.metricName], !StaleMarker.matches(value) else { return }
        for suffix in ["_bucket", "_count", "_sum"] where name.hasSuffix(suffix) {
            var builder = LabelsBuilder(labels)
            builder.set(Labels.metricName, String(name.dropLast(suffix.count)))
            var bound = 0.0
            if suffix == "_bucket" {
                guard let le = labels["le"], let parsed = NumberText.parseFloat(le, syntax: .go), !parsed.isNaN else {
                    return
                }
                bound = parsed
                builder.remove("le")
            }
            let key = builder.labels()
            var partial = partials[key]?[timestamp] ?? Partial()
            switch suffix {
            case "_bucket": partial.buckets[bound] = value
            case "_count": partial.count = value
            default: partial.sum = value
            }
            partials[key, default: [:]][timestamp] = partial
            return
        }
    }

    /// The histograms of all series for which buckets were seen.
    func results() -> [(labels: Labels, points: [MemorySeriesSource.Point])] {
        partials.compactMap { labels, times in
            guard times.values.contains(where: { !$0.buckets.isEmpty }) else { return nil }
            let points = times.compactMap { time, partial in
                Self.converted(partial).map { MemorySeriesSource.Point(timestamp: time, histogram: $0) }
            }
            return (labels, points.sorted { $0.timestamp < $1.timestamp })
        }
    }

    private static func converted(_ partial: Partial) -> NativeHistogram? {
        var bounds = partial.buckets.sorted { $0.key < $1.key }
        guard let count = partial.count ?? bounds.last?.value else { return nil }
        if bounds.last?.key != .infinity { bounds.append((.infinity, count)) }
        var populations: [Double] = []
        var below = 0.0
        for (_, cumulative) in bounds {
            guard cumulative >= below else { return nil }
            populations.append(cumulative - below)
            below = cumulative
        }
        let indexed = populations.enumerated().filter { $0.element != 0 }.map { (Int32($0.offset), $0.element) }
        let (spans, buckets) = HistogramBuckets.laidOut(Dictionary(uniqueKeysWithValues: indexed))
        return NativeHistogram(
            schema: NativeHistogram.customSchema, count: count, sum: partial.sum ?? 0, positiveSpans: spans,
            positiveBuckets: buckets, customValues: bounds.dropLast().map(\.key))
    }
}
