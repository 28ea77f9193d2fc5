import Kernels
import Model

extension Evaluator {
    /// `sort` and `sort_desc`: by value, NaN last. Range queries are ordered by labels anyway.
    func sortCall(_ call: Call) throws -> StepMatrix {
        var matrix = try vector(call.arguments[0])
        matrix.dropHistograms()
        guard !isRangeQuery(call) else { return matrix }
        let isDescending = call.function == .sortDesc
        let order = matrix.labels.indices.sorted { a, b in
            let x = matrix.row(a)[0]
            let y = matrix.row(b)[0]
            if x.isNaN || y.isNaN { return !x.isNaN && y.isNaN }
            return isDescending ? x > y : x < y
        }
        matrix.reorder(order)
        return matrix
    }

    /// `sort_by_label` and `sort_by_label_desc`: by the given labels in natural order, then by all labels.
    func sortByLabelCall(_ call: Call) throws -> StepMatrix {
        let names = try call.arguments.dropFirst().map { try string($0) }
        var matrix = try vector(call.arguments[0])
        guard !isRangeQuery(call) else { return matrix }
        let keys = matrix.labels.map { labels in names.map { Array((labels[$0] ?? "").utf8) } }
        let order = matrix.labels.indices.sorted { a, b in
            for position in names.indices where keys[a][position] != keys[b][position] {
                return naturallyPrecedes(keys[a][position], keys[b][position])
            }
            return matrix.labels[a] < matrix.labels[b]
        }
        matrix.reorder(call.function == .sortByLabelDesc ? order.reversed() : order)
        return matrix
    }

    private func isRangeQuery(_ call: Call) -> Bool {
        guard context.queryStep > 0 else { return false }
        context.annotations.warn(
            "sort is ineffective for range queries since results are always ordered by labels", call.source)
        return true
    }
}

extension StepMatrix {
    /// Puts the series in a new order; for one step only, where it costs nothing to copy.
    mutating func reorder(_ order: [Int]) {
        let values = order.map { index in [Double](UnsafeBufferPointer(start: row(index), count: steps)) }
        for (index, column) in values.enumerated() {
            column.withUnsafeBufferPointer { column in
                for step in 0..<steps { row(index)[step] = column[step] }
            }
        }
        labels = order.map { labels[$0] }
        if !losesName.isEmpty { losesName = order.map { losesName[$0] } }
        if !histograms.isEmpty { histograms = order.map { histograms[$0] } }
    }
}

/// Natural order: runs of digits compare as numbers, everything else bytewise.
func naturallyPrecedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    var i = 0
    var j = 0
    while i < a.count && j < b.count {
        guard isDigit(a[i]) && isDigit(b[j]) else {
            if a[i] != b[j] { return a[i] < b[j] }
            i += 1
            j += 1
            continue
        }
        // Skip leading zeros; then the longer run is the larger number.
        let startA = i
        let startB = j
        while i < a.count && a[i] == 48 { i += 1 }
        while j < b.count && b[j] == 48 { j += 1 }
        let digitsA = i
        let digitsB = j
        while i < a.count && isDigit(a[i]) { i += 1 }
        while j < b.count && isDigit(b[j]) { j += 1 }
        if i - digitsA != j - digitsB { return i - digitsA < j - digitsB }
        for offset in 0..<i - digitsA where a[digitsA + offset] != b[digitsB + offset] {
            return a[digitsA + offset] < b[digitsB + offset]
        }
        if digitsA - startA != digitsB - startB { return digitsA - startA < digitsB - startB }
    }
    return a.count - i < b.count - j
}
