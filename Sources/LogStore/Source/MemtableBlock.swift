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

    func filter(_ filters: [LineFilter], _ mask: inout RowMask) {
        guard !filters.isEmpty, !mask.isEmpty else { return }
        for row in mask.rows {
            let line = rows[Int(row)].lineBytes
            if !filters.allSatisfy({ $0.passes(line) }) { mask.remove(Int(row)) }
        }
    }

    func forEachValue(of name: String, _ mask: RowMask, _ body: (Int, UnsafeRawBufferPointer) -> Void) {
        let wanted = Array(name.utf8)
        for row in mask.rows {
            var cursor = LabelCursor(rows[Int(row)].metadataBytes)
            var value = UnsafeRawBufferPointer(start: nil, count: 0)
            while cursor.next() {
                if wanted.elementsEqual(cursor.name) {
                    value = cursor.value
                    break
                }
            }
            body(Int(row), value)
        }
    }

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
    var rowCount: Int { get }
    var hasMetadata: Bool { get }
    func readLines(_ rows: UnsafeBufferPointer<Int32>, into target: LineArena) throws
    func readMetadata(
        _ rows: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void) throws
}

extension MemtableBlock: LogPartStorage {}

extension SegmentBlock: LogPartStorage {
    var rowCount: Int { entry.rowCount }
}
