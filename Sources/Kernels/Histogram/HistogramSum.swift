import Model

/// Adds histograms up, in the layout that they have in common.
public struct HistogramSum {
    /// The sum so far; nil before the first.
    public private(set) var total: NativeHistogram?
    public private(set) var count = 0.0
    /// Exponential and custom ones met: there is no sum.
    public private(set) var isIncompatible = false
    /// Custom bounds differed.
    public private(set) var changedBounds = false
    private var hasReset = false
    private var hasNotReset = false

    public init() {}

    /// Some said "reset", others "not reset".
    public var conflictsInResets: Bool { hasReset && hasNotReset }

    public mutating func add(_ histogram: NativeHistogram) {
        count += 1
        hasReset = hasReset || histogram.resetHint == .reset
        hasNotReset = hasNotReset || histogram.resetHint == .notReset
        guard let sum = total else {
            total = histogram
            return
        }
        guard let combination = sum.adding(histogram) else {
            isIncompatible = true
            return
        }
        changedBounds = changedBounds || combination.changedBounds
        total = combination.histogram
    }

    /// The sum divided by the number of histograms.
    public var mean: NativeHistogram? { total?.divided(by: count).compacted }
}
