import Kernels
import Model

/// An instant vector at every step: per series a label set and a column of numbers.
struct StepVector {
    var labels: [Labels]
    let floats: FloatMatrix

    var count: Int { labels.count }
    func row(_ index: Int) -> UnsafeMutablePointer<Double> { floats.row(index) }
    func isPresent(_ index: Int, _ step: Int) -> Bool { !Absent.matches(floats.row(index)[step]) }

    /// Keeps the series `kept`, ascending.
    mutating func keep(_ kept: [Int]) {
        floats.compact(kept)
        labels = kept.map { labels[$0] }
    }

    /// Forgets series without any value.
    mutating func dropEmptySeries() {
        let kept = labels.indices.filter { !floats.isRowAbsent($0) }
        if kept.count != count { keep(kept) }
    }

    /// Makes one series of each group with equal labels.
    /// - Throws: where two of them have a value at the same step.
    mutating func mergeEqualSeries(orThrow message: String) throws(LogQLQueryError) {
        var table = LabelTable(capacity: count)
        let numbers = labels.map { table.number(of: $0) }
        guard table.count < count else { return }
        var firsts = [Int](repeating: -1, count: table.count)
        var kept: [Int] = []
        for index in 0..<count {
            let first = firsts[numbers[index]]
            guard first >= 0 else {
                firsts[numbers[index]] = index
                kept.append(index)
                continue
            }
            for step in 0..<floats.steps where isPresent(index, step) {
                if isPresent(first, step) { throw .execution(message) }
                row(first)[step] = row(index)[step]
            }
        }
        keep(kept)
    }
}
