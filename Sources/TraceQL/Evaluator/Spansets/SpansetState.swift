import Model

/// Sets of spans of all traces of a block: which rows are in any, and in which one each is.
struct SpansetState {
    /// What made sets what they are, for results.
    enum Step {
        /// Of each set a row that has the value, and the set before that it is a part of.
        case split(name: String, FieldVector, rows: ContiguousArray<Int32>, parents: ContiguousArray<Int32>)
        /// Of each set what was computed of it.
        case scalar(name: String, [FieldArithmetic.Value])
    }

    var rows: RowMask
    /// Of each row the number of its set, below `groupCount`.
    var numbers: ContiguousArray<Int32>
    var groupCount: Int
    /// Rows of a set stand together.
    var isContiguous = true
    var history: [Step] = []

    /// One set a trace, of all its rows.
    init(_ block: any SpanBlock) {
        let starts = block.traceStarts
        groupCount = max(0, starts.count - 1)
        rows = RowMask(repeating: 1, count: block.rowCount)
        numbers = ContiguousArray(repeating: 0, count: block.rowCount)
        for trace in 0..<groupCount { for row in starts[trace]..<starts[trace + 1] { numbers[row] = Int32(trace) } }
    }

    /// Which sets have any row of `mask`.
    func occupied(_ mask: RowMask) -> ContiguousArray<Bool> {
        var found = ContiguousArray(repeating: false, count: groupCount)
        for row in mask.indices where mask[row] == 1 { found[Int(numbers[row])] = true }
        return found
    }

    /// What set `group` was split by and what was computed of it, in the order of the query; of equal names the last.
    func attributes(_ group: Int) -> [(name: String, value: SpanValue)] {
        var found: [(name: String, value: SpanValue)] = []
        var group = group
        for step in history.reversed() {
            let name: String
            let value: SpanValue
            switch step {
            case .scalar(let own, let values): (name, value) = (own, SpanValue(values[group]))
            case .split(let own, let vector, let rows, let parents):
                let row = Int(rows[group])
                (name, value) = (own, vector.key(row).type == .nil ? .nil : vector.value(row))
                group = Int(parents[group])
            }
            if case .scalar = step, value == .nil { continue }
            if !found.contains(where: { $0.name == name }) { found.append((name, value)) }
        }
        return found.reversed()
    }
}
