import Model

/// Sets of spans of all traces of a block: which rows are in any, and in which one each is.
struct SpansetState {
    struct Group {
        /// Number of the trace in its block.
        let trace: Int32
        /// What the set was split by and what was computed of it.
        var attributes: [(name: String, value: SpanValue)] = []
    }

    var rows: RowMask
    /// Of each row the number in `groups`.
    var numbers: ContiguousArray<Int32>
    var groups: [Group]

    /// One set a trace, of all its rows.
    init(_ block: any SpanBlock) {
        let starts = block.traceStarts
        let count = max(0, starts.count - 1)
        rows = RowMask(repeating: 1, count: block.rowCount)
        numbers = ContiguousArray(repeating: 0, count: block.rowCount)
        groups = (0..<count).map { Group(trace: Int32($0)) }
        for trace in 0..<count { for row in starts[trace]..<starts[trace + 1] { numbers[row] = Int32(trace) } }
    }

    /// Which sets have any row of `mask`.
    func occupied(_ mask: RowMask) -> ContiguousArray<Bool> {
        var found = ContiguousArray(repeating: false, count: groups.count)
        for row in mask.indices where mask[row] == 1 { found[Int(numbers[row])] = true }
        return found
    }
}
