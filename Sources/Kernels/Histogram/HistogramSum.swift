import Model

/// Adds or averages histograms in the layout that they have in common, every population and the sum compensated (Kahan-Neumaier).
/// An average whose sum overflows goes on as an incremental mean.
public struct HistogramSum {
    private let averages: Bool
    private var total: NativeHistogram?
    /// Compensations of all fields of `total`, in the same layout.
    private var lost = NativeHistogram()
    private var isIncremental = false
    private var hasReset = false
    private var hasNotReset = false
    /// How many were added.
    public private(set) var count = 0.0
    /// Exponential and custom ones met: there is no result.
    public private(set) var isIncompatible = false
    /// Custom bounds differed.
    public private(set) var changedBounds = false

    public init(averages: Bool) { self.averages = averages }

    /// Some said "reset", others "not reset".
    public var conflictsInResets: Bool { hasReset && hasNotReset }

    public mutating func add(_ histogram: NativeHistogram) {
        count += 1
        hasReset = hasReset || histogram.resetHint == .reset
        hasNotReset = hasNotReset || histogram.resetHint == .notReset
        guard let sum = total else {
            total = histogram
            lost = NativeHistogram(
                schema: histogram.schema, zeroThreshold: histogram.zeroThreshold, customValues: histogram.customValues)
            return
        }
        guard !isIncompatible else { return }
        if !isIncremental {
            guard let next = compensated(sum, lost, histogram) else {
                isIncompatible = true
                return
            }
            if !averages || !next.total.hasInfinity {
                (total, lost) = next
                return
            }
            isIncremental = true
            total = sum.divided(by: count - 1)
            lost = lost.divided(by: count - 1)
        }
        let share = (count - 1) / count
        guard let mean = total,
            let next = compensated(mean.scaled(by: share), lost.scaled(by: share), histogram.divided(by: count))
        else {
            isIncompatible = true
            return
        }
        (total, lost) = next
    }

    /// The sum or average; nil before the first histogram, and for incompatible ones.
    public var result: NativeHistogram? {
        guard let total, !isIncompatible else { return nil }
        var result = total
        let divisor = averages && !isIncremental ? count : 1
        func value(_ sum: Double, _ compensation: Double) -> Double {
            sum.isInfinite ? sum : sum / divisor + compensation / divisor
        }
        result.count = value(total.count, lost.count)
        result.sum = value(total.sum, lost.sum)
        result.zeroCount = value(total.zeroCount, lost.zeroCount)
        result.positive = Self.combined(total.positive, lost.positive, value)
        result.negative = Self.combined(total.negative, lost.negative, value)
        return result.compacted
    }

    /// Adds `histogram` to a sum and its compensations; nil for incompatible layouts.
    private mutating func compensated(
        _ sum: NativeHistogram, _ lost: NativeHistogram, _ histogram: NativeHistogram
    ) -> (total: NativeHistogram, lost: NativeHistogram)? {
        guard let combination = sum.adding(histogram),
            let (a, b, changesBounds) = NativeHistogram.reconciled(sum, histogram)
        else { return nil }
        changedBounds = changedBounds || changesBounds
        var total = a
        total.resetHint = combination.histogram.resetHint
        var rest = lost.inLayout(of: a)
        func add(_ path: WritableKeyPath<NativeHistogram, Double>) {
            var field = CompensatedSum(a[keyPath: path], compensation: rest[keyPath: path])
            field.add(b[keyPath: path])
            total[keyPath: path] = field.sum
            rest[keyPath: path] = field.compensation
        }
        add(\.count)
        add(\.sum)
        add(\.zeroCount)
        (total.positive, rest.positive) = Self.added(a.positive, rest.positive, b.positive)
        (total.negative, rest.negative) = Self.added(a.negative, rest.negative, b.negative)
        return (total, rest)
    }

    private static func added(
        _ sums: BucketList, _ lost: BucketList, _ more: BucketList
    ) -> (BucketList, BucketList) {
        // Bring all three to the same indexes; adding nothing makes a bucket appear.
        let all = sums.adding(lost, times: 0).adding(more, times: 0)
        let rest = all.scaledToZero.adding(lost)
        let extra = all.scaledToZero.adding(more)
        var totals = all
        var left = rest
        for position in all.counts.indices {
            var field = CompensatedSum(all.counts[position], compensation: rest.counts[position])
            field.add(extra.counts[position])
            totals.counts[position] = field.sum
            left.counts[position] = field.compensation
        }
        return (totals, left)
    }

    private static func combined(
        _ sums: BucketList, _ lost: BucketList, _ value: (Double, Double) -> Double
    ) -> BucketList {
        var result = sums
        let rest = sums.scaledToZero.adding(lost)
        for (position, index) in sums.indexes.enumerated() {
            let at = rest.indexes.firstIndex(of: index) ?? position
            result.counts[position] = value(sums.counts[position], rest.counts[at])
        }
        return result
    }
}

extension BucketList {
    /// The same indexes, all empty.
    fileprivate var scaledToZero: BucketList {
        var copy = self
        copy.scale { _ in 0 }
        return copy
    }
}

extension NativeHistogram {
    fileprivate var hasInfinity: Bool {
        count.isInfinite || sum.isInfinite || zeroCount.isInfinite || positiveBuckets.contains(where: \.isInfinite)
            || negativeBuckets.contains(where: \.isInfinite)
    }

    /// In the coarser layout of `other`.
    fileprivate func inLayout(of other: NativeHistogram) -> NativeHistogram {
        if hasCustomBuckets { return customValues == other.customValues ? self : withBounds(other.customValues) }
        var copy = widened(to: other.zeroThreshold).reduced(to: other.schema)
        copy.zeroThreshold = other.zeroThreshold
        return copy
    }
}
