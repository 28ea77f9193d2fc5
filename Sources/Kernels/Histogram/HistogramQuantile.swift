import Glibc
import Model

extension NativeHistogram {
    /// What NaN observations do to a quantile. They are counted, but in no bucket.
    public enum NaNInfluence: Sendable {
        case none
        /// The quantile lies among them.
        case resultIsNaN
        /// It is higher than without them.
        case resultIsSkewed
    }

    /// The φ-quantile, estimated: linear within custom buckets and the zero bucket, exponential within others.
    public func quantile(_ phi: Double) -> (value: Double, influence: NaNInfluence) {
        if phi < 0 { return (-.infinity, .none) }
        if phi > 1 { return (.infinity, .none) }
        if count == 0 || phi.isNaN { return (.nan, .none) }
        // From the nearer end, which loses less precision; NaN observations stand above all, so with them always from below.
        let ascends = sum.isNaN || phi < 0.5
        var rank = (ascends ? phi : 1 - phi) * count
        let buckets = allBuckets
        var bucket = HistogramBucket(lower: 0, upper: 0, count: 0)
        var seen = 0.0
        for next in ascends ? buckets : buckets.reversed() {
            bucket = next
            seen += next.count
            if seen >= rank { break }
        }
        let total = sum.isNaN ? buckets.reduce(0) { $0 + $1.count } : count
        if seen < rank && total < count { return (.nan, .resultIsNaN) }
        let influence: NaNInfluence = total < count ? .resultIsSkewed : .none
        if hasCustomBuckets {
            if bucket.lower == -.infinity {
                if bucket.upper <= 0 { return (bucket.upper, influence) }
                bucket.lower = 0
            } else if bucket.upper == .infinity {
                return (bucket.lower, influence)
            }
        } else {
            bucket = withoutEmptyHalf(bucket)
        }
        seen = min(seen, count)
        if seen < rank { return (ascends ? bucket.upper : bucket.lower, influence) }
        rank = ascends ? rank - (seen - bucket.count) : seen - rank
        let fraction = rank / bucket.count
        if hasCustomBuckets || bucket.holdsZero {
            return (bucket.lower + (bucket.upper - bucket.lower) * fraction, influence)
        }
        let lower = log2(bucket.lower.magnitude)
        let upper = log2(bucket.upper.magnitude)
        if bucket.lower > 0 { return (exp2(lower + (upper - lower) * fraction), influence) }
        return (-exp2(upper + (lower - upper) * (1 - fraction)), influence)
    }

    /// The zero bucket reaches only to the side that has observations, if only one has.
    func withoutEmptyHalf(_ bucket: HistogramBucket) -> HistogramBucket {
        guard bucket.lower < 0 && bucket.upper > 0 else { return bucket }
        var bucket = bucket
        let hasNegative = negative.isPopulated
        let hasPositive = positive.isPopulated
        if hasPositive && !hasNegative { bucket.lower = 0 }
        if hasNegative && !hasPositive { bucket.upper = 0 }
        return bucket
    }

    /// The share of observations between `lower` and `upper`, and whether there are NaN ones, which belong to no interval.
    public func fraction(_ lower: Double, _ upper: Double) -> (value: Double, hasNaN: Bool) {
        if count == 0 || lower.isNaN || upper.isNaN { return (.nan, false) }
        if lower >= upper { return (0, false) }
        let buckets = allBuckets
        let total = sum.isNaN ? buckets.reduce(0) { $0 + $1.count } : count
        let between = min(rank(of: upper, buckets, total), total) - min(rank(of: lower, buckets, total), total)
        return (between / count, total < count)
    }

    /// How many observations are below `value`.
    private func rank(of value: Double, _ buckets: [HistogramBucket], _ total: Double) -> Double {
        var below = 0.0
        for bucket in buckets {
            let holdsZero = bucket.holdsZero
            let bucket = holdsZero ? withoutEmptyHalf(bucket) : bucket
            if bucket.lower >= value { return below }
            if bucket.upper > value {
                return below + bucket.count * share(of: bucket, below: value, isLinear: hasCustomBuckets || holdsZero)
            }
            below += bucket.count
        }
        return total
    }

    /// How much of `bucket` lies below `value`, which is inside of it.
    func share(of bucket: HistogramBucket, below value: Double, isLinear: Bool) -> Double {
        if isLinear {
            // A bucket without end can't be divided: from below it counts whole, from above not at all.
            if bucket.lower == -.infinity { return 1 }
            return (value - bucket.lower) / (bucket.upper - bucket.lower)
        }
        let lower = log2(bucket.lower.magnitude)
        let upper = log2(bucket.upper.magnitude)
        let at = log2(value.magnitude)
        return value > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper)
    }

    /// The population variance, each observation taken at the middle of its bucket.
    public var variance: Double {
        let mean = sum / count
        var squares = CompensatedSum()
        for bucket in allBuckets {
            let delta = middle(of: bucket) - mean
            squares.add(bucket.count * delta * delta)
        }
        return (squares.sum + squares.compensation) / count
    }

    /// Arithmetic for custom buckets, zero for the zero bucket, geometric for others.
    func middle(of bucket: HistogramBucket) -> Double {
        if hasCustomBuckets { return (bucket.lower + bucket.upper) / 2 }
        if bucket.holdsZero { return 0 }
        let middle = (bucket.lower * bucket.upper).squareRoot()
        return bucket.upper < 0 ? -middle : middle
    }
}
