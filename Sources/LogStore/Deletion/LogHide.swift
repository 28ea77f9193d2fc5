import Bedrock
import LSM
import Model

/// A tombstone, ready to be applied to log rows. Immutable and thread-safe.
struct LogHide: Sendable {
    /// Nanoseconds, both included.
    let first: Int64
    let last: Int64
    private let matchers: [Matcher]
    let predicate: LogPredicate

    init(_ tombstone: Tombstone) throws {
        (first, last) = LogTime.nanoseconds(tombstone.range)
        matchers = tombstone.matchers
        predicate = LogPredicate()
    }

    func overlaps(_ firstTime: Int64, through lastTime: Int64) -> Bool { lastTime >= first && firstTime <= last }

    /// Whether everything in these times goes, of streams that match.
    func covers(_ firstTime: Int64, through lastTime: Int64) -> Bool {
        predicate.isEmpty && firstTime >= first && lastTime <= last
    }

    func matches(_ labels: UnsafeRawBufferPointer) -> Bool {
        matchers.isEmpty || Labels(canonical: labels).match(matchers)
    }

    /// Takes what is hidden of the rows `rows`, of one stream, out of `mask`.
    func apply(
        _ block: some LogRowSource, _ rows: Range<Int>, _ labels: UnsafeRawBufferPointer, to mask: inout RowMask,
        damage: (SegmentDamage) -> Void
    ) throws {
        let times = try block.times()
        var hidden = RowMask(rowCount: mask.rowCount)
        for row in rows where mask.contains(row) && times[row] >= first && times[row] <= last { hidden.insert(row) }
        if !predicate.isEmpty {
            try predicate.filter(block, labels, &hidden)
        }
        mask.subtract(hidden)
    }
}

/// Rows whose lines and metadata can be tested: a segment's block, or a part of a memtable.
protocol LogRowSource: AnyObject {
    func times() throws -> UnsafeBufferPointer<Int64>
    /// Takes the rows out of `mask` that don't pass all filters.
    func filter(_ filters: [LineFilter], _ mask: inout RowMask) throws
    /// Calls `body` for each row of `mask` with the value of a metadata field, empty where there is none.
    func forEachValue(of name: String, _ mask: RowMask, _ body: (Int, UnsafeRawBufferPointer) -> Void) throws
}

extension SegmentBlock: LogRowSource {}
