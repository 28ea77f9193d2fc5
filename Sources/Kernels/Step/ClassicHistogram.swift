/// Quantiles and fractions of classic histograms: cumulative counts under upper bounds (`le`).
public struct ClassicHistogram {
    public struct Bucket: Equatable, Sendable {
        public var upperBound: Double
        /// Observations at or below `upperBound`.
        public var count: Double

        public init(upperBound: Double, count: Double) {
            self.upperBound = upperBound
            self.count = count
        }
    }

    /// How a histogram was not monotonic, where that was more than rounding.
    public struct Repair: Equatable, Sendable {
        public var lowestBound: Double
        public var highestBound: Double
        public var differenceMax: Double
    }

    /// Differences up to this share are rounding errors, smoothed over silently.
    static let tolerance = 1e-12

    public private(set) var buckets: [Bucket]

    /// - Parameter buckets: by ascending upper bound; equal bounds are added together.
    public init(_ buckets: [Bucket]) {
        self.buckets = []
        self.buckets.reserveCapacity(buckets.count)
        for bucket in buckets {
            if let last = self.buckets.last, last.upperBound == bucket.upperBound {
                self.buckets[self.buckets.count - 1].count += bucket.count
            } else {
                self.buckets.append(bucket)
            }
        }
    }

    private var endsInInfinity: Bool { buckets.last?.upperBound == .infinity }

    /// The φ-quantile, and what had to be repaired for it.
    public mutating func quantile(_ phi: Double) -> (value: Double, repair: Repair?) {
        if phi.isNaN { return (.nan, nil) }
        if phi < 0 { return (-.infinity, nil) }
        if phi > 1 { return (.infinity, nil) }
        guard endsInInfinity else { return (.nan, nil) }
        let repair = makeMonotonic()
        guard buckets.count >= 2, let total = buckets.last?.count, total != 0, !total.isNaN else {
            return (.nan, repair)
        }
        var rank = phi * total
        let last = buckets.count - 1
        let found = buckets.firstIndex { $0.count >= rank } ?? last
        if found >= last { return (buckets[last - 1].upperBound, repair) }
        if found == 0 && buckets[0].upperBound <= 0 { return (buckets[0].upperBound, repair) }
        var lower = 0.0
        var count = buckets[found].count
        if found > 0 {
            lower = buckets[found - 1].upperBound
            count -= buckets[found - 1].count
            rank -= buckets[found - 1].count
        }
        return (lower + (buckets[found].upperBound - lower) * (rank / count), repair)
    }

    /// The share of observations between `lower` and `upper`.
    public func fraction(_ lower: Double, _ upper: Double) -> Double {
        guard endsInInfinity, let total = buckets.last?.count, total != 0, !lower.isNaN, !upper.isNaN else {
            return .nan
        }
        if lower >= upper { return 0 }
        return (rank(of: upper) - rank(of: lower)) / total
    }

    /// How many observations are below `value`, linearly interpolated within a bucket of finite width.
    private func rank(of value: Double) -> Double {
        var below = 0.0
        for (index, bucket) in buckets.enumerated() {
            let lower = index > 0 ? buckets[index - 1].upperBound : bucket.upperBound > 0 ? 0 : -.infinity
            if lower >= value { return below }
            if bucket.upperBound > value {
                if lower == -.infinity { return bucket.count }
                return below + (bucket.count - below) * (value - lower) / (bucket.upperBound - lower)
            }
            below = bucket.count
        }
        return below
    }

    /// Raises counts that are lower than those of a smaller bound.
    private mutating func makeMonotonic() -> Repair? {
        guard var previous = buckets.first?.count else { return nil }
        var repair: Repair?
        for index in buckets.indices.dropFirst() {
            let count = buckets[index].count
            if count == previous { continue }
            if (count - previous).magnitude <= Self.tolerance * (count.magnitude + previous.magnitude) {
                buckets[index].count = previous
            } else if count < previous {
                buckets[index].count = previous
                let bound = buckets[index].upperBound
                let difference = previous - count
                repair = Repair(
                    lowestBound: repair?.lowestBound ?? bound, highestBound: bound,
                    differenceMax: max(repair?.differenceMax ?? 0, difference))
            } else {
                previous = count
            }
        }
        return repair
    }
}
