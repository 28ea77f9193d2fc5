import Model

/// Which runs to merge next, into which windows.
struct CompactionJob: Equatable {
    struct Output: Equatable {
        var tier: Int
        var window: TimeRange
    }

    /// Oldest first, without a gap in the order of offsets among the runs of their windows.
    var inputs: [SegmentRecord]
    var outputs: [Output]
    /// Deletes to apply for good, by offset.
    var tombstones: [Tombstone]
    /// Deletes up to this one have no row in the outputs to hide.
    var tombstonesThrough: UInt64
    /// A run is rewritten only for the deletes: where it has nothing that they hide, it may stay.
    var isRewrite = false
    /// The number of the standing tombstone for which a run is rewritten.
    var standing: Int?
}

/// Time-windowed, tiered compaction, as a pure function of the live segments and the clock.
///
/// - Flushed runs (tier 0) are merged, oldest first, and split by the shortest window once enough have gathered, or once their windows
///   have closed.
/// - Runs of a shortest window are merged when enough have gathered. Once a window has closed, everything in it becomes one run; runs that come
///   late join the big one when they are a tenth of it.
/// - The same for each wider window, once it has closed.
///
/// Merges take the runs of a window in the order of their offsets from the oldest on, so order among equal rows survives.
struct CompactionPolicy {
    /// Of tiers 1, 2, …
    var windows: [Int64]
    var latenessMilliseconds: Int64
    var runsPerMerge: Int
    var runsPerMergeMax: Int
    /// Late runs join the big one when their bytes are this fraction of its.
    var lateFraction = 10

    init(_ options: EngineOptions) {
        windows = options.windows
        latenessMilliseconds = options.latenessMilliseconds
        runsPerMerge = options.runsPerMerge
        runsPerMergeMax = options.runsPerMergeMax
    }

    /// - Parameters:
    ///   - segments: of one shard, by offset.
    ///   - retentionStart: rows before it are not worth a window.
    func next(_ segments: [SegmentRecord], tombstones: [Tombstone], now: Int64, retentionStart: Int64) -> CompactionJob?
    {
        for (tenant, runs) in Dictionary(grouping: segments, by: \.tenant).sorted(by: { $0.key < $1.key }) {
            let deletes = tombstones.filter { $0.tenant == tenant && $0.offset != .max }
            if let job = flushed(runs, deletes, now: now, retentionStart: retentionStart) { return job }
            for tier in 1...windows.count {
                if let job = windowed(tier, runs, deletes, now: now) { return job }
            }
            if let job = rewrite(runs, deletes) { return job }
        }
        return nil
    }

    /// The window of a tier that holds a time.
    static func window(_ length: Int64, holding time: Int64) -> TimeRange {
        let start = time.floorDivided(by: length).multipliedReportingOverflow(by: length)
        let from = start.overflow ? Int64.min : start.partialValue
        let end = from.addingReportingOverflow(length - 1)
        return TimeRange(from, end.overflow ? .max : end.partialValue)
    }

    private func isClosed(_ window: TimeRange, _ now: Int64) -> Bool {
        window.end < now.subtractingReportingOverflow(latenessMilliseconds).partialValue
    }

    /// A run that a delete touches is rewritten in its place, alone: nobody should wait for a merge to have data deleted.
    private func rewrite(_ runs: [SegmentRecord], _ deletes: [Tombstone]) -> CompactionJob? {
        guard let last = deletes.map(\.offset).max() else { return nil }
        let touched = runs.first { run in
            deletes.contains {
                run.lastOffset < $0.offset && run.tombstonesThrough < $0.offset
                    && run.summary.timeRange.overlaps($0.range)
            }
        }
        guard let touched else { return nil }
        return CompactionJob(
            inputs: [touched],
            outputs: [.init(tier: touched.tier, window: touched.window ?? touched.summary.timeRange)],
            tombstones: deletes.filter { $0.offset > touched.lastOffset }, tombstonesThrough: last, isRewrite: true)
    }

    private func flushed(
        _ runs: [SegmentRecord], _ deletes: [Tombstone], now: Int64, retentionStart: Int64
    ) -> CompactionJob? {
        let flushed = runs.filter { $0.tier == 0 }
        let isDue = flushed.contains { isClosed(Self.window(windows[0], holding: $0.summary.timeRange.end), now) }
        guard isDue || flushed.count >= runsPerMerge else { return nil }
        return job(Array(flushed.prefix(runsPerMergeMax)), deletes) { inputs in
            var starts: Set<Int64> = []
            for run in inputs {
                var time = max(run.summary.timeRange.start, retentionStart)
                while time <= run.summary.timeRange.end {
                    let window = Self.window(windows[0], holding: time)
                    starts.insert(window.start)
                    if window.end == .max { break }
                    time = window.end + 1
                }
            }
            return starts.sorted().map {
                CompactionJob.Output(tier: 1, window: Self.window(windows[0], holding: $0))
            }
        }
    }

    private func windowed(
        _ tier: Int, _ runs: [SegmentRecord], _ deletes: [Tombstone], now: Int64
    ) -> CompactionJob? {
        let length = windows[tier - 1]
        let inTier = runs.filter { $0.tier > 0 && $0.tier <= tier }
        let groups = Dictionary(grouping: inTier) { Self.window(length, holding: $0.window?.start ?? 0).start }
        for (start, group) in groups.sorted(by: { $0.key < $1.key }) where group.count > 1 {
            let window = Self.window(length, holding: start)
            let isSettled =
                isClosed(window, now) && !runs.contains { $0.tier == 0 && $0.summary.timeRange.overlaps(window) }
            guard isWorthwhile(group, tier: tier, isSettled: isSettled) else { continue }
            let oldest = group.sorted {
                ($0.lastOffset, $0.window?.start ?? 0) < ($1.lastOffset, $1.window?.start ?? 0)
            }
            return job(Array(oldest.prefix(max(runsPerMergeMax, 2))), deletes) { _ in
                [CompactionJob.Output(tier: tier, window: window)]
            }
        }
        return nil
    }

    private func isWorthwhile(_ group: [SegmentRecord], tier: Int, isSettled: Bool) -> Bool {
        if tier == 1 && group.count >= runsPerMerge { return true }
        guard isSettled else { return false }
        let big = group.filter { $0.tier == tier }.map(\.summary.byteCount).max() ?? 0
        let all = group.reduce(0) { $0 + $1.summary.byteCount }
        return (all - big) * lateFraction >= big || group.count >= runsPerMergeMax
    }

    /// Cuts the inputs at the first delete that divides them: those before it are merged first, with the delete applied to them alone.
    private func job(
        _ inputs: [SegmentRecord], _ deletes: [Tombstone], outputs: ([SegmentRecord]) -> [CompactionJob.Output]
    ) -> CompactionJob? {
        var inputs = inputs
        for delete in deletes.sorted(by: { $0.offset < $1.offset }) {
            let before = inputs.prefix { $0.lastOffset < delete.offset }
            guard before.count < inputs.count else { continue }
            let isPending = before.contains {
                $0.tombstonesThrough < delete.offset && $0.summary.timeRange.overlaps(delete.range)
            }
            if isPending {
                inputs = Array(before)
                break
            }
        }
        guard let last = inputs.map(\.lastOffset).max() else { return nil }
        // Deletes at or before `last` have nothing to hide here: their rows went before, or were never in these times.
        let through = max(deletes.map(\.offset).max() ?? 0, inputs.map(\.tombstonesThrough).max() ?? 0)
        return CompactionJob(
            inputs: inputs, outputs: outputs(inputs), tombstones: deletes.filter { $0.offset > last },
            tombstonesThrough: through)
    }
}
