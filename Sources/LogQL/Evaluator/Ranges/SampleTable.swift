import Kernels
import Model

/// The numbers that `unwrap` took from rows, by series. One owner; not thread-safe.
final class SampleTable {
    private(set) var times: [[Int64]] = []
    private(set) var values: [[Double]] = []
    private let budget: QueryBudget
    private var charged = 0
    private var uncharged = 0

    init(budget: QueryBudget) { self.budget = budget }

    deinit { budget.release(charged) }

    func add(_ series: Int, _ time: Int64, _ value: Double) {
        while times.count <= series {
            times.append([])
            values.append([])
        }
        times[series].append(time)
        values[series].append(value)
        uncharged += 1
    }

    /// Charges what was added since the last call.
    func settle() throws {
        let samples = uncharged
        charged += samples
        uncharged = 0
        try budget.charge(samples)
    }

    /// Takes in another table behind this one.
    func merge(_ other: SampleTable, _ map: (Int) -> Int) throws {
        for index in other.times.indices where !other.times[index].isEmpty {
            let to = map(index)
            while times.count <= to {
                times.append([])
                values.append([])
            }
            times[to] += other.times[index]
            values[to] += other.values[index]
            uncharged += other.times[index].count
        }
        try settle()
    }

    /// Orders each series by time; equal times stay in the order they came in.
    func sort() {
        for index in times.indices {
            let unsorted = times[index]
            guard zip(unsorted, unsorted.dropFirst()).contains(where: { $0 > $1 }) else { continue }
            let order = unsorted.indices.sorted { unsorted[$0] != unsorted[$1] ? unsorted[$0] < unsorted[$1] : $0 < $1 }
            let before = values[index]
            times[index] = order.map { unsorted[$0] }
            values[index] = order.map { before[$0] }
        }
    }
}
