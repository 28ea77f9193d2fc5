import Bedrock
import Model
import Synchronization

/// Merges segments in the background, one merge a step, within its share of a core.
final class CompactionWorker<Format: SegmentFormat>: Worker, @unchecked Sendable {
    let name: String
    let waker: Waker?
    private let shards: [Shard<Format>]
    private let format: Format
    private let options: EngineOptions
    private let environment: EngineEnvironment
    private let counters: EngineCounters
    private let isClosing: @Sendable () -> Bool

    // Owned by the stepping thread.
    private var failuresInARow = 0
    private var next = 0
    /// Segments in which a standing tombstone was found to have nothing to hide, at this age.
    private var standing = StandingMemo()

    init(
        shards: [Shard<Format>], format: Format, options: EngineOptions, environment: EngineEnvironment,
        counters: EngineCounters, waker: Waker, isClosing: @escaping @Sendable () -> Bool
    ) {
        name = "compact-\(format.signal)"
        self.shards = shards
        self.format = format
        self.options = options
        self.environment = environment
        self.counters = counters
        self.waker = waker
        self.isClosing = isClosing
    }

    func step() -> StepOutcome {
        if isClosing() { return .finished }
        // Merges need room before they give any back; retention makes it.
        if environment.disk.isFull { return .idle(nanoseconds: 1_000_000_000) }
        let policy = CompactionPolicy(options)
        let now = environment.clock.now()
        for _ in shards {
            let shard = shards[next % shards.count]
            next += 1
            guard shard.fault == nil else { continue }
            let root = shard.root.load()
            let job = policy.next(
                root.segments.map(\.record), tombstones: root.tombstones, now: now,
                retentionStart: now - options.retentionMilliseconds)
            guard let job = job ?? standing.next(root, format, options.standingTombstones, now: now) else { continue }
            return run(job, root, shard)
        }
        return .idle(nanoseconds: 10_000_000_000)
    }

    private func run(_ job: CompactionJob, _ root: ShardRoot<Format>, _ shard: Shard<Format>) -> StepOutcome {
        let start = environment.clock.monotonicNanoseconds()
        do {
            if try !settle(job, root, shard) {
                let names = try merge(job, root, shard)
                if let rule = job.standing { standing.note(names, rule) }
            }
            failuresInARow = 0
        } catch is Cancelled {
            return isClosing() ? .finished : .idle(nanoseconds: 1_000_000_000)
        } catch {
            counters.compactionFailures.wrappingAdd(1, ordering: .relaxed)
            environment.disk.note(error)
            if case .fenced(let why)? = error as? CatalogError { shard.setFault(why) }
            failuresInARow += 1
            return .idle(nanoseconds: 1_000_000_000 << UInt64(min(failuresInARow - 1, 6)))
        }
        let busy = environment.clock.monotonicNanoseconds() - start
        let rest = UInt64(Double(busy) * (1 - options.backgroundShare) / options.backgroundShare)
        return rest < 1_000_000 ? .progressed : .idle(nanoseconds: min(rest, 60_000_000_000))
    }

    /// Notes that a run has nothing of what would be deleted from it; false: it may have.
    private func settle(_ job: CompactionJob, _ root: ShardRoot<Format>, _ shard: Shard<Format>) throws -> Bool {
        guard job.isRewrite, let record = job.inputs.first,
            let handle = root.segments.first(where: { $0.record.name == record.name }),
            !job.tombstones.contains(where: { format.mayHold(handle.segment, $0) })
        else { return false }
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.settled[record.name] = job.tombstonesThrough
        try environment.catalog.commit(edit)
        var settled = record
        settled.tombstonesThrough = job.tombstonesThrough
        shard.root.update { $0.replacing(records: [record.name: settled]) }
        return true
    }

    /// Returns the names of the outputs.
    private func merge(_ job: CompactionJob, _ root: ShardRoot<Format>, _ shard: Shard<Format>) throws -> [String] {
        let names = Set(job.inputs.map(\.name))
        let inputs = job.inputs.compactMap { record in root.segments.first { $0.record.name == record.name } }
        let now = environment.clock.now()
        var damaged: Set<String> = []
        var outputs: [SegmentHandle<Format>] = []
        do {
            for output in job.outputs {
                guard let handle = try write(output, job, inputs, shard, now: now, damaged: &damaged) else { continue }
                outputs.append(handle)
            }
            var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
            edit.added = outputs.map(\.record)
            // What is damaged is kept as long as its rows would have been, for whoever wants to look into it.
            edit.removed = job.inputs.map {
                let keep = damaged.contains($0.name) ? options.retentionMilliseconds : options.graceMilliseconds
                return RemovedObject($0, deleteAfter: now + keep)
            }
            try environment.catalog.commit(edit)
            shard.root.update { $0.replacing(names, by: outputs) }
            shard.noteRemoved(edit.removed, inputs)
        } catch {
            try abandon(outputs, shard, because: error, names)
        }
        counters.compactions.wrappingAdd(1, ordering: .relaxed)
        counters.compactedBytes.wrappingAdd(inputs.reduce(0) { $0 + $1.record.summary.byteCount }, ordering: .relaxed)
        return outputs.map(\.record.name)
    }

    /// After a commit that failed: the outputs come to nothing, unless it happened all the same.
    private func abandon(
        _ outputs: [SegmentHandle<Format>], _ shard: Shard<Format>, because error: any Error, _ inputs: Set<String>
    ) throws {
        guard error is CatalogError, let state = try environment.catalog.state(shard.key), state.epoch == shard.epoch,
            !state.segments.contains(where: { inputs.contains($0.name) }),
            Set(state.segments.map(\.name)).isSuperset(of: outputs.map(\.record.name)),
            Set(state.removed.map(\.name)).isSuperset(of: inputs)
        else {
            for output in outputs { shard.abandon(output.record.name) }
            throw error
        }
        let handles = shard.root.load().segments.filter { inputs.contains($0.record.name) }
        shard.root.update { $0.replacing(inputs, by: outputs) }
        shard.noteRemoved(state.removed.filter { inputs.contains($0.name) }, handles)
    }

    private func write(
        _ output: CompactionJob.Output, _ job: CompactionJob, _ inputs: [SegmentHandle<Format>],
        _ shard: Shard<Format>, now: Int64, damaged: inout Set<String>
    ) throws -> SegmentHandle<Format>? {
        let tenant = job.inputs[0].tenant
        let standing = options.standingTombstones.filter { $0.tenant == tenant }.map { $0.tombstone(now: now) }
        let retained = TimeRange(max(output.window.start, now - options.retentionMilliseconds), output.window.end)
        let overlapping = inputs.filter { $0.record.summary.timeRange.overlaps(retained) }
        if retained.isEmpty || overlapping.isEmpty { return nil }
        return try SegmentPut(shard: shard, format: format, environment: environment).put { writer, name in
            let summary = try format.merge(
                overlapping.map(\.segment), clip: retained, tombstones: job.tombstones + standing, tier: output.tier,
                into: writer,
                damage: { damage in
                    environment.damage.report(damage)
                    damaged.insert(damage.object)
                },
                yield: { if isClosing() || shard.fault != nil || environment.disk.isFull { throw Cancelled.byCaller } })
            guard let summary else { return nil }
            return SegmentRecord(
                name: name, tenant: tenant, tier: output.tier, window: output.tier == 0 ? nil : output.window,
                summary: summary,
                firstOffset: job.inputs.map(\.firstOffset).min() ?? 0,
                lastOffset: job.inputs.map(\.lastOffset).max() ?? 0, epoch: shard.epoch,
                tombstonesThrough: job.tombstonesThrough)
        }
    }
}
