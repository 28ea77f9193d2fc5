import Bedrock
import Columns
import LSM
import Model

/// A tombstone, ready to be applied to log rows. Immutable and thread-safe.
struct LogHide: Sendable {
    /// Nanoseconds, both included.
    let first: Int64
    let last: Int64
    private let matchers: [Matcher]
    private let predicate: LogPredicate

    init(_ tombstone: Tombstone) throws {
        (first, last) = NanosecondTime.nanoseconds(tombstone.range)
        matchers = tombstone.matchers
        predicate = try PredicateCoding.decode(tombstone.predicate)
    }

    var filters: [LineFilter] { predicate.filters }

    func overlaps(_ firstTime: Int64, through lastTime: Int64) -> Bool { lastTime >= first && firstTime <= last }

    /// Whether everything in these times goes, of streams that match.
    func covers(_ firstTime: Int64, through lastTime: Int64) -> Bool {
        predicate.isEmpty && firstTime >= first && lastTime <= last
    }

    func matches(_ labels: UnsafeRawBufferPointer) -> Bool {
        matchers.isEmpty || Labels(canonical: labels).match(matchers)
    }

    /// Takes what is hidden of the rows `rows`, of one stream with `labels`, out of `kept`.
    func apply(
        _ block: some LogRowSource, _ rows: Range<Int>, _ labels: UnsafeRawBufferPointer, to kept: inout RowSet
    ) throws {
        let times = try block.times()
        var hidden = RowSet(rowCount: kept.rowCount, all: false)
        hidden.insert(rows)
        hidden.formIntersection(kept)
        hidden.filter { times[$0] >= first && times[$0] <= last }
        try predicate.filter(block, labels, &hidden)
        hidden.forEach { kept.remove($0) }
    }
}
