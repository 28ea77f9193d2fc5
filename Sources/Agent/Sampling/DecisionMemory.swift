import Model

/// What was decided of traces, for spans that come after the decision; the oldest are forgotten.
struct DecisionMemory {
    private var decisions: [TraceID: Bool] = [:]
    private var order: [TraceID] = []
    private var oldest = 0
    private let countMax: Int

    init(countMax: Int) { self.countMax = max(1, countMax) }

    subscript(id: TraceID) -> Bool? { decisions[id] }

    mutating func note(_ id: TraceID, isKept: Bool) {
        if decisions.updateValue(isKept, forKey: id) != nil { return }
        if order.count < countMax {
            order.append(id)
        } else {
            decisions[order[oldest]] = nil
            order[oldest] = id
            oldest = (oldest + 1) % countMax
        }
    }
}
