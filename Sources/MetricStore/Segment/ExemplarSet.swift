import Bedrock
import LSM
import Model

/// Exemplars of one series put together from several places: each once, and of each slot of time the newest few.
///
/// What stays depends on the exemplars alone, not on their order or on how often parts were put together before: memtables, flushes and
/// merges all keep the same ones.
struct ExemplarSet {
    /// A slot's length, milliseconds, and how many of its exemplars are kept.
    static let slotMilliseconds: Int64 = 300_000
    static let perSlotMax = 8

    private var all: [Exemplar] = []

    init() {}

    var isEmpty: Bool { all.isEmpty }

    mutating func add(_ exemplar: Exemplar) { all.append(exemplar) }

    mutating func formUnion(_ other: ExemplarSet) { all.append(contentsOf: other.all) }

    mutating func clear() { all.removeAll(keepingCapacity: true) }

    mutating func remove(_ range: TimeRange) { all.removeAll { range.contains($0.timestamp) } }

    /// What is kept, in order.
    func kept() -> [Exemplar] {
        guard all.count > 1 else { return all }
        var kept: [Exemplar] = []
        var slot: Int64?
        var inSlot = 0
        var previous: Exemplar?
        // Newest first, so that those over the number are the oldest of their slot.
        for exemplar in all.sorted(by: { Self.precedes($1, $0) }) {
            if let previous, Self.areSame(previous, exemplar) { continue }
            previous = exemplar
            let own = Self.slot(exemplar.timestamp)
            if own != slot { (slot, inSlot) = (own, 0) }
            inSlot += 1
            if inSlot <= Self.perSlotMax { kept.append(exemplar) }
        }
        kept.reverse()
        return kept
    }

    /// The smallest range of whole slots around a range: what has to be looked at to know what is kept in it.
    static func slots(around range: TimeRange) -> TimeRange {
        guard !range.isEmpty else { return range }
        let start = slot(range.start).multipliedReportingOverflow(by: slotMilliseconds)
        let end = (slot(range.end) + 1).multipliedReportingOverflow(by: slotMilliseconds)
        return TimeRange(start.overflow ? .min : start.partialValue, end.overflow ? .max : end.partialValue - 1)
    }

    private static func slot(_ timestamp: Int64) -> Int64 {
        let quotient = timestamp / slotMilliseconds
        return timestamp % slotMilliseconds < 0 ? quotient - 1 : quotient
    }

    /// By time, labels, then value.
    private static func precedes(_ a: Exemplar, _ b: Exemplar) -> Bool {
        if a.timestamp != b.timestamp { return a.timestamp < b.timestamp }
        let labels = compare(a.labels, b.labels)
        if labels != 0 { return labels < 0 }
        return a.value.bitPattern < b.value.bitPattern
    }

    private static func areSame(_ a: Exemplar, _ b: Exemplar) -> Bool {
        a.timestamp == b.timestamp && a.value.bitPattern == b.value.bitPattern && a.labels == b.labels
    }

    private static func compare(_ a: Labels, _ b: Labels) -> Int {
        a.storage.withUnsafeBytes { x in b.storage.withUnsafeBytes { y in compareLabels(x, y) } }
    }
}
