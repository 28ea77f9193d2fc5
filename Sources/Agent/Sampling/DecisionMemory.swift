/// What was decided of traces, for spans that come after the decision; the oldest are forgotten.
struct DecisionMemory {
    private var decisions: [HeldTraces.Key: Bool] = [:]
    private var order: [HeldTraces.Key] = []
    private var oldest = 0
    private let countMax: Int

    init(countMax: Int) { self.countMax = max(1, countMax) }

    subscript(key: HeldTraces.Key) -> Bool? { decisions[key] }

    mutating func note(_ key: HeldTraces.Key, isKept: Bool) {
        if decisions.updateValue(isKept, forKey: key) != nil { return }
        if order.count < countMax {
            order.append(key)
        } else {
            decisions[order[oldest]] = nil
            order[oldest] = key
            oldest = (oldest + 1) % countMax
        }
    }
}
