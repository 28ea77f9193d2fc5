import Bedrock
import Columns
import Model

/// What a row must be beyond stream and time: line filters and conditions on structured metadata. Immutable and thread-safe.
struct LogPredicate: Sendable {
    var filters: [LineFilter] = []
    /// Where the stream has a label of that name, on its value instead.
    var metadata: [Matcher] = []

    var isEmpty: Bool { filters.isEmpty && metadata.isEmpty }

    /// Keeps of `rows`, all of one stream with `labels`, those that pass.
    func filter(_ block: some LogRowSource, _ labels: UnsafeRawBufferPointer, _ rows: inout RowSet) throws {
        try filterMetadata(block, labels, &rows)
        try block.filter(filters, &rows)
    }

    func filterMetadata(_ block: some LogRowSource, _ labels: UnsafeRawBufferPointer, _ rows: inout RowSet) throws {
        for matcher in metadata where !rows.isEmpty {
            var name = matcher.name
            let known = name.withUTF8 { value(of: UnsafeRawBufferPointer($0), in: labels) }
            if let known {
                if !matcher.matches(known) { rows.removeAll() }
            } else {
                try block.filterField(matcher.name, &rows) { matcher.matches($0) }
            }
        }
    }

    private func value(
        of name: UnsafeRawBufferPointer, in labels: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        var cursor = LabelCursor(labels)
        while cursor.next() { if cursor.name.elementsEqual(name) { return cursor.value } }
        return nil
    }
}

/// Rows whose lines and metadata can be tested: a segment's block, or a part of a memtable. One thread at a time.
protocol LogRowSource: AnyObject {
    var rowCount: Int { get }
    /// Nanoseconds of all rows.
    func times() throws -> UnsafeBufferPointer<Int64>
    /// Keeps the rows whose line passes all filters.
    func filter(_ filters: [LineFilter], _ rows: inout RowSet) throws
    /// Keeps the rows whose value of a metadata field passes; rows without it have an empty one.
    func filterField(_ name: String, _ rows: inout RowSet, _ test: (UnsafeRawBufferPointer) -> Bool) throws
}

extension SegmentBlock: LogRowSource {}
