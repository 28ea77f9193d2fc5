/// Consistency of native histograms from outside, by Prometheus' rules.
extension NativeHistogram {
    /// The coarsest exponential schema, and the finest that is stored; finer ones are reduced to it.
    public static let schemaMin: Int32 = -4
    public static let schemaMax: Int32 = 8

    public var bucketCount: Int { positiveBuckets.count + negativeBuckets.count }

    /// Why this is no consistent histogram, or one of more than `bucketsMax` buckets; nil when there is nothing against it.
    public func flaw(bucketsMax: Int) -> String? {
        guard (-4...52).contains(schema) || hasCustomBuckets else { return "schema \(schema) is not known" }
        if hasCustomBuckets {
            if let reason = customBoundsFlaw { return reason }
        } else if !customValues.isEmpty {
            return "custom bounds with schema \(schema)"
        }
        if let reason = Self.spansFlaw(positiveSpans, positiveBuckets.count)
            ?? Self.spansFlaw(negativeSpans, negativeBuckets.count)
        {
            return reason
        }
        if bucketCount > bucketsMax { return "over \(bucketsMax) buckets" }
        // NaN fails these, too.
        guard positiveBuckets.allSatisfy({ $0 >= 0 }), negativeBuckets.allSatisfy({ $0 >= 0 }) else {
            return "a bucket's count is negative"
        }
        guard count >= 0, zeroCount >= 0 else { return "a count is negative" }
        guard zeroThreshold >= 0 else { return "the zero threshold is negative" }
        return nil
    }

    private var customBoundsFlaw: String? {
        guard zip(customValues, customValues.dropFirst()).allSatisfy({ $0 < $1 }), customValues.allSatisfy(\.isFinite)
        else {
            return "custom bounds must be finite and ascend"
        }
        guard negativeSpans.isEmpty, negativeBuckets.isEmpty, zeroCount == 0, zeroThreshold == 0 else {
            return "custom bounds leave no room for negative or zero buckets"
        }
        var end = 0
        for span in positiveSpans { end += Int(span.offset) + Int(span.length) }
        return end > customValues.count + 1 ? "more buckets than custom bounds" : nil
    }

    private static func spansFlaw(_ spans: [Span], _ bucketCount: Int) -> String? {
        var total = 0
        for (index, span) in spans.enumerated() {
            if index > 0, span.offset < 0 { return "a span overlaps the one before" }
            total += Int(span.length)
        }
        return total == bucketCount ? nil : "spans say \(total) buckets, but there are \(bucketCount)"
    }

    /// The same in the finest resolution, as far as `schemaMin`, with `bucketsMax` buckets at most; nil when there is none. As Prometheus does
    /// at `native_histogram_bucket_limit`.
    public func reduced(toBuckets bucketsMax: Int) -> NativeHistogram? {
        var result = self
        while result.bucketCount > bucketsMax {
            guard !hasCustomBuckets, result.schema > Self.schemaMin else { return nil }
            result = result.reduced(by: 1)
        }
        return result
    }

    /// The same with each `2^steps` neighbouring buckets joined: the schema falls by `steps`, which must not be negative. Exponential ones only.
    public func reduced(by steps: Int32) -> NativeHistogram {
        var result = self
        result.schema -= steps
        (result.positiveSpans, result.positiveBuckets) = Self.joined(positiveSpans, positiveBuckets, steps)
        (result.negativeSpans, result.negativeBuckets) = Self.joined(negativeSpans, negativeBuckets, steps)
        return result
    }

    private static func joined(_ spans: [Span], _ buckets: [Double], _ steps: Int32) -> ([Span], [Double]) {
        var newSpans: [Span] = []
        var newBuckets: [Double] = []
        var index: Int64 = 0
        var next = 0
        var lastTarget: Int64?
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length {
                // Bucket i of the fine schema has upper bound base^i, so it lies in bucket ⌈i / 2^steps⌉ of the coarse one.
                let target = ((index - 1) >> Int64(steps)) + 1
                if target == lastTarget {
                    newBuckets[newBuckets.count - 1] += buckets[next]
                } else {
                    let gap = target - (lastTarget.map { $0 + 1 } ?? 0)
                    if gap == 0, lastTarget != nil {
                        newSpans[newSpans.count - 1].length += 1
                    } else {
                        newSpans.append(Span(offset: Int32(truncatingIfNeeded: gap), length: 1))
                    }
                    newBuckets.append(buckets[next])
                    lastTarget = target
                }
                index += 1
                next += 1
            }
        }
        return (newSpans, newBuckets)
    }
}
