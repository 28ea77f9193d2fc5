import Bedrock
import Model

/// What numbers of an input segment are in the one being written; filled as they are met. One per input and output; not thread-safe.
final class SegmentMaps {
    fileprivate var names: [Int32]
    fileprivate var resources: [Int32]
    fileprivate var scopes: [Int32]
    /// Number of the input's column in the output; -1 not known yet.
    fileprivate var columns: [Int32]
    /// Of each column, the numbers of its listed texts.
    fileprivate var values: [[Int32]]

    init(_ index: TraceIndex) {
        names = [Int32](repeating: -1, count: index.names.count)
        resources = [Int32](repeating: -1, count: index.resources.count)
        scopes = [Int32](repeating: -1, count: index.scopes.count)
        columns = [Int32](repeating: -1, count: index.columns.count)
        values = index.columns.map { [Int32](repeating: -1, count: $0.values.count) }
    }

    /// The number that a resource of the input has in the output.
    func resource(_ number: Int, _ index: TraceIndex, _ target: SpanBlockBuilder) -> Int32 {
        if resources[number] < 0 {
            resources[number] = target.resources.findOrAdd(index.resources[number])
        }
        return resources[number]
    }

    func scope(_ number: Int, _ index: TraceIndex, _ target: SpanBlockBuilder) -> Int32 {
        if scopes[number] < 0 {
            scopes[number] = target.scopes.findOrAdd(index.scopes[number])
            if let scope = try? ScopeBytes(index.scopes[number]) {
                target.noted.note(.instrumentation, attributes: scope.attributes)
            }
        }
        return scopes[number]
    }
}

/// Carries traces of one block over to another segment: numbers are renumbered, values copied, nothing is put together. Rows are taken in order;
/// those passed over are skipped. Not thread-safe.
final class BlockTransfer {
    /// Values of one column on their way.
    private final class Lane {
        let source: StoredColumn
        let output: Int32
        let writer: ColumnWriter
        var next = 0

        init(_ source: StoredColumn, output: Int32, writer: ColumnWriter) {
            self.source = source
            self.output = output
            self.writer = writer
        }
    }

    let source: StoredBlock
    private let maps: SegmentMaps
    /// By the block's own numbers.
    private(set) var names: [Int32] = []
    private(set) var resources: [Int32] = []
    private(set) var scopes: [Int32] = []
    private var lanes: [[Lane]] = []
    private var nodes: [Int32] = []
    private var nodesBlock = -1
    private var nodesGeneration = -1
    /// Rows before this are taken or skipped.
    private var nextRow = 0
    private var nextUnknown = 0
    private var isReady = false
    private var textBytesOfRow = 0

    init(_ source: StoredBlock, _ maps: SegmentMaps) {
        self.source = source
        self.maps = maps
    }

    /// Decodes everything, so that damage shows before a row was taken.
    func check() throws {
        _ = try source.starts()
        _ = try source.spanIDs()
        _ = try source.codes()
        _ = try source.resources()
        _ = try source.scopes()
        try source.findValueRows()
        for column in Set(try source.layouts().lists.joined()) { _ = try source.column(Int(column)) }
    }

    /// Finds out what the block's numbers are in `target`. False where that can't take all its columns.
    func prepare(_ target: SpanBlockBuilder) throws -> Bool {
        if !isReady {
            let (index, entry) = (source.index, source.entry)
            names = entry.names.map { number in
                if maps.names[Int(number)] < 0 {
                    maps.names[Int(number)] = target.names.findOrAdd(index.names[Int(number)])
                }
                return maps.names[Int(number)]
            }
            resources = entry.resources.map { maps.resource(Int($0), index, target) }
            scopes = entry.scopes.map { maps.scope(Int($0), index, target) }
            var made: [Int32: Lane] = [:]
            lanes = try source.layouts().lists.map { list in
                try list.compactMap { number in
                    if let known = made[number] { return known }
                    guard let lane = try lane(number, target) else { return nil }
                    made[number] = lane
                    return lane
                }
            }
            let bytes = made.values.reduce(0) { $0 + ($1.source.info.type.isText ? $1.source.texts.bytes.count : 0) }
            textBytesOfRow = min(bytes / max(source.rowCount, 1), 256)
            isReady = true
        }
        if zip(lanes, try source.layouts().lists).contains(where: { $0.count != $1.count }) { return false }
        if nodesBlock == target.trie.blockNumber, nodesGeneration == target.trie.generation { return true }
        var found: [Int32] = []
        for list in lanes {
            var node: Int32 = 0
            for lane in list {
                guard let next = target.trie.child(of: node, column: lane.output) else { return false }
                node = next
            }
            found.append(node)
        }
        nodes = found
        nodesBlock = target.trie.blockNumber
        nodesGeneration = target.trie.generation
        return true
    }

    private func lane(_ number: Int32, _ target: SpanBlockBuilder) throws -> Lane? {
        let column = try source.column(Int(number))
        if maps.columns[Int(number)] < 0 {
            let info = column.info
            let output = info.key.withUnsafeBytes { target.trie.number(role: info.role, type: info.type, key: $0) }
            guard let output else { return nil }
            maps.columns[Int(number)] = output
        }
        let output = maps.columns[Int(number)]
        return Lane(column, output: output, writer: target.trie.columns[Int(output)])
    }

    /// Passes over rows up to `row`.
    func skip(to row: Int) throws {
        guard row > nextRow else { return }
        let rows = try source.layouts().rows
        let parents = try source.parentColumn()
        for at in nextRow..<row {
            for lane in lanes[Int(rows[at])] { lane.next += 1 }
            if parents.codes[at] == ParentColumn.unknown { nextUnknown += 1 }
        }
        nextRow = row
    }

    func takeUnknownParent(_ parents: ParentColumn) -> UInt64 {
        defer { nextUnknown += 1 }
        return parents.unknownIDs[nextUnknown]
    }

    /// Appends the values of `rows`, which are the next ones, and their layouts. Returns about how many bytes of text they have.
    func appendColumns(
        _ rows: Range<Int>, _ trie: LayoutTrie, shift: Int32, to layouts: inout ContiguousArray<Int64>
    ) throws -> Int {
        precondition(rows.lowerBound == nextRow, "rows \(rows) behind \(nextRow)")
        let codes = try source.layouts().rows
        for row in rows {
            let layout = Int(codes[row])
            layouts.append(Int64(trie.layout(nodes[layout])))
            let target = Int32(truncatingIfNeeded: row) + shift
            for lane in lanes[layout] { take(lane, row: target) }
        }
        nextRow = rows.upperBound
        return rows.count * textBytesOfRow
    }

    @inline(__always) private func take(_ lane: Lane, row: Int32) {
        let value = lane.next
        lane.next = value + 1
        let (source, writer) = (lane.source, lane.writer)
        switch source.info.type {
        case .empty: writer.append(AttributeBytes(type: .empty, payload: .init(start: nil, count: 0)), row: row)
        case .bool, .int, .double: writer.append(number: source.numbers[value], row: row)
        case .string, .bytes, .array, .map:
            guard source.isListed, !writer.isLocal else { return writer.append(text: source.text(value), row: row) }
            let number = Int(source.numbers[value])
            var known = maps.values[source.number][number]
            if known < 0 {
                known = writer.values.findOrAdd(source.texts[number])
                maps.values[source.number][number] = known
            }
            writer.append(known: known, row: row)
        }
    }
}
