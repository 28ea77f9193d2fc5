import Bedrock
import Columns
import LSM
import Model

/// Rows of a memtable, by stream and time as a selection's part has them. One thread at a time.
///
/// Lines are searched where they lie; rows are gathered and sorted only when something was found, or when times are asked for.
final class MemtableBlock: LogRowSource {
    private let search: MemtableSearch
    /// In order of arrival until they are sorted, span by span.
    private var rows: ContiguousArray<LogRowRef> = []
    /// Of the sorted rows; nil until they are.
    private var columnTimes: UnsafeMutableBufferPointer<Int64>?
    private var isSearched = false
    /// Bytes of lines searched or read so far.
    private(set) var bytesDecoded = 0
    /// What the request's filters let pass, by place of arrival.
    private var requested: RowSet?

    init(_ spans: [LogMemtablePin.Span]) { search = MemtableSearch(spans) }

    deinit { columnTimes?.deallocate() }

    var rowCount: Int { search.rowCount }

    @discardableResult private func sorted() -> UnsafeMutableBufferPointer<Int64> {
        if let columnTimes { return columnTimes }
        rows.reserveCapacity(rowCount)
        for span in search.spans { LogMemtablePin.append(span, to: &rows) }
        let times = UnsafeMutableBufferPointer<Int64>.allocate(capacity: max(rows.count, 1))
        for row in rows.indices { times[row] = rows[row].time }
        columnTimes = times
        return times
    }

    func times() -> UnsafeBufferPointer<Int64> { UnsafeBufferPointer(rebasing: sorted()[..<rows.count]) }

    func filter(_ filters: [LineFilter], _ mask: inout RowSet) {
        if filters.isEmpty || mask.isEmpty { return }
        keep(passing(filters), &mask)
    }

    private func passing(_ filters: [LineFilter]) -> RowSet {
        if !isSearched { bytesDecoded += search.lineBytes }
        isSearched = true
        return search.passing(filters)
    }

    /// Keeps rows that are in `passing`, a set by place of arrival.
    private func keep(_ passing: RowSet, _ mask: inout RowSet) {
        if passing.isEmpty { return mask.removeAll() }
        sorted()
        mask.filter { passing.contains(Int(rows[$0].arrival)) }
    }

    func mayPass(_ filters: [LineFilter]) -> Bool {
        if filters.isEmpty { return true }
        let passing = passing(filters)
        requested = passing
        return !passing.isEmpty
    }

    func filterField(_ name: String, _ mask: inout RowSet, _ test: (UnsafeRawBufferPointer) -> Bool) {
        sorted()
        let wanted = Array(name.utf8)
        mask.filter { row in
            var cursor = LabelCursor(rows[row].metadataBytes)
            while cursor.next() { if wanted.elementsEqual(cursor.name) { return test(cursor.value) } }
            return test(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// A part of a memtable is not worth preparing filters for.
    func filterRequested(_ filters: [LineFilter], _ verdicts: LineVerdicts?, _ mask: inout RowSet) {
        if let requested { keep(requested, &mask) } else { filter(filters, &mask) }
    }

    func check() {}

    func readLines(_ numbers: UnsafeBufferPointer<Int32>, into target: LineArena) {
        sorted()
        let before = target.bytes.count
        for row in numbers { target.append(rows[Int(row)].lineBytes) }
        // Lines that were searched count already.
        if !isSearched { bytesDecoded += target.bytes.count - before }
    }

    func readLineLengths(_ numbers: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) {
        sorted()
        for row in numbers { lengths.append(rows[Int(row)].lineBytes.count) }
    }

    var hasMetadata: Bool { search.hasMetadata }

    func readMetadata(
        _ numbers: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void
    ) {
        sorted()
        for row in numbers { target.append(rows[Int(row)].metadataBytes) }
    }
}

/// What an open part reads from.
protocol LogPartStorage: LogRowSource {
    var hasMetadata: Bool { get }
    /// Bytes of columns opened, or of lines searched and read where they lie, so far.
    var bytesDecoded: Int { get }
    /// Whether any row may pass the request's `filters`. Asked once, first of all, so that a part without such rows costs nothing else.
    func mayPass(_ filters: [LineFilter]) -> Bool
    /// Keeps the rows whose line passes the request's filters; `verdicts`, where there are any, were compiled from `filters`.
    func filterRequested(_ filters: [LineFilter], _ verdicts: LineVerdicts?, _ rows: inout RowSet) throws
    /// Throws when times or lines can't be read.
    func check() throws
    func readLines(_ rows: UnsafeBufferPointer<Int32>, into target: LineArena) throws
    func readLineLengths(_ rows: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) throws
    func readMetadata(
        _ rows: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void) throws
}

extension MemtableBlock: LogPartStorage {}

extension SegmentBlock: LogPartStorage {
    /// What verdicts and filters exclude was not selected.
    func mayPass(_ filters: [LineFilter]) -> Bool { true }

    func filterRequested(_ filters: [LineFilter], _ verdicts: LineVerdicts?, _ rows: inout RowSet) throws {
        if let verdicts { try filter(verdicts, &rows) } else { try filter(filters, &rows) }
    }
}
