import Bedrock
import Columns
import LSM
import Model

/// Rows of a memtable, by stream and time as a selection's part has them. One thread at a time.
///
/// Lines are searched as they came in; they are sorted only when something was found, or when times are asked for.
final class MemtableBlock: LogRowSource {
    private var rows: ContiguousArray<LogRowRef> = []
    /// Where each span's rows begin, and where the last one's end.
    private var starts: ContiguousArray<Int> = [0]
    /// Of the sorted rows; nil until they are.
    private var columnTimes: UnsafeMutableBufferPointer<Int64>?

    init(_ spans: [LogMemtablePin.Span]) {
        rows.reserveCapacity(spans.reduce(0) { $0 + $1.rowCount })
        for span in spans {
            LogMemtablePin.gather(span, into: &rows)
            starts.append(rows.count)
        }
    }

    deinit { columnTimes?.deallocate() }

    var rowCount: Int { rows.count }

    @discardableResult private func sorted() -> UnsafeMutableBufferPointer<Int64> {
        if let columnTimes { return columnTimes }
        for (start, end) in zip(starts, starts.dropFirst()) { LogMemtablePin.sort(&rows, start..<end) }
        let times = UnsafeMutableBufferPointer<Int64>.allocate(capacity: max(rows.count, 1))
        for row in rows.indices { times[row] = rows[row].time }
        columnTimes = times
        return times
    }

    func times() -> UnsafeBufferPointer<Int64> { UnsafeBufferPointer(rebasing: sorted()[..<rows.count]) }

    func filter(_ filters: [LineFilter], _ mask: inout RowSet) {
        guard !filters.isEmpty else { return }
        // By place of arrival, where the rows are not sorted yet.
        var passing = RowSet(rowCount: rows.count, all: true)
        let isSorted = columnTimes != nil
        rows.withUnsafeBufferPointer { rows in
            for filter in filters { filter.keepPassing(rows, &passing) }
        }
        if passing.isEmpty { return mask.removeAll() }
        if isSorted { return mask.formIntersection(passing) }
        sorted()
        mask.filter { passing.contains(Int(rows[$0].arrival)) }
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
    func filter(_ filters: [LineFilter], _ verdicts: LineVerdicts?, _ mask: inout RowSet) { filter(filters, &mask) }

    func check() {}

    func readLines(_ numbers: UnsafeBufferPointer<Int32>, into target: LineArena) {
        sorted()
        for row in numbers { target.append(rows[Int(row)].lineBytes) }
    }

    var hasMetadata: Bool { rows.contains { $0.metadata != 0 } }

    func readMetadata(
        _ numbers: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void
    ) {
        sorted()
        for row in numbers { target.append(rows[Int(row)].metadataBytes) }
    }
}

extension LineFilter {
    /// Takes the rows out of `passing` whose lines don't pass. Literals are looked for without a reference counted per row.
    fileprivate func keepPassing(_ rows: UnsafeBufferPointer<LogRowRef>, _ passing: inout RowSet) {
        var needles = ByteBuffer()
        var ends: ContiguousArray<Int> = [0]
        for case .literal(let literal) in alternatives {
            needles.append(literal)
            ends.append(needles.count)
        }
        guard ends.count == alternatives.count + 1 else {
            passing.filter { passes(rows[$0].lineBytes) }
            return
        }
        let bytes = needles.bytes
        let parts = (1..<ends.count).map { UnsafeRawBufferPointer(rebasing: bytes[ends[$0 - 1]..<ends[$0]]) }
        parts.withUnsafeBufferPointer { parts in
            passing.filter { row in
                let line = rows[row].lineBytes
                for part in parts { if line.firstOffset(of: part) != nil { return !isNegated } }
                return isNegated
            }
        }
    }
}

/// What an open part reads from.
protocol LogPartStorage: LogRowSource {
    var hasMetadata: Bool { get }
    /// Keeps the rows whose line passes; `verdicts`, where there are any, were compiled from `filters`.
    func filter(_ filters: [LineFilter], _ verdicts: LineVerdicts?, _ rows: inout RowSet) throws
    /// Throws when times or lines can't be read.
    func check() throws
    func readLines(_ rows: UnsafeBufferPointer<Int32>, into target: LineArena) throws
    func readMetadata(
        _ rows: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void) throws
}

extension MemtableBlock: LogPartStorage {}

extension SegmentBlock: LogPartStorage {
    func filter(_ filters: [LineFilter], _ verdicts: LineVerdicts?, _ rows: inout RowSet) throws {
        if let verdicts { try filter(verdicts, &rows) } else { try filter(filters, &rows) }
    }
}
