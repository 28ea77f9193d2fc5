import Bedrock
import Model

/// Rows of several places, by trace: what a part of a selection is made of. One thread at a time.
final class TraceAssembly {
    /// A row, and whose it is.
    struct Row {
        var source: Int32
        var row: Int32
    }

    private(set) var sources: [any SpanRows] = []
    private(set) var rows: ContiguousArray<Row> = []
    private(set) var ids: ContiguousArray<TraceID> = []
    private(set) var traceStarts: ContiguousArray<Int32> = [0]
    private var columns: [SpanField: SpanColumn] = [:]
    private var sourceColumns: [[SpanField: SpanColumn]] = []
    private var foundParents: ContiguousArray<Int32>?

    var rowCount: Int { rows.count }

    /// Adds a source; gives its number.
    func add(_ source: any SpanRows) -> Int32 {
        if let known = sources.firstIndex(where: { $0 === source }) { return Int32(known) }
        sources.append(source)
        sourceColumns.append([:])
        return Int32(sources.count - 1)
    }

    func append(_ row: Row) { rows.append(row) }

    /// Ends the trace whose rows were added last.
    func endTrace(_ id: TraceID) {
        ids.append(id)
        traceStarts.append(Int32(truncatingIfNeeded: rows.count))
    }

    /// Takes back the rows added since the last trace ended.
    func dropTrace() { rows.removeSubrange(Int(traceStarts[traceStarts.count - 1])...) }

    func range(_ trace: Int) -> Range<Int> { Int(traceStarts[trace])..<Int(traceStarts[trace + 1]) }

    // MARK: Values

    /// One number of each row.
    func numbers<T>(_ read: (any SpanRows) throws -> ContiguousArray<T>) throws -> ContiguousArray<T> {
        let all = try sources.map(read)
        return ContiguousArray(rows.map { all[Int($0.source)][Int($0.row)] })
    }

    func starts() throws -> ContiguousArray<Int64> { try numbers { try $0.starts() } }

    /// A field of all rows.
    func column(_ field: SpanField) throws -> SpanColumn {
        if let known = columns[field] { return known }
        let made: SpanColumn
        switch field {
        case .intrinsic(let intrinsic) where intrinsic.needsTrace: made = try traceColumn(intrinsic)
        // Texts of these are made one by one: of the rows that are here, not of all that their sources have.
        case .intrinsic(.spanID): made = SpanFieldColumns.ids(try numbers { try $0.spanIDs() })
        case .intrinsic(.parentID): made = SpanFieldColumns.ids(try numbers { try $0.parentIDs() })
        default: made = try gather(field)
        }
        columns[field] = made
        return made
    }

    /// Gives a source's column, if it is known from elsewhere.
    func note(_ column: SpanColumn, of field: SpanField, source: Int32) { sourceColumns[Int(source)][field] = column }

    private func gather(_ field: SpanField) throws -> SpanColumn {
        var parts: [SpanColumn] = []
        for (number, source) in sources.enumerated() {
            if sourceColumns[number][field] == nil { sourceColumns[number][field] = try source.column(field) }
            if let known = sourceColumns[number][field] { parts.append(known) }
        }
        let gather = ColumnGather(rowCount: rowCount, isMany: parts.contains { $0.starts != nil })
        var at = 0
        while at < rows.count {
            let source = rows[at].source
            var end = at + 1
            while end < rows.count, rows[end].source == source { end += 1 }
            gather.append(rows[at..<end].lazy.map(\.row), of: parts[Int(source)])
            at = end
        }
        return gather.finish()
    }

    // MARK: Structure

    /// The row of each row's parent; -1 for a root, and where the parent isn't known.
    func parents() throws -> ContiguousArray<Int32> {
        if let foundParents { return foundParents }
        let (spans, parents) = (try numbers { try $0.spanIDs() }, try numbers { try $0.parentIDs() })
        let kinds = try numbers { try $0.codes() }
        var found = ContiguousArray<Int32>(repeating: -1, count: rowCount)
        for trace in ids.indices {
            let range = range(trace)
            var table: [UInt64: Int32] = [:]
            // Of a client and a server that share an id, the server is the parent.
            for row in range
            where table[spans[row]] == nil || kinds[row] & 15 == Int64(SpanKind.server.rawValue) {
                table[spans[row]] = Int32(truncatingIfNeeded: row)
            }
            for row in range where parents[row] != 0 {
                if let parent = table[parents[row]], Int(parent) != row { found[row] = parent }
            }
        }
        foundParents = found
        return found
    }

    /// What summaries are made from, one a row.
    private struct Facts {
        var starts: ContiguousArray<Int64>
        var durations: ContiguousArray<Int64>
        var codes: ContiguousArray<Int64>
        var parentIDs: ContiguousArray<UInt64>
    }

    private var knownFacts: Facts?

    private func facts() throws -> Facts {
        if let knownFacts { return knownFacts }
        let made = Facts(
            starts: try numbers { try $0.starts() }, durations: try numbers { try $0.durations() },
            codes: try numbers { try $0.codes() }, parentIDs: try numbers { try $0.parentIDs() })
        knownFacts = made
        return made
    }

    /// Decodes what summaries and `parents` are made from.
    func prepareSummaries() throws {
        _ = try facts()
        for (number, source) in sources.enumerated() {
            _ = try source.spanIDs()
            for field in [SpanField.intrinsic(.name), .attribute(.resource, "service.name")]
            where sourceColumns[number][field] == nil {
                sourceColumns[number][field] = try source.column(field)
            }
        }
    }

    /// What is known of a trace.
    func summary(_ trace: Int) throws -> TraceSummary {
        let range = range(trace)
        var summary = TraceSummary(
            id: ids[trace], start: .max, end: .min, spanCount: range.count, errorCount: 0, rootName: nil,
            rootServiceName: nil)
        var root: Int?
        var rootStart = Int64.max
        let facts = try facts()
        for row in range {
            let start = facts.starts[row]
            summary.start = min(summary.start, start)
            summary.end = max(summary.end, start &+ facts.durations[row])
            if facts.codes[row] >> 4 == Int64(SpanStatus.error.rawValue) { summary.errorCount += 1 }
            if start < rootStart, facts.parentIDs[row] == 0 {
                root = row
                rootStart = start
            }
        }
        if let root {
            summary.rootName = try text(.intrinsic(.name), root)
            summary.rootServiceName = try text(.attribute(.resource, "service.name"), root)
        }
        return summary
    }

    private func text(_ field: SpanField, _ row: Int) throws -> String? {
        let place = rows[row]
        let source = Int(place.source)
        if sourceColumns[source][field] == nil { sourceColumns[source][field] = try sources[source].column(field) }
        guard let column = sourceColumns[source][field] else { return nil }
        for value in column.values(ofRow: Int(place.row)) {
            if case .string(let text) = column.value(value) { return text }
        }
        return nil
    }

    private func traceColumn(_ intrinsic: SpanIntrinsic) throws -> SpanColumn {
        let column = SpanColumn(rowCount: rowCount)
        switch intrinsic {
        case .traceDuration, .rootName, .rootServiceName:
            for trace in ids.indices {
                let summary = try summary(trace)
                let value: SpanValue =
                    switch intrinsic {
                    case .traceDuration: .duration(max(0, summary.end &- summary.start))
                    case .rootName: summary.rootName.map { .string($0) } ?? .nil
                    default: summary.rootServiceName.map { .string($0) } ?? .nil
                    }
                for _ in range(trace) { column.append(value) }
            }
        case .childCount:
            var counts = ContiguousArray<Int64>(repeating: 0, count: rowCount)
            for parent in try parents() where parent >= 0 { counts[Int(parent)] += 1 }
            return .of(.int, counts)
        default:
            let sets = NestedSets(parents: try parents(), roots: try numbers { try $0.parentIDs() }, self)
            switch intrinsic {
            case .nestedSetLeft: return .of(.int, sets.left)
            case .nestedSetRight: return .of(.int, sets.right)
            case .nestedSetParent: return .of(.int, sets.parent)
            default: throw FieldNeedsTrace()
            }
        }
        return column
    }
}

/// Nested sets of the traces' trees: numbers from 1 on in the order in which a walk enters and leaves spans; children in the order of rows. A root's
/// parent is -1. Spans that hang on no root have 0 everywhere.
struct NestedSets {
    private(set) var left: ContiguousArray<Int64>
    private(set) var right: ContiguousArray<Int64>
    private(set) var parent: ContiguousArray<Int64>

    /// - Parameter roots: ids of the rows' parents; 0 is a root's.
    init(parents: ContiguousArray<Int32>, roots: ContiguousArray<UInt64>, _ assembly: TraceAssembly) {
        let count = parents.count
        left = ContiguousArray(repeating: 0, count: count)
        right = left
        parent = left
        // First child and next sibling, by going backwards.
        var firstChild = ContiguousArray<Int32>(repeating: -1, count: count)
        var nextSibling = firstChild
        for row in (0..<count).reversed() where parents[row] >= 0 {
            nextSibling[row] = firstChild[Int(parents[row])]
            firstChild[Int(parents[row])] = Int32(truncatingIfNeeded: row)
        }
        for trace in assembly.ids.indices {
            var next: Int64 = 1
            for root in assembly.range(trace) where roots[root] == 0 {
                parent[root] = -1
                var path = [root]
                left[root] = next
                next += 1
                while let row = path.last {
                    let child = Int(firstChild[row])
                    if child >= 0 {
                        firstChild[row] = nextSibling[child]
                        left[child] = next
                        parent[child] = left[row]
                        next += 1
                        path.append(child)
                    } else {
                        right[row] = next
                        next += 1
                        path.removeLast()
                    }
                }
            }
        }
    }
}
