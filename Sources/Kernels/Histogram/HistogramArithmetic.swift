import Model

/// What happened while two histograms were added or subtracted.
public struct HistogramCombination: Sendable {
    public var histogram: NativeHistogram
    /// One says "reset", the other "not reset".
    public var conflictsInResets: Bool
    /// Custom bounds differed, only the common ones stay.
    public var changedBounds: Bool

    public init(histogram: NativeHistogram, conflictsInResets: Bool, changedBounds: Bool) {
        self.histogram = histogram
        self.conflictsInResets = conflictsInResets
        self.changedBounds = changedBounds
    }
}

extension NativeHistogram {
    /// All populations and the sum multiplied; a negative factor makes it a gauge.
    public func scaled(by factor: Double) -> NativeHistogram {
        var copy = mapped { $0 * factor }
        if factor < 0 { copy.resetHint = .gauge }
        return copy
    }

    /// All populations and the sum divided; by zero, no bucket stays.
    public func divided(by divisor: Double) -> NativeHistogram {
        var copy = mapped { $0 / divisor }
        if divisor == 0 {
            copy.positive = BucketList()
            copy.negative = BucketList()
        }
        if divisor < 0 { copy.resetHint = .gauge }
        return copy
    }

    private func mapped(_ body: (Double) -> Double) -> NativeHistogram {
        var copy = self
        copy.count = body(count)
        copy.sum = body(sum)
        copy.zeroCount = body(zeroCount)
        for index in copy.positiveBuckets.indices { copy.positiveBuckets[index] = body(positiveBuckets[index]) }
        for index in copy.negativeBuckets.indices { copy.negativeBuckets[index] = body(negativeBuckets[index]) }
        return copy
    }

    /// The sum of both in their common layout; nil for an exponential and a custom one.
    public func adding(_ other: NativeHistogram) -> HistogramCombination? { combined(other, 1) }

    /// The difference, likewise.
    public func subtracting(_ other: NativeHistogram) -> HistogramCombination? { combined(other, -1) }

    private func combined(_ other: NativeHistogram, _ factor: Double) -> HistogramCombination? {
        guard let (a, b, changedBounds) = Self.reconciled(self, other) else { return nil }
        var result = a
        result.count += factor * b.count
        result.sum += factor * b.sum
        result.zeroCount += factor * b.zeroCount
        result.positive = a.positive.adding(b.positive, times: factor)
        result.negative = a.negative.adding(b.negative, times: factor)
        let (hint, conflicts) = Self.hint(resetHint, other.resetHint)
        result.resetHint = hint
        return HistogramCombination(histogram: result, conflictsInResets: conflicts, changedBounds: changedBounds)
    }

    /// The hint of a combination: equal ones stay, a gauge makes a gauge, everything else is unknown.
    private static func hint(_ a: ResetHint, _ b: ResetHint) -> (ResetHint, conflicts: Bool) {
        if a == b { return (a, false) }
        if a == .gauge || b == .gauge { return (.gauge, false) }
        return (.unknown, a != .unknown && b != .unknown)
    }

    /// Whether layout, populations and sum are equal, whatever the hint. Empty buckets that were written down count.
    public func hasSameContent(as other: NativeHistogram) -> Bool {
        func equal(_ a: Double, _ b: Double) -> Bool { a.bitPattern == b.bitPattern || a == b }
        func equal(_ a: BucketList, _ b: BucketList) -> Bool {
            a.indexes == b.indexes && zip(a.counts, b.counts).allSatisfy { equal($0, $1) }
        }
        return schema == other.schema && equal(count, other.count) && equal(sum, other.sum)
            && equal(zeroThreshold, other.zeroThreshold) && equal(zeroCount, other.zeroCount)
            && customValues == other.customValues && equal(positive, other.positive) && equal(negative, other.negative)
    }

    /// Whether a counter started anew between `previous` and this sample, by its hint or else by what can't have shrunk.
    public func isReset(after previous: NativeHistogram) -> Bool {
        switch resetHint {
        case .reset: return true
        case .notReset: return false
        case .unknown, .gauge: break
        }
        if count < previous.count { return true }
        guard hasCustomBuckets == previous.hasCustomBuckets else { return true }
        if hasCustomBuckets {
            let (current, earlier) =
                customValues == previous.customValues ? (self, previous) : Self.withCommonBounds(self, previous)
            return Self.shrank(earlier.positive, current.positive)
        }
        if schema > previous.schema || zeroThreshold < previous.zeroThreshold { return true }
        let zero = previous.zeroBucket(reaching: zeroThreshold)
        if zero.threshold != zeroThreshold || zeroCount < zero.count { return true }
        let earlier = previous.widened(to: zeroThreshold).reduced(to: schema)
        return Self.shrank(earlier.positive, positive) || Self.shrank(earlier.negative, negative)
    }

    /// Whether any bucket has fewer observations than before.
    private static func shrank(_ before: BucketList, _ after: BucketList) -> Bool {
        let difference = after.adding(before, times: -1)
        return difference.counts.contains { $0 < 0 }
    }
}
