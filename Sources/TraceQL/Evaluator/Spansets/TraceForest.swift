import Model

/// Rows of a block in the order of their trees: each row before its children, which stand together below it. Linear in rows, whatever the
/// data says; where parents go in a circle, the first row of it counts as a root.
struct TraceForest {
    /// Row of each place.
    private(set) var order: ContiguousArray<Int32> = []
    /// Of each place, the place behind the last of its descendants.
    private(set) var ends: ContiguousArray<Int32>
    /// -1 for roots.
    private(set) var parents: ContiguousArray<Int32>
    /// Children of row `i` are `children[childStarts[i] ..< childStarts[i + 1]]`.
    private(set) var childStarts: ContiguousArray<Int32>
    private(set) var children: ContiguousArray<Int32>

    init(_ given: UnsafeBufferPointer<Int32>) {
        let count = given.count
        parents = ContiguousArray(given)
        childStarts = ContiguousArray(repeating: 0, count: count + 1)
        children = ContiguousArray(repeating: 0, count: count)
        ends = ContiguousArray(repeating: 0, count: count)
        order.reserveCapacity(count)
        for row in 0..<count where !(0..<count).contains(Int(parents[row])) || Int(parents[row]) == row {
            parents[row] = -1
        }
        cutCircles()
        for row in 0..<count where parents[row] >= 0 { childStarts[Int(parents[row]) + 1] += 1 }
        for row in 0..<count { childStarts[row + 1] += childStarts[row] }
        var next = childStarts
        for row in 0..<count where parents[row] >= 0 {
            let parent = Int(parents[row])
            children[Int(next[parent])] = Int32(row)
            next[parent] += 1
        }
        for row in 0..<count where parents[row] < 0 { walk(from: row) }
    }

    /// Makes the first row of each circle a root.
    private mutating func cutCircles() {
        // 0: not seen, -1: known to end, otherwise the walk on which it was seen.
        var seen = ContiguousArray<Int32>(repeating: 0, count: parents.count)
        for start in 0..<parents.count where seen[start] == 0 {
            let walk = Int32(truncatingIfNeeded: start + 1)
            var row = start
            while row >= 0, seen[row] == 0 {
                seen[row] = walk
                row = Int(parents[row])
            }
            if row >= 0, seen[row] == walk {
                var first = row
                var member = Int(parents[row])
                while member != row {
                    first = min(first, member)
                    member = Int(parents[member])
                }
                parents[first] = -1
            }
            row = start
            while row >= 0, seen[row] == walk {
                seen[row] = -1
                row = Int(parents[row])
            }
        }
    }

    private mutating func walk(from root: Int) {
        // Rows to visit, and places to end as their complement.
        var stack: ContiguousArray<Int32> = [Int32(root)]
        while let top = stack.popLast() {
            if top < 0 {
                ends[Int(~top)] = Int32(order.count)
                continue
            }
            stack.append(~Int32(order.count))
            order.append(top)
            let range = Int(childStarts[Int(top)])..<Int(childStarts[Int(top) + 1])
            for child in range.reversed() { stack.append(children[child]) }
        }
    }

    func childRange(_ row: Int) -> Range<Int> { Int(childStarts[row])..<Int(childStarts[row + 1]) }
}
