import Bedrock
import LSM
import Model

/// A consistent view of a memtable: the records applied when it was taken. Thread-safe.
struct LogMemtablePin: Sendable {
    let memtable: LogMemtable
    let tick: UInt32

    init(_ memtable: LogMemtable, tick: UInt32) {
        self.memtable = memtable
        self.tick = tick
    }

    /// Consecutive rows of a stream, in order of arrival.
    struct Span {
        var pages: [(page: LogRowPage, count: Int)] = []
        var rowCount = 0
        var lineBytes = 0
        var firstTime = Int64.max
        var lastTime = Int64.min

        /// Whether any row has metadata; looks at each.
        var hasMetadata: Bool {
            pages.contains { page, count in
                let metadata = page.metadata
                return (0..<count).contains { metadata[$0] != 0 }
            }
        }
    }

    /// The stream's visible rows as spans of at most `rowsMax`; those that lie outside of `first ... last` as a whole are left out.
    func spans(
        _ stream: UnsafeMutablePointer<LogStreamTable.Stream>, first: Int64, last: Int64, rowsMax: Int
    ) -> [Span] {
        var pages: [(page: LogRowPage, count: Int)] = []
        var next = stream.pointee.newestPage
        while let page = next {
            let visible = page.visibleCount(tick)
            if visible > 0 { pages.append((page, visible)) }
            next = page.previous
        }
        var spans: [Span] = []
        var span = Span()
        for (page, count) in pages.reversed() {
            // Time bounds of a page that is still growing may be those of rows that this view does not show: they only widen.
            if page.firstTime > last || page.lastTime < first { continue }
            if span.rowCount + count > rowsMax, span.rowCount > 0 {
                spans.append(span)
                span = Span()
            }
            span.pages.append((page, count))
            span.rowCount += count
            span.lineBytes += page.lineBytes(count)
            span.firstTime = min(span.firstTime, page.firstTime)
            span.lastTime = max(span.lastTime, page.lastTime)
        }
        if span.rowCount > 0 { spans.append(span) }
        return spans
    }

    /// Appends a span's rows to `rows`, by time; equal times keep their order of arrival.
    static func append(_ span: Span, to rows: inout ContiguousArray<LogRowRef>) {
        let start = rows.count
        gather(span, into: &rows)
        sort(&rows, start..<rows.count)
    }

    /// Appends a span's rows to `rows` in order of arrival.
    static func gather(_ span: Span, into rows: inout ContiguousArray<LogRowRef>) {
        for (page, count) in span.pages {
            let (times, lines, metadata) = (page.times, page.lines, page.metadata)
            for row in 0..<count {
                rows.append(
                    LogRowRef(
                        time: times[row], line: lines[row], metadata: metadata[row],
                        arrival: UInt32(truncatingIfNeeded: rows.count)))
            }
        }
    }

    /// Sorts gathered rows by time, equal times by arrival.
    static func sort(_ rows: inout ContiguousArray<LogRowRef>, _ range: Range<Int>) {
        rows.withUnsafeMutableBufferPointer { all in
            var span = UnsafeMutableBufferPointer(rebasing: all[range])
            var row = 1
            while row < span.count, span[row - 1].time <= span[row].time { row += 1 }
            if row >= span.count { return }
            span.sort { $0.time != $1.time ? $0.time < $1.time : $0.arrival < $1.arrival }
        }
    }
}
