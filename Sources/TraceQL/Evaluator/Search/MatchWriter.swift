import Model

/// Copies what an answer shows of the traces of a block.
struct MatchWriter {
    private let state: SpansetState
    private let spansPerSet: Int
    private let starts: UnsafeBufferPointer<Int64>
    private let ids: FieldVector
    private let names: FieldVector
    private let durations: FieldVector
    private let columns: [(field: SpanField, values: FieldVector)]

    init(_ block: any SpanBlock, _ state: SpansetState, _ output: [SpanField], spansPerSet: Int) throws {
        self.state = state
        self.spansPerSet = spansPerSet
        starts = try block.starts()
        ids = .of(try block.column(.intrinsic(.spanID)))
        names = .of(try block.column(.intrinsic(.name)))
        durations = .of(try block.column(.intrinsic(.duration)))
        columns = try output.map { ($0, .of(try block.column($0))) }
    }

    /// The sets of the trace that has these rows.
    func sets(_ rows: Range<Int>) -> [MatchedSpanSet] {
        var places: [Int32: Int] = [:]
        var members: [(group: Int32, rows: [Int])] = []
        var last = -1
        for row in rows where state.rows[row] == 1 {
            let group = state.numbers[row]
            if last < 0 || members[last].group != group {
                guard let place = places[group] ?? (members.count < TraceSearch.setsMax ? members.count : nil) else {
                    continue
                }
                if place == members.count { members.append((group, [])) }
                places[group] = place
                last = place
            }
            members[last].rows.append(row)
        }
        return members.map { group, rows in
            MatchedSpanSet(
                matched: rows.count, attributes: state.attributes(Int(group)), spans: first(rows).map(span))
        }
    }

    /// The first by start, of equal ones those that stand first.
    private func first(_ rows: [Int]) -> [Int] {
        let isSorted = rows.indices.dropFirst().allSatisfy { starts[rows[$0 - 1]] <= starts[rows[$0]] }
        if isSorted { return Array(rows.prefix(spansPerSet)) }
        func precedes(_ a: Int, _ b: Int) -> Bool { (starts[a], a) < (starts[b], b) }
        if spansPerSet > 16 { return Array(rows.sorted(by: precedes).prefix(spansPerSet)) }
        var found: [Int] = []
        for row in rows {
            if found.count == spansPerSet, let last = found.last, !precedes(row, last) { continue }
            if found.count == spansPerSet { found.removeLast() }
            found.insert(row, at: found.firstIndex { precedes(row, $0) } ?? found.count)
        }
        return found
    }

    private func span(_ row: Int) -> MatchedSpan {
        var attributes: [(field: SpanField, value: SpanValue)] = []
        for (field, values) in columns {
            let value = values.value(row)
            if value != .nil { attributes.append((field, value)) }
        }
        var id = SpanID.none
        var name = ""
        if case .string(let text) = ids.value(row) { id = SpanID(hex: text) ?? .none }
        if case .string(let text) = names.value(row) { name = text }
        return MatchedSpan(
            spanID: id, name: name, start: starts[row], duration: durations.first(row).word,
            attributes: attributes)
    }
}
