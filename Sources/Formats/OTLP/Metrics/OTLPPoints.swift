import Bedrock
import Model

/// What a metric says of all of its points.
struct OTLPMetric {
    enum Shape { case gauge, sum, histogram, exponential, summary }

    var name = UnsafeRawBufferPointer.nothing
    var unit = UnsafeRawBufferPointer.nothing
    var help = UnsafeRawBufferPointer.nothing
    var shape = Shape.gauge
    /// 0 is unspecified, 1 delta, 2 cumulative.
    var temporality: UInt64 = 0
    var isMonotonic = false
}

/// What every data point has beside its attributes. Times in nanoseconds since the epoch.
struct OTLPPointTimes {
    var start: UInt64 = 0
    var time: UInt64 = 0
    var flags: UInt64 = 0

    /// The series ended.
    var isStale: Bool { flags & 1 != 0 }
    var milliseconds: Int64 { Int64(time / 1_000_000) }
}

/// A classic histogram as it is on the wire: one count more than bounds, or no counts at all.
struct OTLPHistogram: Equatable {
    var count: Double = 0
    var sum: Double?
    var bucketCounts: ContiguousArray<Double> = []
    var bounds: ContiguousArray<Double> = []

    mutating func clear() {
        count = 0
        sum = nil
        bucketCounts.removeAll(keepingCapacity: true)
        bounds.removeAll(keepingCapacity: true)
    }

    /// Why it is none; nil when there is nothing against it.
    func flaw(bucketsMax: Int) -> String? {
        if bounds.count > bucketsMax || bucketCounts.count > bucketsMax + 1 { return "over \(bucketsMax) buckets" }
        guard bucketCounts.isEmpty ? bounds.isEmpty : bucketCounts.count == bounds.count + 1 else {
            return "\(bucketCounts.count) buckets with \(bounds.count) bounds"
        }
        guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }), bounds.allSatisfy({ !$0.isNaN }) else {
            return "the bounds don't ascend"
        }
        return nil
    }

    /// The same and another one together; nil when they have other bounds.
    func adding(_ other: OTLPHistogram) -> OTLPHistogram? {
        guard bounds == other.bounds, bucketCounts.count == other.bucketCounts.count else { return nil }
        var result = self
        result.count += other.count
        result.sum = sum.flatMap { mine in other.sum.map { mine + $0 } }
        for i in bucketCounts.indices { result.bucketCounts[i] += other.bucketCounts[i] }
        return result
    }

    /// As a native histogram with custom bounds.
    func native() -> NativeHistogram {
        var finite = bounds
        // An explicit bound of infinity is the one that there is anyway.
        var counts = bucketCounts
        if let last = finite.last, last == .infinity {
            finite.removeLast()
            let beyond = counts.removeLast()
            if !counts.isEmpty { counts[counts.count - 1] += beyond }
        }
        if counts.isEmpty { counts = [count] }
        return NativeHistogram(
            schema: NativeHistogram.customSchema, count: count, sum: sum ?? 0,
            positiveSpans: [NativeHistogram.Span(offset: 0, length: UInt32(counts.count))],
            positiveBuckets: Array(counts), customValues: Array(finite))
    }
}

/// An exponential histogram as it is on the wire.
struct OTLPExponentialHistogram {
    struct Buckets {
        var offset: Int64 = 0
        var counts: ContiguousArray<UInt64> = []

        mutating func clear() {
            offset = 0
            counts.removeAll(keepingCapacity: true)
        }
    }

    var count: UInt64 = 0
    var sum: Double?
    var scale: Int64 = 0
    var zeroCount: UInt64 = 0
    var positive = Buckets()
    var negative = Buckets()

    mutating func clear() {
        count = 0
        sum = nil
        scale = 0
        zeroCount = 0
        positive.clear()
        negative.clear()
    }

    /// OTLP's bucket `i` is `(base^i, base^(i+1)]`, Prometheus' is `(base^(i-1), base^i]`; scales over 8 are joined down to it.
    /// - Returns: nil with the reason in `flaw`.
    func native(bucketsMax: Int, flaw: inout String?) -> NativeHistogram? {
        guard scale >= Int64(NativeHistogram.schemaMin) else {
            flaw = "scale \(scale) is below \(NativeHistogram.schemaMin)"
            return nil
        }
        guard positive.counts.count + negative.counts.count <= bucketsMax else {
            flaw = "over \(bucketsMax) buckets"
            return nil
        }
        var total = zeroCount
        for count in positive.counts + negative.counts {
            let (sum, overflow) = total.addingReportingOverflow(count)
            total = sum
            if overflow { flaw = "the buckets' counts are out of range" }
        }
        if flaw != nil { return nil }
        guard total == count || (sum?.isNaN == true && total < count) else {
            flaw = "\(total) observations in buckets, but the count is \(count)"
            return nil
        }
        let down = max(0, min(scale - Int64(NativeHistogram.schemaMax), 60))
        guard let above = Self.run(positive, down), let below = Self.run(negative, down) else {
            flaw = "a bucket's index is out of range"
            return nil
        }
        return NativeHistogram(
            schema: Int32(clamping: min(scale, Int64(NativeHistogram.schemaMax))), count: Double(count), sum: sum ?? 0,
            zeroThreshold: 1e-128, zeroCount: Double(zeroCount), positiveSpans: above.spans,
            positiveBuckets: above.buckets, negativeSpans: below.spans, negativeBuckets: below.buckets)
    }

    private static func run(_ buckets: Buckets, _ down: Int64) -> BucketRun? {
        var run = BucketRun()
        for (place, count) in buckets.counts.enumerated() where count > 0 {
            run.add(index: ((buckets.offset + Int64(place)) >> down) + 1, count: Double(count))
        }
        return run.isInRange ? run : nil
    }
}

/// Spans and buckets of a native histogram, built from buckets in ascending order. Gaps of up to two empty buckets are filled, wider ones
/// begin a span, as Prometheus does.
struct BucketRun {
    private(set) var spans: [NativeHistogram.Span] = []
    private(set) var buckets: [Double] = []
    private(set) var isInRange = true
    private var next: Int64?

    /// `index` is at least the one before; equal ones are joined.
    mutating func add(index: Int64, count: Double) {
        guard let next else { return begin(index, gap: index, count) }
        if index == next - 1 {
            buckets[buckets.count - 1] += count
            return
        }
        let gap = index - next
        guard gap <= 2 else { return begin(index, gap: gap, count) }
        for _ in 0..<gap { buckets.append(0) }
        buckets.append(count)
        spans[spans.count - 1].length += UInt32(gap + 1)
        self.next = index + 1
    }

    private mutating func begin(_ index: Int64, gap: Int64, _ count: Double) {
        guard let offset = Int32(exactly: gap), Int32(exactly: index) != nil else { return isInRange = false }
        spans.append(NativeHistogram.Span(offset: offset, length: 1))
        buckets.append(count)
        next = index + 1
    }
}

extension NativeHistogram {
    /// Two exponential histograms together, in the coarser of their resolutions; nil when an index is out of range.
    func adding(_ other: NativeHistogram) -> NativeHistogram? {
        let coarse = min(schema, other.schema)
        let (a, b) = (reduced(by: schema - coarse), other.reduced(by: other.schema - coarse))
        guard let above = Self.merged(a.positiveSpans, a.positiveBuckets, b.positiveSpans, b.positiveBuckets),
            let below = Self.merged(a.negativeSpans, a.negativeBuckets, b.negativeSpans, b.negativeBuckets)
        else { return nil }
        return NativeHistogram(
            schema: coarse, count: a.count + b.count, sum: a.sum + b.sum,
            zeroThreshold: max(a.zeroThreshold, b.zeroThreshold), zeroCount: a.zeroCount + b.zeroCount,
            positiveSpans: above.spans, positiveBuckets: above.buckets, negativeSpans: below.spans,
            negativeBuckets: below.buckets)
    }

    private static func merged(
        _ spans: [Span], _ buckets: [Double], _ otherSpans: [Span], _ otherBuckets: [Double]
    ) -> BucketRun? {
        let (a, b) = (indexed(spans, buckets), indexed(otherSpans, otherBuckets))
        var run = BucketRun()
        var (i, j) = (0, 0)
        while i < a.count || j < b.count {
            if j == b.count || (i < a.count && a[i].index <= b[j].index) {
                run.add(index: a[i].index, count: a[i].count)
                i += 1
            } else {
                run.add(index: b[j].index, count: b[j].count)
                j += 1
            }
        }
        return run.isInRange ? run : nil
    }

    private static func indexed(_ spans: [Span], _ buckets: [Double]) -> [(index: Int64, count: Double)] {
        var result: [(index: Int64, count: Double)] = []
        var index: Int64 = 0
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length {
                guard result.count < buckets.count else { return result }
                result.append((index, buckets[result.count]))
                index += 1
            }
        }
        return result
    }
}
