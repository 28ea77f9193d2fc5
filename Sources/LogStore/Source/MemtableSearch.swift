import Bedrock
import Columns
import Model

/// Looks for lines in spans of a memtable where they lie. Rows are named by their place in the order of arrival. One thread at a time.
///
/// Rows that a stream got from one record stand one behind the other in its payload, so literals are searched in all of them at once, and a hit
/// is then told to its row, if it lies in the line and not in what stands between lines.
struct MemtableSearch {
    /// Bytes between two lines, metadata of the first included, that are searched rather than skipped.
    private static let gapBytesMax: UInt = 256

    let spans: [LogMemtablePin.Span]
    let rowCount: Int
    private let pages: [(page: LogRowPage, start: Int, count: Int)]

    init(_ spans: [LogMemtablePin.Span]) {
        self.spans = spans
        var pages: [(page: LogRowPage, start: Int, count: Int)] = []
        var start = 0
        for span in spans {
            for (page, count) in span.pages {
                pages.append((page, start, count))
                start += count
            }
        }
        self.pages = pages
        rowCount = start
    }

    /// Whether any row has metadata.
    var hasMetadata: Bool { spans.contains { $0.hasMetadata } }

    /// Bytes of all lines.
    var lineBytes: Int { spans.reduce(0) { $0 + $1.lineBytes } }

    /// The rows whose lines pass all filters.
    func passing(_ filters: [LineFilter]) -> RowSet {
        var passing = RowSet(rowCount: rowCount, all: true)
        for filter in filters {
            let left = passing.count
            if left == 0 { break }
            let literals = filter.alternatives.compactMap { alternative -> [UInt8]? in
                if case .literal(let literal) = alternative { return literal }
                return nil
            }
            if literals.count < filter.alternatives.count || left < rowCount / 8 {
                keepRows(&passing) { filter.passes($0) }
                continue
            }
            var found = RowSet(rowCount: rowCount, all: literals.contains([]))
            for literal in literals where !literal.isEmpty { literal.withUnsafeBytes { find($0, &found) } }
            if filter.isNegated {
                passing.filter { !found.contains($0) }
            } else {
                passing.formIntersection(found)
            }
        }
        return passing
    }

    /// Looks at the lines of `rows` one by one.
    private func keepRows(_ rows: inout RowSet, _ passes: (UnsafeRawBufferPointer) -> Bool) {
        var at = 0
        rows.filter { row in
            while row >= pages[at].start + pages[at].count { at += 1 }
            let ref = LogRowRef(time: 0, line: pages[at].page.lines[row - pages[at].start], metadata: 0, arrival: 0)
            return passes(ref.lineBytes)
        }
    }

    /// Adds the rows whose lines contain `literal`, which is not empty.
    private func find(_ literal: UnsafeRawBufferPointer, _ found: inout RowSet) {
        for (page, start, count) in pages { find(literal, page.lines, page.ticks, start, count, &found) }
    }

    private func find(
        _ literal: UnsafeRawBufferPointer, _ lines: UnsafeMutablePointer<UInt>, _ ticks: UnsafeMutablePointer<UInt32>,
        _ start: Int, _ count: Int, _ found: inout RowSet
    ) {
        var row = 0
        while row < count {
            var line = Self.line(lines[row])
            let from = line.lowerBound
            var end = row + 1
            // Only within a record: what lies between payloads may be written right now.
            while end < count, ticks[end] == ticks[row], lines[end] >= line.upperBound,
                lines[end] - line.upperBound <= Self.gapBytesMax
            {
                line = Self.line(lines[end])
                end += 1
            }
            find(literal, lines, row..<end, from..<line.upperBound) { found.insert(start + $0) }
            row = end
        }
    }

    /// Calls `body` with those of `rows` whose lines contain the literal; they ascend in `bytes`, addresses that may be read throughout.
    @inline(__always) private func find(
        _ literal: UnsafeRawBufferPointer, _ lines: UnsafeMutablePointer<UInt>, _ rows: Range<Int>,
        _ bytes: Range<UInt>, _ body: (Int) -> Void
    ) {
        var row = rows.lowerBound
        var from = bytes.lowerBound
        while from < bytes.upperBound {
            let text = UnsafeRawBufferPointer(
                start: UnsafeRawPointer(bitPattern: from), count: Int(bytes.upperBound - from))
            guard let hit = text.firstOffset(of: literal) else { return }
            let place = from + UInt(hit)
            while row + 1 < rows.upperBound, lines[row + 1] <= place { row += 1 }
            let line = Self.line(lines[row])
            if place < line.lowerBound {
                // In its length.
                from = line.lowerBound
                continue
            }
            if place + UInt(literal.count) <= line.upperBound { body(row) }
            row += 1
            guard row < rows.upperBound else { return }
            from = lines[row]
        }
    }

    /// Where the bytes of a line lie.
    @inline(__always) private static func line(_ address: UInt) -> Range<UInt> {
        let bytes = LogRowRef(time: 0, line: address, metadata: 0, arrival: 0).lineBytes
        let start = UInt(bitPattern: bytes.baseAddress)
        return start..<start + UInt(bytes.count)
    }
}
