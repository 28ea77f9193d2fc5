import Bedrock
import Model

/// A row that may belong to a page, by its place.
struct PageRow {
    var time: Int64
    /// Into the selection's streams.
    var stream: Int
    var hash: Hash128
    var part: Int
    /// In the part.
    var row: Int32
    /// What the pipeline made of it; nil where there is none: then it is read when the page is known.
    var entry: LogEntry?

    /// The order of pages, oldest first.
    static func precedes(_ a: PageRow, _ b: PageRow) -> Bool {
        if a.time != b.time { return a.time < b.time }
        if a.hash != b.hash { return a.hash < b.hash }
        if a.part != b.part { return a.part < b.part }
        return a.row < b.row
    }
}

/// A part that was opened: the rows that the source found in it, by run. Kept while the page is made. Used by one thread at a time.
final class PagePart: @unchecked Sendable {
    let block: any LogBlock
    let times: UnsafeBufferPointer<Int64>
    /// The run, and its matching rows, ascending in row and time.
    let runs: [(run: LogRun, rows: UnsafeBufferPointer<Int32>)]

    init(_ block: any LogBlock) throws {
        self.block = block
        let rows = try block.matchingRows()
        // Nothing asks for times of no rows, and reading them costs more than finding none.
        times = rows.isEmpty ? UnsafeBufferPointer(start: nil, count: 0) : try block.times()
        var runs: [(run: LogRun, rows: UnsafeBufferPointer<Int32>)] = []
        for run in block.runs {
            let lower = Self.firstIndex(rows) { Int($0) >= run.rows.lowerBound }
            let upper = Self.firstIndex(rows) { Int($0) >= run.rows.upperBound }
            if lower < upper { runs.append((run, UnsafeBufferPointer(rebasing: rows[lower..<upper]))) }
        }
        self.runs = runs
    }

    /// Where the rows of `rows` with exactly this time stand.
    func indexes(_ rows: UnsafeBufferPointer<Int32>, at time: Int64) -> Range<Int> {
        let lower = Self.firstIndex(rows) { times[Int($0)] >= time }
        let upper = Self.firstIndex(rows) { times[Int($0)] > time }
        return lower..<upper
    }

    /// Rows of a stream at exactly this time, and how many of them stand before `row`.
    func count(_ stream: Int, at time: Int64, before row: Int32 = .max) -> Int {
        var count = 0
        for (run, rows) in runs where run.stream == stream {
            let found = indexes(rows, at: time)
            count += found.lazy.filter { rows[$0] < row }.count
        }
        return count
    }

    /// The first index from which on `isBehind` holds.
    static func firstIndex(_ rows: UnsafeBufferPointer<Int32>, _ isBehind: (Int32) -> Bool) -> Int {
        var lower = 0
        var upper = rows.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if isBehind(rows[middle]) { upper = middle } else { lower = middle + 1 }
        }
        return lower
    }
}
