import Bedrock
import Client
import Model

/// Asks for entries page by page.
struct LogPager {
    let session: Session
    let query: String
    let range: LogTimeRange
    let direction: LogDirection
    /// Entries wanted; 0 is all.
    let limit: Int

    /// Servers refuse larger pages.
    static let pageMax = 5_000

    struct Outcome {
        var count = 0
        var statistics = ScanStatistics()
        var warnings: [String] = []
    }

    /// Calls `each` with every page, rows in order of time.
    func run(_ each: (LogTable) throws -> Void) async throws -> Outcome {
        var outcome = Outcome()
        var request = LogPageRequest(query, range: range, limit: 0, direction: direction)
        // Where the server has no cursors, pages go on by time, and entries of the last time come again.
        var boundary = Boundary()
        while true {
            let wanted = limit == 0 ? Self.pageMax : min(Self.pageMax, limit - outcome.count)
            request.limit = min(Self.pageMax, wanted + boundary.count)
            let (table, answer) = try await session.askLogs(query) { [request] client throws(ClientError) in
                try await client.entries(request)
            }
            outcome.statistics.add(answer.statistics)
            outcome.warnings += answer.warnings.filter { !outcome.warnings.contains($0) }
            var fresh = boundary.isEmpty ? table : boundary.dropSeen(table)
            fresh.truncate(to: wanted)
            if !fresh.isEmpty { try each(fresh) }
            outcome.count += fresh.count
            if limit > 0, outcome.count >= limit { return outcome }
            if let next = answer.nextCursor {
                request.cursor = next
                continue
            }
            guard table.count >= request.limit, let last = table.rows.last?.timestamp else { return outcome }
            if fresh.isEmpty {
                throw Failure("over \(table.count) entries share one time, and the server has no cursors to go on by")
            }
            boundary = Boundary(table, at: last)
            request.range =
                direction == .forward
                ? LogTimeRange(last, range.end) : LogTimeRange(range.start, last == .max ? last : last + 1)
        }
    }

    /// The entries of one time, to know them again.
    private struct Boundary {
        private var counts: [Hash128: Int] = [:]
        private var time: Int64 = 0
        private(set) var count = 0

        init() {}

        init(_ table: LogTable, at time: Int64) {
            self.time = time
            for row in table.rows.indices where table.rows[row].timestamp == time {
                counts[table.identity(row), default: 0] += 1
                count += 1
            }
        }

        var isEmpty: Bool { count == 0 }

        func dropSeen(_ table: LogTable) -> LogTable {
            var left = counts
            return table.filter { row in
                guard table.rows[row].timestamp == time, let times = left[table.identity(row)], times > 0 else {
                    return true
                }
                left[table.identity(row)] = times - 1
                return false
            }
        }
    }
}
