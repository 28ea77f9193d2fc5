import Kernels
import Model

/// Counts rows and bytes per series and window, as differences from window to window: a row costs the same whatever number of windows
/// hold it. One owner; not thread-safe.
final class WindowTally {
    private let windows: Int
    private let budget: QueryBudget
    private let countsBytes: Bool
    /// Place of a series in the columns, -1 for none yet.
    private var places: [Int32] = []
    private(set) var series: [Int] = []
    private var rows: [Int64] = []
    private var bytes: [Int64] = []

    init(windows: Int, countsBytes: Bool, budget: QueryBudget) {
        self.windows = windows
        self.countsBytes = countsBytes
        self.budget = budget
    }

    deinit { budget.release(rows.count + bytes.count) }

    /// Adds rows of `series` to the windows that hold them.
    @inline(__always)
    func add(_ series: Int, _ held: Range<Int>, rows count: Int, bytes size: Int = 0) throws {
        if held.isEmpty { return }
        let base = try place(series) * (windows + 1)
        rows[base + held.lowerBound] += Int64(count)
        rows[base + held.upperBound] -= Int64(count)
        guard countsBytes else { return }
        bytes[base + held.lowerBound] += Int64(size)
        bytes[base + held.upperBound] -= Int64(size)
    }

    @inline(__always)
    private func place(_ series: Int) throws -> Int {
        if series < places.count, places[series] >= 0 { return Int(places[series]) }
        return try newPlace(series)
    }

    private func newPlace(_ series: Int) throws -> Int {
        while places.count <= series { places.append(-1) }
        let place = self.series.count
        places[series] = Int32(place)
        self.series.append(series)
        let columns = [Int64](repeating: 0, count: windows + 1)
        rows += columns
        if countsBytes { bytes += columns }
        try budget.charge(countsBytes ? 2 * columns.count : columns.count)
        return place
    }

    /// Takes in another tally, whose series `number` is this one's `map(number)`.
    func merge(_ other: WindowTally, _ map: (Int) -> Int) throws {
        for (index, number) in other.series.enumerated() {
            let from = index * (windows + 1)
            let to = try place(map(number)) * (windows + 1)
            for window in 0...windows { rows[to + window] += other.rows[from + window] }
            guard countsBytes else { continue }
            for window in 0...windows { bytes[to + window] += other.bytes[from + window] }
        }
    }

    /// Calls `body` with each series that has a place: rows and bytes per window.
    func forEach(_ body: (_ series: Int, _ rows: [Int64], _ bytes: [Int64]) throws -> Void) rethrows {
        for (index, number) in series.enumerated() {
            let span = index * (windows + 1)..<index * (windows + 1) + windows
            try body(number, Self.sums(rows[span]), countsBytes ? Self.sums(bytes[span]) : [])
        }
    }

    private static func sums(_ differences: ArraySlice<Int64>) -> [Int64] {
        var sum: Int64 = 0
        return differences.map {
            sum += $0
            return sum
        }
    }
}
