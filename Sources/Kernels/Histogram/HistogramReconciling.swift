import Model

extension NativeHistogram {
    /// With the resolution of a lower exponential schema; the same for an equal or higher one.
    public func reduced(to target: Int32) -> NativeHistogram {
        guard !hasCustomBuckets, target < schema else { return self }
        return reduced(by: schema - target)
    }

    /// The population of a zero bucket that reaches to `threshold` at least, which a populated bucket across it pushes further out.
    public func zeroBucket(reaching threshold: Double) -> (count: Double, threshold: Double) {
        var threshold = threshold
        while true {
            var count = zeroCount
            var widened = threshold
            func gather(_ buckets: BucketList) {
                for (index, population) in zip(buckets.indexes, buckets.counts) {
                    if upperBound(index - 1) >= threshold { return }
                    count += population
                    let upper = upperBound(index)
                    if upper > threshold {
                        if population != 0 { widened = max(widened, upper) }
                        return
                    }
                }
            }
            gather(positive)
            gather(negative)
            if widened == threshold { return (count, threshold) }
            threshold = widened
        }
    }

    /// With a zero bucket that reaches to `threshold` at least; buckets inside it are gone.
    public func widened(to threshold: Double) -> NativeHistogram {
        guard threshold > zeroThreshold else { return self }
        var copy = self
        (copy.zeroCount, copy.zeroThreshold) = zeroBucket(reaching: threshold)
        func outside(_ buckets: BucketList) -> BucketList {
            var result = BucketList()
            for (index, count) in zip(buckets.indexes, buckets.counts)
            where upperBound(index - 1) >= copy.zeroThreshold {
                result.append(index, count)
            }
            return result
        }
        copy.positive = outside(positive)
        copy.negative = outside(negative)
        return copy
    }

    /// Both with the bounds that they have in common; custom buckets only.
    static func withCommonBounds(_ a: NativeHistogram, _ b: NativeHistogram) -> (NativeHistogram, NativeHistogram) {
        var common: [Double] = []
        var i = 0
        var j = 0
        while i < a.customValues.count && j < b.customValues.count {
            if a.customValues[i] == b.customValues[j] {
                common.append(a.customValues[i])
                i += 1
                j += 1
            } else if a.customValues[i] < b.customValues[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return (a.withBounds(common), b.withBounds(common))
    }

    /// With fewer bounds, all of them its own: buckets between two of them are added up.
    func withBounds(_ bounds: [Double]) -> NativeHistogram {
        var copy = self
        copy.customValues = bounds
        copy.positive = positive.remapped { index in
            let upper = upperBound(index)
            var low = 0
            var high = bounds.count
            while low < high {
                let middle = (low + high) / 2
                if bounds[middle] < upper { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return copy
    }

    /// Both in one layout: the lower schema, the larger zero bucket, or the common custom bounds.
    /// nil for an exponential and a custom one. `changesBounds`: their custom bounds differed.
    static func reconciled(
        _ a: NativeHistogram, _ b: NativeHistogram
    ) -> (NativeHistogram, NativeHistogram, changesBounds: Bool)? {
        guard a.hasCustomBuckets == b.hasCustomBuckets else { return nil }
        if a.hasCustomBuckets {
            if a.customValues == b.customValues { return (a, b, false) }
            let (x, y) = withCommonBounds(a, b)
            return (x, y, true)
        }
        var x = a
        var y = b
        // Each widening can meet a populated bucket of the other, so until both agree.
        while x.zeroThreshold != y.zeroThreshold {
            let before = (x.zeroThreshold, y.zeroThreshold)
            y = y.widened(to: x.zeroThreshold)
            x = x.widened(to: y.zeroThreshold)
            if before == (x.zeroThreshold, y.zeroThreshold) { break }  // NaN thresholds never agree.
        }
        let schema = min(x.schema, y.schema)
        return (x.reduced(to: schema), y.reduced(to: schema), false)
    }
}
