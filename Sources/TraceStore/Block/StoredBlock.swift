import Bedrock
import Columns
import LSM
import Model

/// A block of a segment, open: its columns are read and decoded when first asked for. Whatever is wrong with bytes throws `SegmentDamage`. One
/// thread at a time.
final class StoredBlock {
    let segment: TraceSegment
    let index: TraceIndex
    let entry: BlockEntry
    let number: Int
    /// Bytes of chunks opened so far.
    private(set) var bytesDecoded = 0

    private var openTraces:
        (ids: ContiguousArray<TraceID>, starts: ContiguousArray<Int32>, times: ContiguousArray<Int64>)?
    private var openSpanIDs: ContiguousArray<UInt64>?
    private var openNames: (names: ContiguousArray<Int32>, groups: RowGroups)?
    private var openParents: ParentColumn?
    private var openParentRows: ContiguousArray<Int32>?
    private var openDurations: ContiguousArray<Int64>?
    private var openStarts: ContiguousArray<Int64>?
    private var openResources: ContiguousArray<Int32>?
    private var openScopes: ContiguousArray<Int32>?
    private var openCodes: ContiguousArray<Int64>?
    private var openLayouts: (lists: [[Int32]], rows: ContiguousArray<Int32>)?
    private var openValueRows: [Int: ContiguousArray<Int32>]?
    private var openColumns: [Int: StoredColumn] = [:]

    init(_ segment: TraceSegment, _ index: TraceIndex, _ number: Int) {
        self.segment = segment
        self.index = index
        self.number = number
        entry = index.blocks[number]
    }

    var rowCount: Int { entry.rowCount }

    /// Opens a chunk.
    private func open<R>(_ column: Int, _ body: (inout ByteReader) throws -> R) throws -> R {
        guard let chunk = entry.chunk(column) else {
            throw SegmentDamage(
                object: segment.object.name, block: "block \(number), \(BlockColumn.name(column))",
                offset: entry.offset,
                lost: "\(entry.rowCount) spans", reason: "the column is missing")
        }
        let bytes = try segment.bytes(of: chunk, block: number, entry)
        do {
            var reader = ByteReader(bytes.bytes)
            let result = try withExtendedLifetime(bytes) { try body(&reader) }
            bytesDecoded += chunk.byteCount
            return result
        } catch let error as SegmentDamage { throw error } catch {
            throw segment.damage(chunk, block: number, entry, "\(error)")
        }
    }

    // MARK: Traces

    private func traces() throws -> (
        ids: ContiguousArray<TraceID>, starts: ContiguousArray<Int32>, times: ContiguousArray<Int64>
    ) {
        if let openTraces { return openTraces }
        let made = try open(BlockColumn.traces) { reader in
            let count = entry.traceCount
            var ids: ContiguousArray<TraceID> = []
            ids.reserveCapacity(count)
            for _ in 0..<count {
                let high: UInt64 = try reader.littleEndian()
                let low: UInt64 = try reader.littleEndian()
                ids.append(TraceID(high: high.bigEndian, low: low.bigEndian))
            }
            var starts: ContiguousArray<Int32> = [0]
            var sum: Int64 = 0
            for spans in try IntegerColumn.decodeArray(&reader, count: count) {
                guard spans > 0, spans <= Int64(rowCount) - sum else {
                    throw DecodeError("a trace of \(spans) spans", at: reader.offset)
                }
                sum += spans
                starts.append(Int32(truncatingIfNeeded: sum))
            }
            guard sum == rowCount else { throw DecodeError("traces of \(sum) spans in \(rowCount)", at: 0) }
            var times = ContiguousArray<Int64>(repeating: 0, count: count)
            try times.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try TimeColumn.decode(&reader, count: count, into: base)
            }
            return (ids: ids, starts: starts, times: times)
        }
        openTraces = made
        return made
    }

    func traceIDs() throws -> ContiguousArray<TraceID> { try traces().ids }
    /// Where the rows of each trace begin, and where the last one's end.
    func traceStarts() throws -> ContiguousArray<Int32> { try traces().starts }
    /// Starts of the first span of each trace.
    func traceTimes() throws -> ContiguousArray<Int64> { try traces().times }

    // MARK: Spans

    func spanIDs() throws -> ContiguousArray<UInt64> {
        if let openSpanIDs { return openSpanIDs }
        let made = try open(BlockColumn.spanIDs) { reader in
            let bytes = try reader.take(rowCount * 8)
            return ContiguousArray<UInt64>(unsafeUninitializedCapacity: rowCount) { ids, count in
                for row in 0..<rowCount {
                    ids[row] = UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: row * 8, as: UInt64.self))
                }
                count = rowCount
            }
        }
        openSpanIDs = made
        return made
    }

    private func namesAndGroups() throws -> (names: ContiguousArray<Int32>, groups: RowGroups) {
        if let openNames { return openNames }
        let made = try open(BlockColumn.names) { reader in
            let names = Self.checked(
                try IntegerColumn.decodeArray(&reader, count: rowCount), limit: entry.names.count)
            guard let names else { throw DecodeError("a name that the block doesn't have", at: 0) }
            return (names: names, groups: RowGroups(names: names, nameCount: entry.names.count))
        }
        openNames = made
        return made
    }

    /// Numbers in `entry.names`.
    func names() throws -> ContiguousArray<Int32> { try namesAndGroups().names }
    func groups() throws -> RowGroups { try namesAndGroups().groups }

    private static func checked(_ numbers: some Collection<Int64>, limit: Int) -> ContiguousArray<Int32>? {
        var isSound = true
        let codes = ContiguousArray<Int32>(
            numbers.map { number in
                if number < 0 || number >= Int64(limit) { isSound = false }
                return Int32(truncatingIfNeeded: number)
            })
        return isSound ? codes : nil
    }

    private func grouped(_ reader: inout ByteReader, _ groups: RowGroups) throws(DecodeError) -> ContiguousArray<Int64>
    {
        try GroupedIntegers.decode(&reader, groups: groups.groups, groupCount: groups.count)
    }

    private func list(_ column: Int, limit: Int) throws -> ContiguousArray<Int32> {
        let groups = try groups()
        return try open(column) { reader in
            guard let codes = Self.checked(try grouped(&reader, groups), limit: limit) else {
                throw DecodeError("a number that the block doesn't have", at: 0)
            }
            return codes
        }
    }

    /// Numbers in `entry.resources`.
    func resources() throws -> ContiguousArray<Int32> {
        if let openResources { return openResources }
        let made = try list(BlockColumn.resources, limit: entry.resources.count)
        openResources = made
        return made
    }

    /// Numbers in `entry.scopes`.
    func scopes() throws -> ContiguousArray<Int32> {
        if let openScopes { return openScopes }
        let made = try list(BlockColumn.scopes, limit: entry.scopes.count)
        openScopes = made
        return made
    }

    /// Kind, and status in bit 4.
    func codes() throws -> ContiguousArray<Int64> {
        if let openCodes { return openCodes }
        let groups = try groups()
        let made = try open(BlockColumn.codes) { reader in
            let codes = try grouped(&reader, groups)
            for code in codes {
                guard code >= 0, code < 48, code & 15 < SpanKind.allCases.count else {
                    throw DecodeError("span kind and status \(code)", at: 0)
                }
            }
            return codes
        }
        openCodes = made
        return made
    }

    func parentColumn() throws -> ParentColumn {
        if let openParents { return openParents }
        let groups = try groups()
        let made = try open(BlockColumn.parents) { try ParentColumn(&$0, groups: groups) }
        openParents = made
        return made
    }

    /// Row of the parent; -1: a root; -2: it isn't among the trace's rows.
    func parentRows() throws -> ContiguousArray<Int32> {
        if let openParentRows { return openParentRows }
        let parents = try parentColumn()
        let starts = try traceStarts()
        let made = try open(BlockColumn.parents) { _ in try parents.rows(traceStarts: starts) }
        openParentRows = made
        return made
    }

    private func times() throws -> SpanTimes {
        SpanTimes(traceStarts: try traceStarts(), parents: try parentRows(), groups: try groups())
    }

    /// End less start.
    func durations() throws -> ContiguousArray<Int64> {
        if let openDurations { return openDurations }
        let times = try times()
        let made = try open(BlockColumn.durations) { try times.decodeDurations(&$0) }
        openDurations = made
        return made
    }

    func starts() throws -> ContiguousArray<Int64> {
        if let openStarts { return openStarts }
        let times = try times()
        let durations = try durations()
        let traceTimes = try traceTimes()
        let made = try open(BlockColumn.starts) {
            try times.decodeStarts(&$0, durations, traceTimes: traceTimes)
        }
        openStarts = made
        return made
    }

    // MARK: Columns

    /// The block's layouts as numbers of columns, and which each row has.
    func layouts() throws -> (lists: [[Int32]], rows: ContiguousArray<Int32>) {
        if let openLayouts { return openLayouts }
        let groups = try groups()
        let made = try open(BlockColumn.layouts) { reader in
            var lists: [[Int32]] = []
            for _ in 0..<(try reader.length(limit: rowCount)) {
                var list: [Int32] = []
                for _ in 0..<(try reader.length(limit: reader.remaining)) {
                    let column = try reader.varint()
                    guard column < UInt64(index.columns.count) else {
                        throw DecodeError("column \(column) of \(index.columns.count)", at: reader.offset)
                    }
                    list.append(Int32(truncatingIfNeeded: column))
                }
                lists.append(list)
            }
            guard let rows = Self.checked(try grouped(&reader, groups), limit: lists.count) else {
                throw DecodeError("a layout that the block doesn't have", at: 0)
            }
            return (lists: lists, rows: rows)
        }
        openLayouts = made
        return made
    }

    /// Rows of a column's values, in order; a row occurs as often as it has values.
    func valueRows(_ column: Int) throws -> ContiguousArray<Int32> {
        if let openValueRows { return openValueRows[column] ?? [] }
        let (lists, rows) = try layouts()
        let wanted = Int32(truncatingIfNeeded: column)
        var isThere = false
        let counts = ContiguousArray<Int32>(
            lists.map { list in
                var count: Int32 = 0
                for one in list where one == wanted { count += 1 }
                isThere = isThere || count > 0
                return count
            })
        var found: ContiguousArray<Int32> = []
        if !isThere { return found }
        found.reserveCapacity(rowCount)
        for row in rows.indices {
            for _ in 0..<counts[Int(rows[row])] { found.append(Int32(truncatingIfNeeded: row)) }
        }
        return found
    }

    /// Finds the rows of all columns at once: for who wants most of them.
    func findValueRows() throws {
        if openValueRows != nil { return }
        let (lists, rows) = try layouts()
        var numbers: [Int32: Int] = [:]
        for list in lists { for column in list where numbers[column] == nil { numbers[column] = numbers.count } }
        let local = lists.map { list in list.map { numbers[$0] ?? 0 } }
        var found = [ContiguousArray<Int32>](repeating: [], count: numbers.count)
        for row in rows.indices {
            for column in local[Int(rows[row])] { found[column].append(Int32(truncatingIfNeeded: row)) }
        }
        openValueRows = [:]
        for (column, number) in numbers { openValueRows?[Int(column)] = found[number] }
    }

    /// A column by its number in the segment.
    func column(_ number: Int) throws -> StoredColumn {
        if let known = openColumns[number] { return known }
        let groups = try groups()
        let own = ContiguousArray(try valueRows(number).map { groups.groups[Int($0)] })
        let info = index.columns[number]
        let place = BlockColumn.firstAttribute + number
        let made: StoredColumn
        if entry.chunk(place) == nil, info.type == .empty || own.isEmpty {
            made = try StoredColumn(number: number, info: info, bytes: nil, groups: own, groupCount: groups.count)
        } else {
            made = try open(place) {
                try StoredColumn(
                    number: number, info: info, bytes: $0.bytes, groups: own, groupCount: groups.count)
            }
        }
        openColumns[number] = made
        return made
    }

    /// Whether the block may have this text as an own one of a column.
    func mayHave(_ text: UnsafeRawBufferPointer, column: Int) throws -> Bool {
        guard entry.chunk(BlockColumn.filter) != nil else { return false }
        let filter = try open(BlockColumn.filter) { try TokenFilter($0.bytes) }
        return filter.mayContain(ColumnWriter.filterHash(text, column: column))
    }

    // MARK: Whole spans

    /// Calls `body` with each row of `range` and its span; what its texts point to is valid within the call only, and its resource and scope
    /// are numbers of the segment.
    func forEachSpan(_ range: Range<Int>, _ body: (Int, SpanBytes) throws -> Void) throws {
        guard !range.isEmpty else { return }
        let (lists, rows) = try layouts()
        // How many values of each column lie before the range.
        var before = [Int](repeating: 0, count: lists.count)
        for row in 0..<range.lowerBound { before[Int(rows[row])] += 1 }
        var next: [Int: Int] = [:]
        for layout in Set(rows[range]) { for column in lists[Int(layout)] { next[Int(column)] = 0 } }
        for (layout, list) in lists.enumerated() where before[layout] > 0 {
            for column in list { next[Int(column)]? += before[layout] }
        }
        let columns = try next.keys.reduce(into: [Int: StoredColumn]()) { $0[$1] = try column($1) }
        let (ids, traceStarts) = (try traceIDs(), try traceStarts())
        let (spanIDs, parents, parentRows) = (try spanIDs(), try parentColumn(), try parentRows())
        let (starts, durations, codes) = (try starts(), try durations(), try codes())
        let (names, resources, scopes) = (try names(), try resources(), try scopes())
        var unknown = parents.codes[..<range.lowerBound].reduce(0) { $0 + ($1 == ParentColumn.unknown ? 1 : 0) }
        var trace = 0
        while Int(traceStarts[trace + 1]) <= range.lowerBound { trace += 1 }
        var buffer = ByteBuffer(capacity: 4096)
        for row in range {
            while Int(traceStarts[trace + 1]) <= row { trace += 1 }
            var span = SpanBytes(
                traceID: ids[trace], spanID: spanIDs[row], start: starts[row], end: starts[row] &+ durations[row],
                code: UInt8(truncatingIfNeeded: codes[row]), resource: entry.resources[Int(resources[row])],
                scope: entry.scopes[Int(scopes[row])], name: index.names[Int(entry.names[Int(names[row])])])
            switch parentRows[row] {
            case -1: span.parentID = 0
            case -2:
                span.parentID = parents.unknownIDs[unknown]
                unknown += 1
            default: span.parentID = spanIDs[Int(parentRows[row])]
            }
            buffer.clear()
            for number in lists[Int(rows[row])] {
                guard let column = columns[Int(number)] else { continue }
                let value = next[Int(number), default: 0]
                next[Int(number)] = value + 1
                switch column.info.role {
                case .attribute:
                    column.info.key.withUnsafeBytes { buffer.append(attributeKey: $0) }
                    column.append(value, to: &buffer)
                case .rest: buffer.append(column.text(value))
                case .statusMessage: span.statusMessage = column.text(value)
                case .traceState: span.traceState = column.text(value)
                case .events: span.events = column.text(value)
                case .links: span.links = column.text(value)
                case .flags: span.flags = UInt32(truncatingIfNeeded: column.numbers[value])
                case .droppedAttributes: span.droppedAttributes = UInt32(truncatingIfNeeded: column.numbers[value])
                case .droppedEvents: span.droppedEvents = UInt32(truncatingIfNeeded: column.numbers[value])
                case .droppedLinks: span.droppedLinks = UInt32(truncatingIfNeeded: column.numbers[value])
                }
            }
            span.attributes = buffer.bytes
            try body(row, span)
        }
    }
}
