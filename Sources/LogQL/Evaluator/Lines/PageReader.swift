import Bedrock
import Kernels
import Model
import Synchronization

/// Finds the lines of one page: opens parts in page order, on several threads, and stops as soon as no other part can contribute.
final class PageReader: Sendable {
    let context: LogQueryContext
    let selection: any LogSelection
    let plan: LogPipelinePlan
    /// Nothing is left for a pipeline: rows are read when the page is known.
    let isPlain: Bool
    let limit: Int
    let direction: LogDirection
    let after: LogCursor?
    let hashes: [Hash128]
    private let parts = Mutex([Int: PagePart]())

    init(
        _ context: LogQueryContext, _ query: LogQuery, range: LogTimeRange, limit: Int, direction: LogDirection,
        after: LogCursor?
    ) throws {
        self.context = context
        self.limit = limit
        self.direction = direction
        self.after = after
        let pushdown = try Pushdown(query)
        plan = try LogPipelinePlan(pushdown.stages, clock: context.clock)
        isPlain = pushdown.stages.isEmpty
        var range = range
        if let after {
            switch direction {
            case .backward: range.end = min(range.end, after.timestamp == .max ? .max : after.timestamp + 1)
            case .forward: range.start = max(range.start, after.timestamp)
            }
        }
        selection = try context.select(pushdown, range)
        hashes = selection.streams.map(\.hash128)
    }

    /// Whether a comes before b on pages of this direction.
    func precedes(_ a: PageRow, _ b: PageRow) -> Bool {
        direction == .forward ? PageRow.precedes(a, b) : PageRow.precedes(b, a)
    }

    func page() throws -> LogStreamsResult {
        let order = partOrder()
        var page: [PageRow] = []
        var next = 0
        // One row more than the page shows whether there is another page.
        while limit > 0, next < order.count {
            if page.count > limit, !canContribute(order[next].edge, beyond: page[limit]) { break }
            let wave = order[next..<min(order.count, next + context.pool.width)].map(\.part)
            next += wave.count
            let worst = page.count > limit ? page[limit] : nil
            let found = Mutex([Int: [PageRow]]())
            try context.pool.run(wave.count) { [self] index in
                try context.cancellation.check()
                let rows = try PageScan(self, wave[index], worst).rows()
                found.withLock { $0[index] = rows }
            }
            for rows in found.withLock({ $0 }).values { page += rows }
            page.sort(by: precedes)
            if page.count > limit + 1 { page.removeLast(page.count - limit - 1) }
        }
        let hasMore = page.count > limit
        let rows = Array(page.prefix(limit))
        let cursor = hasMore ? try rows.last.map { try self.cursor($0) } : nil
        let entries = try entries(rows)
        context.note(selection)
        return LogStreamsResult(entries: entries, next: cursor, statistics: context.statistics)
    }

    /// Parts by the time at which they begin on pages of this direction.
    private func partOrder() -> [(part: Int, edge: Int64)] {
        var order: [(part: Int, edge: Int64)] = []
        for part in 0..<selection.partCount {
            let runs = selection.runs(part)
            let edge = direction == .forward ? runs.map(\.firstTime).min() : runs.map(\.lastTime).max()
            if let edge { order.append((part, edge)) }
        }
        return order.sorted { a, b in
            if a.edge != b.edge { return direction == .forward ? a.edge < b.edge : a.edge > b.edge }
            return direction == .forward ? a.part < b.part : a.part > b.part
        }
    }

    /// Whether a part that begins at `edge` may have rows before `row`.
    private func canContribute(_ edge: Int64, beyond row: PageRow) -> Bool {
        direction == .forward ? edge <= row.time : edge >= row.time
    }

    /// The part, opened once.
    func part(_ number: Int) throws -> PagePart {
        if let known = parts.withLock({ $0[number] }) { return known }
        let opened = try PagePart(selection.open(number))
        return parts.withLock {
            if let known = $0[number] { return known }
            $0[number] = opened
            return opened
        }
    }

    /// The place of a row among its stream's rows of the same time.
    func ordinal(_ stream: Int, _ time: Int64, part: Int, row: Int32) throws -> Int {
        var ordinal = 0
        for earlier in 0..<part {
            let mayHold = selection.runs(earlier).contains {
                $0.stream == stream && $0.firstTime <= time && $0.lastTime >= time
            }
            if mayHold { ordinal += try self.part(earlier).count(stream, at: time) }
        }
        return ordinal + (try self.part(part).count(stream, at: time, before: row))
    }

    private func cursor(_ row: PageRow) throws -> LogCursor {
        let ordinal = try ordinal(row.stream, row.time, part: row.part, row: row.row)
        return LogCursor(timestamp: row.time, stream: row.hash, ordinal: ordinal)
    }

    /// Reads what has not been read yet.
    private func entries(_ rows: [PageRow]) throws -> [LogEntry] {
        var entries = rows.map(\.entry)
        let unread = rows.indices.filter { entries[$0] == nil }
        for (number, members) in Dictionary(grouping: unread, by: { rows[$0].part }) {
            let part = try part(number)
            if part.block.hasMetadata {
                // Without stages a pipeline still sorts out names that both stream and metadata have.
                let read = try PagePipeline(self).process(members.map { rows[$0] }, part)
                for (place, row) in zip(members, read) { entries[place] = row.entry }
                continue
            }
            let ascending = members.sorted { rows[$0].row < rows[$1].row }
            let lines = LineArena()
            try ascending.map { rows[$0].row }.withUnsafeBufferPointer { try part.block.readLines($0, into: lines) }
            for (index, place) in ascending.enumerated() {
                entries[place] = LogEntry(
                    timestamp: rows[place].time, line: Array(lines[index]),
                    stream: selection.streams[rows[place].stream])
            }
        }
        return entries.compactMap { $0 }
    }
}
