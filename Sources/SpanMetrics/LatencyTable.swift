import Bedrock
import Model

/// The span behind a measurement.
struct SpanExemplar {
    var traceID: TraceID
    var spanID: SpanID
    var seconds: Double
    /// Milliseconds since the Unix epoch.
    var time: Int64
}

/// Latency histograms by number, in flat arrays: buckets, sum, and the newest span of each bucket since the last write.
struct LatencyTable {
    let bounds: [Double]
    private var counts: ContiguousArray<UInt64> = []
    private var sums: ContiguousArray<Double> = []
    private var exemplars: ContiguousArray<SpanExemplar?> = []
    private var stride: Int { bounds.count + 1 }

    init(bounds: [Double]) { self.bounds = bounds }

    var count: Int { sums.count }

    /// One more histogram, empty.
    mutating func append() {
        counts.append(contentsOf: repeatElement(0, count: stride))
        exemplars.append(contentsOf: repeatElement(nil, count: stride))
        sums.append(0)
    }

    /// Empties histogram `index` for another use.
    mutating func reset(_ index: Int) {
        for bucket in index * stride..<(index + 1) * stride {
            counts[bucket] = 0
            exemplars[bucket] = nil
        }
        sums[index] = 0
    }

    mutating func record(_ index: Int, _ exemplar: SpanExemplar) {
        var bucket = 0
        while bucket < bounds.count && exemplar.seconds > bounds[bucket] { bucket += 1 }
        counts[index * stride + bucket] &+= 1
        exemplars[index * stride + bucket] = exemplar
        sums[index] += exemplar.seconds
    }

    /// Observations of histogram `index`.
    func total(_ index: Int) -> UInt64 {
        counts[index * stride..<(index + 1) * stride].reduce(0, &+)
    }

    /// Writes histogram `index` as classic series `name`_bucket, _sum and _count; exemplars are handed out once.
    mutating func write(_ index: Int, _ name: String, to writer: inout SeriesWriter) {
        var cumulative: UInt64 = 0
        for bucket in 0..<stride {
            let place = index * stride + bucket
            cumulative &+= counts[place]
            let bound = bucket < bounds.count ? NumberText.text(bounds[bucket]) : "+Inf"
            writer.write(name + "_bucket", bound: bound, Double(cumulative), exemplar: exemplars[place])
            exemplars[place] = nil
        }
        writer.write(name + "_sum", sums[index])
        writer.write(name + "_count", Double(cumulative))
    }
}
