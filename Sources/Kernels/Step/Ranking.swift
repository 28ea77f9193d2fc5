/// The k best of a stream of values: a heap with the worst on top. NaN is worse than everything; of equals the earlier is better.
public struct Ranking {
    private let largest: Bool
    private var limit = 0
    private var heap: [(value: Double, index: Int)] = []

    public init(largest: Bool) { self.largest = largest }

    /// Forgets everything; from now on `limit` values are kept.
    public mutating func restart(keeping limit: Int) {
        self.limit = limit
        heap.removeAll(keepingCapacity: true)
    }

    /// Takes in the value of series `index`.
    public mutating func offer(_ value: Double, _ index: Int) {
        if heap.count < limit {
            heap.append((value, index))
            siftUp(heap.count - 1)
        } else if limit > 0 && isWorse(heap[0], (value, index)) {
            heap[0] = (value, index)
            siftDown(0)
        }
    }

    /// The kept ones, best first.
    public func sorted() -> [(value: Double, index: Int)] { heap.sorted { isWorse($1, $0) } }

    private func isWorse(_ a: (value: Double, index: Int), _ b: (value: Double, index: Int)) -> Bool {
        if a.value.isNaN || b.value.isNaN {
            return a.value.isNaN && b.value.isNaN ? a.index > b.index : a.value.isNaN
        }
        if a.value != b.value { return largest ? a.value < b.value : a.value > b.value }
        return a.index > b.index
    }

    private mutating func siftUp(_ start: Int) {
        var at = start
        while at > 0 {
            let parent = (at - 1) / 2
            guard isWorse(heap[at], heap[parent]) else { return }
            heap.swapAt(at, parent)
            at = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var at = start
        while true {
            var worst = at
            for child in [2 * at + 1, 2 * at + 2] where child < heap.count && isWorse(heap[child], heap[worst]) {
                worst = child
            }
            if worst == at { return }
            heap.swapAt(at, worst)
            at = worst
        }
    }
}
