import Bedrock
import Client
import Model

/// Lines of the same stream around each hit; groups that touch become one, as grep does it.
struct LogContextReader {
    let session: Session
    /// Before and after a hit.
    let lines: Int

    /// Lines of one stream, oldest first.
    struct Group {
        var table: LogTable
        var hits: Set<Int>
    }

    /// How far from a hit its context may lie, in nanoseconds.
    private static let reach: Int64 = 86_400_000_000_000
    /// Entries at the very time of a hit that are looked through for it.
    private static let sameTimeMax = 5_000

    /// The groups of all streams, in order of their first line.
    func groups(around hits: LogTable, direction: LogDirection) async throws -> [Group] {
        var byStream: [Labels: [Int]] = [:]
        for row in hits.rows.indices { byStream[hits.labels(row), default: []].append(row) }
        var groups: [Group] = []
        for (stream, rows) in byStream {
            // Oldest first; of equal times, in the order they were written.
            let ordered = direction == .forward ? rows : rows.reversed()
            groups += try await self.groups(of: stream, hits, ordered)
        }
        func start(_ group: Group) -> Int64 { group.table.rows.first?.timestamp ?? 0 }
        return groups.sorted { direction == .forward ? start($0) < start($1) : start($0) > start($1) }
    }

    private func groups(of stream: Labels, _ hits: LogTable, _ rows: [Int]) async throws -> [Group] {
        var groups: [Group] = []
        for hit in rows {
            var around = try await surroundings(of: hit, in: hits, stream)
            if let last = groups.last, let join = Self.join(last, around) {
                groups[groups.count - 1] = join
                continue
            }
            around.keep(before: lines)
            groups.append(Group(table: around.table, hits: [around.hit]))
        }
        return groups
    }

    /// A hit with its lines, and one line more before it, which shows whether it touches the group before.
    private struct Surroundings {
        var table: LogTable
        var hit: Int

        /// Leaves at most so many lines before the hit.
        mutating func keep(before lines: Int) {
            let first = max(0, hit - lines)
            guard first > 0 else { return }
            table = table.filter { $0 >= first }
            hit -= first
        }
    }

    /// The group with the new lines at its end; nil where a gap lies between.
    private static func join(_ group: Group, _ around: Surroundings) -> Group? {
        guard let last = group.table.rows.indices.last else { return nil }
        let end = group.table.identity(last)
        // A hit inside the group: the lines before it are there already.
        let anchor = around.table.identity(around.hit)
        let inside = group.table.rows.indices.last { group.table.identity($0) == anchor && !group.hits.contains($0) }
        if let inside {
            var joined = group
            joined.hits.insert(inside)
            joined.table = joined.table.filter { $0 <= inside }
            for row in around.table.rows.indices where row > around.hit { joined.table.append(around.table, row: row) }
            return joined
        }
        guard let touch = around.table.rows.indices.last(where: { around.table.identity($0) == end && $0 < around.hit })
        else { return nil }
        var joined = group
        for row in around.table.rows.indices where row > touch { joined.table.append(around.table, row: row) }
        joined.hits.insert(group.table.count + around.hit - touch - 1)
        return joined
    }

    private func surroundings(of hit: Int, in hits: LogTable, _ stream: Labels) async throws -> Surroundings {
        let time = hits.rows[hit].timestamp
        let selector = "\(stream)"
        let start = time < .min + Self.reach ? Int64.min : time - Self.reach
        let end = time > .max - Self.reach ? Int64.max : time + Self.reach
        var before = try await page(selector, LogTimeRange(start, time), lines + 1, .backward)
        before.reverse()
        // From the hit's own time on: among equal times it has to be found.
        let wanted = hits.identity(hit)
        var limit = lines + 1
        while true {
            let after = try await page(selector, LogTimeRange(time, end), limit, .forward)
            let isWhole = after.count < limit
            if let found = Self.find(wanted, at: time, in: after), isWhole || after.count > found + lines {
                var result = Surroundings(table: before, hit: before.count + found)
                for row in after.rows.indices where row <= found + lines { result.table.append(after, row: row) }
                result.keep(before: lines + 1)
                return result
            }
            // Gone meanwhile, or further on than is looked for.
            guard !isWhole, limit < Self.sameTimeMax else { break }
            limit = min(Self.sameTimeMax, limit * 4)
        }
        var alone = Surroundings(table: before, hit: before.count)
        alone.table.append(hits, row: hit)
        return alone
    }

    /// The very entry, or the only one of its time, where the query has rewritten the line.
    private static func find(_ identity: Hash128, at time: Int64, in table: LogTable) -> Int? {
        if let same = table.rows.indices.first(where: { table.identity($0) == identity }) { return same }
        let sameTime = table.rows.indices.filter { table.rows[$0].timestamp == time }
        return sameTime.count == 1 ? sameTime.first : nil
    }

    private func page(
        _ selector: String, _ range: LogTimeRange, _ limit: Int, _ direction: LogDirection
    ) async throws -> LogTable {
        try await session.askLogs(selector) { client throws(ClientError) in
            try await client.entries(LogPageRequest(selector, range: range, limit: limit, direction: direction))
        }.table
    }
}
