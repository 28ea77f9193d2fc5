import Model

/// Finds runs that are old enough for a standing tombstone and may have rows of it, and remembers those that have none.
///
/// Merges drop such rows on their way; a run that no merge takes up any more would keep them for ever.
struct StandingMemo {
    /// Segment name to the tombstones, by number, that have nothing to hide in it.
    private var settled: [String: Set<Int>] = [:]

    /// What was rewritten for a tombstone has nothing of it.
    mutating func note(_ names: [String], _ number: Int) {
        for name in names { settled[name, default: []].insert(number) }
    }

    /// A rewrite of one run in its place; nil when no run needs one.
    mutating func next<Format: SegmentFormat>(
        _ root: ShardRoot<Format>, _ format: Format, _ standing: [StandingTombstone], now: Int64
    ) -> CompactionJob? {
        if standing.isEmpty { return nil }
        let live = Set(root.segments.map(\.record.name))
        settled = settled.filter { live.contains($0.key) }
        for handle in root.segments {
            let record = handle.record
            for (number, rule) in standing.enumerated() where rule.tenant == record.tenant {
                guard record.summary.timeRange.end < now - rule.ageMilliseconds,
                    settled[record.name].map({ !$0.contains(number) }) ?? true
                else { continue }
                settled[record.name, default: []].insert(number)
                guard format.mayHold(handle.segment, rule.tombstone(now: now)) else { continue }
                return CompactionJob(
                    inputs: [record],
                    outputs: [.init(tier: record.tier, window: record.window ?? record.summary.timeRange)],
                    tombstones: root.tombstones.filter {
                        $0.tenant == record.tenant && $0.offset != .max && $0.offset > record.lastOffset
                    },
                    tombstonesThrough: max(
                        record.tombstonesThrough,
                        root.tombstones.filter { $0.tenant == record.tenant && $0.offset != .max }.map(\.offset).max()
                            ?? 0), standing: number)
            }
        }
        return nil
    }
}
