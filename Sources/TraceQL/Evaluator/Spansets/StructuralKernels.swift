import Model

/// Relations between the spans of a block, for all of its rows at once. Spans are related within their group only.
struct StructuralKernels {
    let forest: TraceForest
    /// Group of each row, below `groupCount`.
    let groups: ContiguousArray<Int32>
    let groupCount: Int

    /// Rows of `b` that have the relation to some row of `a`.
    func related(_ relation: SpanRelation, _ a: RowMask, _ b: RowMask) -> RowMask {
        var found: RowMask
        switch relation {
        case .child: found = children(of: a)
        case .parent: found = parents(of: a)
        case .descendant: found = descendants(of: a)
        case .ancestor: found = ancestors(of: a, among: b)
        case .sibling: found = siblings(of: a)
        }
        FieldEvaluator.merge(&found, b) { $0 & $1 }
        return found
    }

    private func children(of a: RowMask) -> RowMask {
        var found = RowMask(repeating: 0, count: a.count)
        for row in 0..<a.count {
            let parent = Int(forest.parents[row])
            if parent >= 0, a[parent] == 1, groups[parent] == groups[row] { found[row] = 1 }
        }
        return found
    }

    private func parents(of a: RowMask) -> RowMask {
        var found = RowMask(repeating: 0, count: a.count)
        for row in 0..<a.count where a[row] == 1 {
            let parent = Int(forest.parents[row])
            if parent >= 0, groups[parent] == groups[row] { found[parent] = 1 }
        }
        return found
    }

    /// Counts, per group, the rows of `a` on the way from the root.
    private func descendants(of a: RowMask) -> RowMask {
        var found = RowMask(repeating: 0, count: a.count)
        var above = ContiguousArray<Int32>(repeating: 0, count: groupCount)
        var open: ContiguousArray<(end: Int32, group: Int32)> = []
        for place in forest.order.indices {
            while let last = open.last, Int(last.end) <= place {
                above[Int(last.group)] -= 1
                open.removeLast()
            }
            let row = Int(forest.order[place])
            let group = groups[row]
            if above[Int(group)] > 0 { found[row] = 1 }
            if a[row] == 1 {
                above[Int(group)] += 1
                open.append((forest.ends[place], group))
            }
        }
        return found
    }

    /// Whether, from a row of `b` to the end of its descendants, the count of its group grew.
    private func ancestors(of a: RowMask, among b: RowMask) -> RowMask {
        var found = RowMask(repeating: 0, count: a.count)
        var seen = ContiguousArray<Int32>(repeating: 0, count: groupCount)
        var open: ContiguousArray<(end: Int32, row: Int32, before: Int32)> = []
        func close(_ place: Int) {
            while let last = open.last, Int(last.end) <= place {
                if seen[Int(groups[Int(last.row)])] > last.before { found[Int(last.row)] = 1 }
                open.removeLast()
            }
        }
        for place in forest.order.indices {
            close(place)
            let row = Int(forest.order[place])
            let group = Int(groups[row])
            if a[row] == 1 { seen[group] += 1 }
            if b[row] == 1 { open.append((forest.ends[place], Int32(row), seen[group])) }
        }
        close(forest.order.count)
        return found
    }

    /// Rows that share their parent with another row of `a`.
    private func siblings(of a: RowMask) -> RowMask {
        var found = RowMask(repeating: 0, count: a.count)
        var counts = ContiguousArray<Int32>(repeating: 0, count: groupCount)
        for parent in 0..<a.count {
            let range = forest.childRange(parent)
            if range.count < 2 { continue }
            for place in range {
                let row = Int(forest.children[place])
                if a[row] == 1 { counts[Int(groups[row])] += 1 }
            }
            for place in range {
                let row = Int(forest.children[place])
                if counts[Int(groups[row])] > Int32(a[row]) { found[row] = 1 }
            }
            for place in range { counts[Int(groups[Int(forest.children[place])])] = 0 }
        }
        return found
    }
}
