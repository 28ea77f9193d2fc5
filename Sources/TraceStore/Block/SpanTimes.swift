import Bedrock

/// When spans began and how long they took, told from what is known of their parents and elder siblings.
///
/// Rows of a trace stand by start. A start is told from a *base* that the row's group has chosen: the parent's start, the row before's, or the end
/// of the elder sibling that came last; without one, the start of the trace. A duration is told plainly, or as what the parent's has over it: a
/// server's span takes as long as its client's but for the network.
/// ```
/// ┌─────────────────────┬─────────────────────────┐   ┌─────────────────────┬─────────────────────────┐
/// │ base u8, one a group│ GroupedIntegers: starts │   │ base u8, one a group│ GroupedIntegers:        │
/// │ 0, 1, 2             │ less their base         │   │ 0 none, 1 parent    │ durations               │
/// └─────────────────────┴─────────────────────────┘   └─────────────────────┴─────────────────────────┘
/// ```
/// All sums wrap, so that any numbers are kept exactly.
struct SpanTimes {
    /// Where the rows of each trace begin, and where the last one's end.
    let traceStarts: ContiguousArray<Int32>
    /// Row of the parent; negative where it is not in the trace.
    let parents: ContiguousArray<Int32>
    let groups: RowGroups

    private enum StartBase: Int { case parent, row, sibling }

    // MARK: Durations

    func encodeDurations(
        _ durations: ContiguousArray<Int64>, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        var plain = ContiguousArray<Int>(repeating: 0, count: groups.count)
        var told = plain
        for row in durations.indices {
            let group = Int(groups.groups[row])
            plain[group] += ZigZag.encode(durations[row]).bitLength
            told[group] += ZigZag.encode(parentDuration(row, durations) &- durations[row]).bitLength
        }
        for group in 0..<groups.count { target.append(UInt8(told[group] < plain[group] ? 1 : 0)) }
        var residuals = durations
        for row in durations.indices {
            let group = Int(groups.groups[row])
            if told[group] < plain[group] { residuals[row] = parentDuration(row, durations) &- durations[row] }
        }
        GroupedIntegers.encode(
            residuals, groups: groups.groups, groupCount: groups.count, scratch: scratch, into: &target)
    }

    func decodeDurations(_ reader: inout ByteReader) throws(DecodeError) -> ContiguousArray<Int64> {
        let isTold = try reader.take(groups.count)
        var durations = try GroupedIntegers.decode(&reader, groups: groups.groups, groupCount: groups.count)
        for row in durations.indices where isTold[Int(groups.groups[row])] != 0 {
            durations[row] = parentDuration(row, durations) &- durations[row]
        }
        return durations
    }

    /// 0 where the parent isn't known when the row is read.
    @inline(__always) private func parentDuration(_ row: Int, _ durations: ContiguousArray<Int64>) -> Int64 {
        let parent = Int(parents[row])
        return parent >= 0 && parent < row ? durations[parent] : 0
    }

    // MARK: Starts

    func encodeStarts(
        _ starts: ContiguousArray<Int64>, _ durations: ContiguousArray<Int64>, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        var costs = ContiguousArray<Int>(repeating: 0, count: groups.count * 3)
        forEachRow(starts.count) { row, trace, elder in
            let bases = bases(row, trace, elder, starts, durations)
            let at = Int(groups.groups[row]) * 3
            costs[at] += ZigZag.encode(starts[row] &- bases.parent).bitLength
            costs[at + 1] += ZigZag.encode(starts[row] &- bases.row).bitLength
            costs[at + 2] += ZigZag.encode(starts[row] &- bases.sibling).bitLength
        }
        var chosen = ContiguousArray<UInt8>(repeating: 0, count: groups.count)
        for group in 0..<groups.count {
            for base in 1..<3 where costs[group * 3 + base] < costs[group * 3 + Int(chosen[group])] {
                chosen[group] = UInt8(base)
            }
            target.append(chosen[group])
        }
        var residuals = starts
        forEachRow(starts.count) { row, trace, elder in
            let bases = bases(row, trace, elder, starts, durations)
            residuals[row] = starts[row] &- bases.chosen(chosen[Int(groups.groups[row])])
        }
        GroupedIntegers.encode(
            residuals, groups: groups.groups, groupCount: groups.count, scratch: scratch, into: &target)
    }

    /// - Parameter traceTimes: starts of the first row of each trace.
    func decodeStarts(
        _ reader: inout ByteReader, _ durations: ContiguousArray<Int64>, traceTimes: ContiguousArray<Int64>
    ) throws(DecodeError) -> ContiguousArray<Int64> {
        let chosen = try reader.take(groups.count)
        for base in chosen where base > 2 { throw DecodeError("unknown base \(base) of starts", at: reader.offset) }
        var starts = try GroupedIntegers.decode(&reader, groups: groups.groups, groupCount: groups.count)
        forEachRow(starts.count) { row, trace, elder in
            if row == Int(traceStarts[trace]) {
                starts[row] = traceTimes[trace]
                return
            }
            let bases = bases(row, trace, elder, starts, durations)
            starts[row] = starts[row] &+ bases.chosen(chosen[Int(groups.groups[row])])
        }
        return starts
    }

    private struct Bases {
        var parent: Int64
        var row: Int64
        var sibling: Int64

        @inline(__always) func chosen(_ base: UInt8) -> Int64 { base == 0 ? parent : base == 1 ? row : sibling }
    }

    /// What a row can be told from; `elder` is the sibling before it, negative where there is none.
    @inline(__always) private func bases(
        _ row: Int, _ trace: Int, _ elder: Int32, _ starts: ContiguousArray<Int64>,
        _ durations: ContiguousArray<Int64>
    ) -> Bases {
        let first = Int(traceStarts[trace])
        // The first row of a trace has its time from elsewhere.
        if row == first { return Bases(parent: starts[row], row: starts[row], sibling: starts[row]) }
        let parent = Int(parents[row])
        let fromParent = parent >= 0 && parent < row ? starts[parent] : starts[first]
        let fromSibling = elder >= 0 ? starts[Int(elder)] &+ durations[Int(elder)] : fromParent
        return Bases(parent: fromParent, row: starts[row - 1], sibling: fromSibling)
    }

    /// Calls `body` for every row with its trace and elder sibling.
    @inline(__always) private func forEachRow(_ count: Int, _ body: (Int, Int, Int32) -> Void) {
        var youngest = ContiguousArray<Int32>(repeating: -1, count: count)
        for trace in 0..<max(traceStarts.count - 1, 0) {
            for row in Int(traceStarts[trace])..<Int(traceStarts[trace + 1]) {
                let parent = Int(parents[row])
                if parent >= 0, parent < row {
                    body(row, trace, youngest[parent])
                    youngest[parent] = Int32(truncatingIfNeeded: row)
                } else {
                    body(row, trace, -1)
                }
            }
        }
    }
}
