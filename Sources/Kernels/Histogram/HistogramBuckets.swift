import Glibc
import Model

/// One side's buckets of a native histogram: indexes ascending and distinct, with their populations. Buckets that were written down
/// empty are kept until `withoutEmpty`.
public struct BucketList: Equatable, Sendable {
    public var indexes: [Int]
    public var counts: [Double]

    public init() {
        indexes = []
        counts = []
    }

    /// Spans that promise more buckets than there are end with the last bucket.
    public init(spans: [NativeHistogram.Span], buckets: [Double]) {
        indexes = []
        counts = []
        indexes.reserveCapacity(buckets.count)
        counts.reserveCapacity(buckets.count)
        var index = 0
        for span in spans {
            index += Int(span.offset)
            for _ in 0..<span.length {
                guard counts.count < buckets.count else { return }
                indexes.append(index)
                counts.append(buckets[counts.count])
                index += 1
            }
        }
    }

    public var isPopulated: Bool { counts.contains { $0 != 0 } }
    public var total: Double { counts.reduce(0, +) }

    /// Spans and populations as histograms hold them.
    public var encoded: (spans: [NativeHistogram.Span], buckets: [Double]) {
        var spans: [NativeHistogram.Span] = []
        var next = 0
        for index in indexes {
            if index == next, let last = spans.indices.last {
                spans[last].length += 1
            } else {
                spans.append(.init(offset: Int32(clamping: index - next), length: 1))
            }
            next = index + 1
        }
        return (spans, counts)
    }

    public var withoutEmpty: BucketList {
        guard counts.contains(0) else { return self }
        var result = BucketList()
        for (index, count) in zip(indexes, counts) where count != 0 { result.append(index, count) }
        return result
    }

    /// Adds a bucket at the upper end; a bucket that is there already grows.
    public mutating func append(_ index: Int, _ count: Double) {
        if indexes.last == index {
            counts[counts.count - 1] += count
        } else {
            indexes.append(index)
            counts.append(count)
        }
    }

    /// The buckets of both, `other`'s populations multiplied by `factor`.
    public func adding(_ other: BucketList, times factor: Double = 1) -> BucketList {
        var result = BucketList()
        var i = 0
        var j = 0
        while i < indexes.count || j < other.indexes.count {
            let a = i < indexes.count ? indexes[i] : .max
            let b = j < other.indexes.count ? other.indexes[j] : .max
            if a == b {
                result.append(a, counts[i] + factor * other.counts[j])
                i += 1
                j += 1
            } else if a < b {
                result.append(a, counts[i])
                i += 1
            } else {
                result.append(b, factor * other.counts[j])
                j += 1
            }
        }
        return result
    }

    /// Moves buckets to the indexes that `body` gives, which must not descend.
    public func remapped(_ body: (Int) -> Int) -> BucketList {
        var result = BucketList()
        for (index, count) in zip(indexes, counts) { result.append(body(index), count) }
        return result
    }

    /// Multiplies all populations.
    public mutating func scale(_ body: (Double) -> Double) {
        for position in counts.indices { counts[position] = body(counts[position]) }
    }
}

/// One bucket as values see it.
public struct HistogramBucket: Equatable, Sendable {
    public var lower: Double
    public var upper: Double
    public var count: Double

    public init(lower: Double, upper: Double, count: Double) {
        self.lower = lower
        self.upper = upper
        self.count = count
    }

    /// Whether zero lies inside.
    public var holdsZero: Bool { lower <= 0 && upper >= 0 }
}

extension NativeHistogram {
    public var positive: BucketList {
        get { BucketList(spans: positiveSpans, buckets: positiveBuckets) }
        set { (positiveSpans, positiveBuckets) = newValue.encoded }
    }

    public var negative: BucketList {
        get { BucketList(spans: negativeSpans, buckets: negativeBuckets) }
        set { (negativeSpans, negativeBuckets) = newValue.encoded }
    }

    /// The upper bound of positive bucket `index`: 2^(index · 2^-schema). The last finite bucket ends at the largest double, so that
    /// the one behind it holds infinity alone.
    public static func exponentialBound(_ index: Int, schema: Int32) -> Double {
        let exponent: Int
        var fraction = 1.0
        if schema <= 0 {
            let shift = min(62, -Int(schema))
            let (product, overflows) = index.multipliedReportingOverflow(by: 1 << shift)
            exponent = overflows ? (index > 0 ? .max : .min) : product
        } else {
            let bits = min(62, Int(schema))
            exponent = index >> bits
            let rest = index & ((1 << bits) - 1)
            if rest != 0 { fraction = exp2(Double(rest) / Double(1 << bits)) }
        }
        if exponent == 1024 && fraction == 1 { return .greatestFiniteMagnitude }
        return scalbn(fraction, max(-5000, min(5000, exponent)))
    }

    /// The upper bound of positive bucket `index`, of either kind of schema.
    public func upperBound(_ index: Int) -> Double {
        guard hasCustomBuckets else { return Self.exponentialBound(index, schema: schema) }
        if index < 0 { return -.infinity }
        return index < customValues.count ? customValues[index] : .infinity
    }

    /// Every bucket by ascending values: negative ones, the zero bucket unless it is empty, positive ones; empty ones left out.
    public var allBuckets: [HistogramBucket] {
        var result: [HistogramBucket] = []
        let negative = negative
        for position in negative.indexes.indices.reversed() where negative.counts[position] != 0 {
            let index = negative.indexes[position]
            result.append(
                .init(lower: -upperBound(index), upper: -upperBound(index - 1), count: negative.counts[position]))
        }
        if zeroCount != 0 { result.append(.init(lower: -zeroThreshold, upper: zeroThreshold, count: zeroCount)) }
        let positive = positive
        for (index, count) in zip(positive.indexes, positive.counts) where count != 0 {
            result.append(.init(lower: upperBound(index - 1), upper: upperBound(index), count: count))
        }
        return result
    }

    /// Without empty buckets.
    public var compacted: NativeHistogram {
        guard positiveBuckets.contains(0) || negativeBuckets.contains(0) || needsNormalSpans else { return self }
        var copy = self
        copy.positive = positive.withoutEmpty
        copy.negative = negative.withoutEmpty
        return copy
    }

    private var needsNormalSpans: Bool {
        func isOdd(_ spans: [Span]) -> Bool {
            spans.contains { $0.length == 0 } || spans.dropFirst().contains { $0.offset == 0 }
        }
        return isOdd(positiveSpans) || isOdd(negativeSpans)
    }
}
