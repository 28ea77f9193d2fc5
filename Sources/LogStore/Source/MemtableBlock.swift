import Columns
import LSM
import Model

/// Rows of a memtable, sorted by stream and time as a selection's part has them. One thread at a time.
final class MemtableBlock: LogRowSource {
    private var rows: ContiguousArray<LogRowRef> = []
    private let columnTimes: UnsafeMutableBufferPointer<Int64>

    init(_ spans: [LogMemtablePin.Span]) {
        for span in spans { LogMemtablePin.append(span, to: &rows) }
        columnTimes = .allocate(capacity: max(rows.count, 1))
        for (number, row) in rows.enumerated() { columnTimes[number] = row.time }
    }

    deinit { columnTimes.deallocate() }

    var rowCount: Int { rows.count }

    func times() -> UnsafeBufferPointer<Int64> {
        UnsafeBufferPointer(rebasing: UnsafeBufferPointer(columnTimes)[..<rows.count])
    }

    func filter(_ filters: [LineFilter], _ mask: inout RowSet) {
        guard !filters.isEmpty else { return }
        mask.filter { row in
            let line = rows[row].lineBytes
            return filters.allSatisfy { $0.passes(line) }
        }
    }

    func filterField(_ name: String, _ mask: inout RowSet, _ test: (UnsafeRawBufferPointer) -> Bool) {
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
        for row in numbers { target.append(rows[Int(row)].lineBytes) }
    }

    var hasMetadata: Bool { rows.contains { $0.metadata != 0 } }

    func readMetadata(
        _ numbers: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void
    ) {
        for row in numbers { target.append(rows[Int(row)].metadataBytes) }
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
