import Bedrock
import Model

/// What a row must be beyond stream and time: line filters and conditions on structured metadata. Immutable and thread-safe.
struct LogPredicate: Sendable {
    var filters: [LineFilter] = []
    /// Where the stream has a label of that name, on its value instead.
    var metadata: [Matcher] = []

    var isEmpty: Bool { filters.isEmpty && metadata.isEmpty }

    /// Takes the rows out of `mask`, all of one stream with `labels`, that don't pass.
    func filter(_ block: some LogRowSource, _ labels: UnsafeRawBufferPointer, _ mask: inout RowMask) throws {
        try filterMetadata(block, labels, &mask)
        try block.filter(filters, &mask)
    }

    func filterMetadata(_ block: some LogRowSource, _ labels: UnsafeRawBufferPointer, _ mask: inout RowMask) throws {
        guard !metadata.isEmpty, !mask.isEmpty else { return }
        for matcher in metadata {
            var name = matcher.name
            let known = name.withUTF8 { value(of: UnsafeRawBufferPointer($0), in: labels) }
            if let known {
                if !matcher.matches(known) {
                    mask = RowMask(rowCount: mask.rowCount)
                    return
                }
                continue
            }
            var failed: [Int] = []
            try block.forEachValue(of: matcher.name, mask) { row, value in
                if !matcher.matches(value) { failed.append(row) }
            }
            for row in failed { mask.remove(row) }
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
