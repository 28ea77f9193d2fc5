import Bedrock
import Columns
import Model

/// Gathers the traces of a block and writes its columns; reused from block to block of a segment. Not thread-safe.
///
/// Traces come in the order of the segment; the spans of each by `SpanKey`, without equal ones.
final class SpanBlockBuilder {
    let trie = LayoutTrie()
    let names = TextTable()
    let resources = TextTable()
    let scopes = TextTable()
    let noted = NotedKeys()

    // Of the block being filled.
    private(set) var traceIDs: ContiguousArray<TraceID> = []
    private var traceStarts: ContiguousArray<Int32> = [0]
    private var spanIDs: ContiguousArray<UInt64> = []
    private var parentIDs: ContiguousArray<UInt64> = []
    private var parents = ParentColumn()
    private var starts: ContiguousArray<Int64> = []
    private var durations: ContiguousArray<Int64> = []
    private var nameCodes: ContiguousArray<Int32> = []
    private var resourceCodes: ContiguousArray<Int32> = []
    private var scopeCodes: ContiguousArray<Int32> = []
    /// Kind, status in bit 4.
    private var codes: ContiguousArray<Int64> = []
    private var layouts: ContiguousArray<Int64> = []
    private var textBytes = 0
    private var filter = TokenFilter.Builder()
    private let scratch = ColumnScratch()
    private let texts = TextColumnWriter()
    private var rest = ByteBuffer(capacity: 256)

    var rowCount: Int { spanIDs.count }
    var isEmpty: Bool { spanIDs.isEmpty }
    /// Whether the next trace belongs to the next block.
    var isFull: Bool {
        rowCount >= TraceStoreLimits.blockRowsMin || textBytes >= TraceStoreLimits.blockBytesMin
    }
    /// Whether not even the next span of the current trace belongs here.
    var isOverfull: Bool {
        rowCount >= TraceStoreLimits.blockRowsMax || textBytes >= 4 * TraceStoreLimits.blockBytesMin
    }
    var memoryBytes: Int {
        rowCount * 80 + trie.memoryBytes + names.memoryBytes + resources.memoryBytes + scopes.memoryBytes
    }

    // MARK: Rows

    func beginTrace(_ id: TraceID) { traceIDs.append(id) }

    func append(_ span: SpanBytes, resource: Int32, scope: Int32) {
        let row = Int32(truncatingIfNeeded: spanIDs.count)
        spanIDs.append(span.spanID)
        parentIDs.append(span.parentID)
        starts.append(span.start)
        durations.append(span.end &- span.start)
        nameCodes.append(names.findOrAdd(span.name))
        resourceCodes.append(resource)
        scopeCodes.append(scope)
        codes.append(Int64(span.kind | span.status << 4))
        layouts.append(Int64(trie.layout(appendColumns(of: span, row))))
        textBytes += span.attributes.count + span.events.count + span.links.count + span.name.count
    }

    /// Gives the node of the row's layout.
    private func appendColumns(of span: SpanBytes, _ row: Int32) -> Int32 {
        var node: Int32 = 0
        var cursor = AttributeCursor(span.attributes)
        while cursor.next() {
            let value = cursor.value
            if let next = trie.child(of: node, role: .attribute, type: value.type, key: cursor.key) {
                node = next
                trie.column(of: node).append(value, row: row)
            } else {
                rest.clear()
                rest.append(attribute: cursor.key, value)
                node = append(.rest, text: rest.bytes, row, behind: node)
                noted.note(.span, cursor.key)
            }
        }
        if span.statusMessage.count > 0 { node = append(.statusMessage, text: span.statusMessage, row, behind: node) }
        if span.traceState.count > 0 { node = append(.traceState, text: span.traceState, row, behind: node) }
        if span.flags != 0 { node = append(.flags, number: span.flags, row, behind: node) }
        if span.droppedAttributes != 0 {
            node = append(.droppedAttributes, number: span.droppedAttributes, row, behind: node)
        }
        if span.droppedEvents != 0 { node = append(.droppedEvents, number: span.droppedEvents, row, behind: node) }
        if span.droppedLinks != 0 { node = append(.droppedLinks, number: span.droppedLinks, row, behind: node) }
        if span.events.count > 0 {
            node = append(.events, text: span.events, row, behind: node)
            noted.note(events: span.events)
        }
        if span.links.count > 0 {
            node = append(.links, text: span.links, row, behind: node)
            noted.note(links: span.links)
        }
        return node
    }

    private var noKey: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    private func append(
        _ role: ColumnRole, text: UnsafeRawBufferPointer, _ row: Int32, behind node: Int32
    ) -> Int32 {
        // Columns that are no attribute's are always taken.
        guard let next = trie.child(of: node, role: role, type: role.type, key: noKey) else { return node }
        trie.column(of: next).append(text: text, row: row)
        return next
    }

    private func append(_ role: ColumnRole, number: UInt32, _ row: Int32, behind node: Int32) -> Int32 {
        guard let next = trie.child(of: node, role: role, type: role.type, key: noKey) else { return node }
        trie.column(of: next).append(number: Int64(number), row: row)
        return next
    }

    /// Ends the trace whose rows were appended last.
    func endTrace() {
        let first = Int(traceStarts[traceStarts.count - 1])
        parents.append(parents: parentIDs[first...], spanIDs: spanIDs[first...])
        traceStarts.append(Int32(truncatingIfNeeded: rowCount))
    }

    // MARK: Whole traces of another block

    /// Adds traces `range` of a block, renumbering. False, and nothing is added, when it has columns that this block can't take.
    func append(_ transfer: BlockTransfer, traces range: Range<Int>) throws -> Bool {
        guard try transfer.prepare(self) else { return false }
        let source = transfer.source
        let sourceStarts = try source.traceStarts()
        let rows = Int(sourceStarts[range.lowerBound])..<Int(sourceStarts[range.upperBound])
        let shift = Int32(truncatingIfNeeded: rowCount - rows.lowerBound)
        try transfer.skip(to: rows.lowerBound)
        traceIDs.append(contentsOf: try source.traceIDs()[range])
        for trace in range { traceStarts.append(sourceStarts[trace + 1] + shift) }
        let ids = try source.spanIDs()
        spanIDs.append(contentsOf: ids[rows])
        // Only the codes are used for these.
        parentIDs.append(contentsOf: repeatElement(0, count: rows.count))
        let parentColumn = try source.parentColumn()
        parents.codes.append(contentsOf: parentColumn.codes[rows])
        for row in rows where parentColumn.codes[row] == ParentColumn.unknown {
            parents.unknownIDs.append(transfer.takeUnknownParent(parentColumn))
        }
        starts.append(contentsOf: try source.starts()[rows])
        durations.append(contentsOf: try source.durations()[rows])
        codes.append(contentsOf: try source.codes()[rows])
        let (sourceNames, sourceResources, sourceScopes) = (
            try source.names(), try source.resources(), try source.scopes()
        )
        for row in rows {
            nameCodes.append(transfer.names[Int(sourceNames[row])])
            resourceCodes.append(transfer.resources[Int(sourceResources[row])])
            scopeCodes.append(transfer.scopes[Int(sourceScopes[row])])
        }
        textBytes += try transfer.appendColumns(rows, trie, shift: shift, to: &layouts)
        return true
    }

    // MARK: Writing

    /// Ends the block: hands out each chunk's bytes, and gives what the directory keeps.
    func endBlock(_ emit: (_ column: Int, UnsafeRawBufferPointer) throws -> Void) throws -> BlockEntry {
        var entry = BlockEntry()
        entry.rowCount = rowCount
        entry.traceCount = traceIDs.count
        for row in starts.indices {
            entry.firstStart = min(entry.firstStart, starts[row])
            entry.lastStart = max(entry.lastStart, starts[row])
            entry.durationMax = max(entry.durationMax, durations[row])
        }
        let (localNames, nameList) = Self.localise(nameCodes, count: names.count)
        let (localResources, resourceList) = Self.localise(resourceCodes, count: resources.count) {
            [resources] in compareTexts(resources, $0, $1)
        }
        let (localScopes, scopeList) = Self.localise(scopeCodes, count: scopes.count)
        (entry.names, entry.resources, entry.scopes) = (nameList, resourceList, scopeList)
        let groups = RowGroups(names: localNames, nameCount: nameList.count)
        let times = try parentTimes(groups)
        var chunk = ByteBuffer(capacity: 64 << 10)
        func end(_ column: Int) throws {
            try emit(column, chunk.bytes)
            chunk.clear()
        }
        do {
            encodeTraces(into: &chunk)
            try end(BlockColumn.traces)
            for id in spanIDs { chunk.append(littleEndian: id) }
            try end(BlockColumn.spanIDs)
            IntegerColumn.encode(localNames, scratch: scratch, into: &chunk)
            try end(BlockColumn.names)
            parents.encode(groups: groups, scratch: scratch, into: &chunk)
            try end(BlockColumn.parents)
            times.encodeDurations(durations, scratch: scratch, into: &chunk)
            try end(BlockColumn.durations)
            times.encodeStarts(starts, durations, scratch: scratch, into: &chunk)
            try end(BlockColumn.starts)
            encode(ContiguousArray(localResources.map(Int64.init)), groups, into: &chunk)
            try end(BlockColumn.resources)
            encode(ContiguousArray(localScopes.map(Int64.init)), groups, into: &chunk)
            try end(BlockColumn.scopes)
            encode(codes, groups, into: &chunk)
            try end(BlockColumn.codes)
            trie.encodeLayouts(into: &chunk)
            encode(layouts, groups, into: &chunk)
            try end(BlockColumn.layouts)
            for number in trie.columnsOfBlock {
                trie.columns[number].encode(
                    groups: groups, number: number, filter: &filter, scratch: scratch, texts: texts, into: &chunk)
                if !chunk.isEmpty { try end(BlockColumn.firstAttribute + number) }
            }
            if !filter.isEmpty {
                filter.finish(into: &chunk)
                try end(BlockColumn.filter)
            }
        }
        clear()
        return entry
    }

    private func parentTimes(_ groups: RowGroups) throws -> SpanTimes {
        SpanTimes(traceStarts: traceStarts, parents: try parents.rows(traceStarts: traceStarts), groups: groups)
    }

    private func encode(_ values: ContiguousArray<Int64>, _ groups: RowGroups, into target: inout ByteBuffer) {
        GroupedIntegers.encode(values, groups: groups.groups, groupCount: groups.count, scratch: scratch, into: &target)
    }

    /// Ids, numbers of spans, starts of the first spans.
    private func encodeTraces(into target: inout ByteBuffer) {
        for id in traceIDs {
            target.append(littleEndian: id.high.bigEndian)
            target.append(littleEndian: id.low.bigEndian)
        }
        let counts = traceIDs.indices.map { traceStarts[$0 + 1] - traceStarts[$0] }
        IntegerColumn.encode(counts, scratch: scratch, into: &target)
        let times = traceIDs.indices.map { starts[Int(traceStarts[$0])] }
        scratch.reserve(times.count)
        TimeColumn.encode(times, count: times.count, scratch: scratch, into: &target)
    }

    /// Renumbers codes by the ones that occur, ascending, or in the order given.
    private static func localise(
        _ codes: ContiguousArray<Int32>, count: Int, by precedes: ((Int32, Int32) -> Bool)? = nil
    ) -> (codes: ContiguousArray<Int32>, list: [Int32]) {
        var local = ContiguousArray<Int32>(repeating: -1, count: count)
        for code in codes { local[Int(code)] = 0 }
        var list: [Int32] = []
        for code in local.indices where local[code] == 0 { list.append(Int32(truncatingIfNeeded: code)) }
        if let precedes { list.sort(by: precedes) }
        for (number, code) in list.enumerated() { local[Int(code)] = Int32(truncatingIfNeeded: number) }
        return (ContiguousArray(codes.map { local[Int($0)] }), list)
    }

    private func clear() {
        traceIDs.removeAll(keepingCapacity: true)
        traceStarts.removeAll(keepingCapacity: true)
        traceStarts.append(0)
        spanIDs.removeAll(keepingCapacity: true)
        parentIDs.removeAll(keepingCapacity: true)
        parents.codes.removeAll(keepingCapacity: true)
        parents.unknownIDs.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        durations.removeAll(keepingCapacity: true)
        nameCodes.removeAll(keepingCapacity: true)
        resourceCodes.removeAll(keepingCapacity: true)
        scopeCodes.removeAll(keepingCapacity: true)
        codes.removeAll(keepingCapacity: true)
        layouts.removeAll(keepingCapacity: true)
        textBytes = 0
        trie.endBlock()
    }
}

/// The order of two of a table's texts.
private func compareTexts(_ table: TextTable, _ a: Int32, _ b: Int32) -> Bool {
    table.texts[Int(a)].lexicographicallyPrecedes(table.texts[Int(b)])
}
