import Glibc
import Model

extension NativeHistogram {
    /// Without the observations above `bound` (`keepsLower`) or below it. A bucket across the bound is divided as for quantiles; the sum
    /// is estimated anew from the buckets if anything was removed.
    public func trimmed(at bound: Double, keepsLower: Bool) -> NativeHistogram {
        var trim = Trim(histogram: self, bound: bound, keepsLower: keepsLower)
        var copy = self
        var buckets = positive
        for (position, index) in buckets.indexes.enumerated() {
            buckets.counts[position] = trim.remainder(
                .init(lower: upperBound(index - 1), upper: upperBound(index), count: buckets.counts[position]),
                isLinear: hasCustomBuckets)
        }
        copy.positive = buckets
        buckets = negative
        for (position, index) in buckets.indexes.enumerated() {
            buckets.counts[position] = trim.remainder(
                .init(lower: -upperBound(index), upper: -upperBound(index - 1), count: buckets.counts[position]),
                isLinear: false)
        }
        copy.negative = buckets
        copy.zeroCount = trim.remainder(
            withoutEmptyHalf(.init(lower: -zeroThreshold, upper: zeroThreshold, count: zeroCount)), isLinear: true)
        guard trim.removedAny else { return self }
        copy.count = trim.count
        copy.sum = trim.sum
        return copy.compacted
    }
}

/// Trims bucket by bucket, and adds up what stays.
private struct Trim {
    let histogram: NativeHistogram
    let bound: Double
    let keepsLower: Bool
    private(set) var removedAny = false
    private(set) var count = 0.0
    private(set) var sum = 0.0

    init(histogram: NativeHistogram, bound: Double, keepsLower: Bool) {
        self.histogram = histogram
        self.bound = bound
        self.keepsLower = keepsLower
    }

    /// What stays of the population of `bucket`.
    mutating func remainder(_ bucket: HistogramBucket, isLinear: Bool) -> Double {
        guard bucket.count != 0 else { return bucket.count }
        var part = bucket
        if part.lower == -.infinity && part.upper > 0 && part.upper < .infinity { part.lower = 0 }
        let stays: Double
        if bound >= part.upper {
            stays = keepsLower ? 1 : 0
        } else if bound <= part.lower {
            stays = keepsLower ? 0 : 1
        } else if part.lower == -.infinity && part.upper == .infinity {
            stays = 0
        } else {
            let below = histogram.share(of: part, below: bound, isLinear: isLinear)
            stays = keepsLower ? below : 1 - below
            if keepsLower { part.upper = bound } else { part.lower = bound }
        }
        if stays != 1 { removedAny = true }
        part.count *= stays
        guard part.count != 0 else { return 0 }
        count += part.count
        sum += part.count * middle(of: part)
        return part.count
    }

    private func middle(of bucket: HistogramBucket) -> Double {
        if bucket.lower == -.infinity { return bucket.upper }
        if bucket.upper == .infinity { return bucket.lower }
        if histogram.hasCustomBuckets || bucket.holdsZero || isInZeroBucket(bucket) {
            return (bucket.lower + bucket.upper) / 2
        }
        let middle = (bucket.lower * bucket.upper).squareRoot()
        return bucket.upper < 0 ? -middle : middle
    }

    /// Whether this is a part of the zero bucket that no longer holds zero itself.
    private func isInZeroBucket(_ bucket: HistogramBucket) -> Bool {
        bucket.lower >= -histogram.zeroThreshold && bucket.upper <= histogram.zeroThreshold
    }
}
