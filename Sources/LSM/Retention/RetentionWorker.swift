import Bedrock
import Model
import Synchronization

/// Drops what is past its time or does not fit on the disk, deletes the bytes of removed objects, sweeps names that came to nothing, and brings
/// the engine back when a full disk has room again.
final class RetentionWorker<Format: SegmentFormat>: Worker, @unchecked Sendable {
    let name: String
    let waker: Waker? = Waker()
    private let shards: [Shard<Format>]
    private let options: EngineOptions
    private let environment: EngineEnvironment
    private let counters: EngineCounters
    private let isClosing: @Sendable () -> Bool

    private var receipts: ReceiptKeeper<Format> { ReceiptKeeper(environment: environment, options: options) }

    init(
        signal: String, shards: [Shard<Format>], options: EngineOptions, environment: EngineEnvironment,
        counters: EngineCounters, isClosing: @escaping @Sendable () -> Bool
    ) {
        name = "retain-\(signal)"
        self.shards = shards
        self.options = options
        self.environment = environment
        self.counters = counters
        self.isClosing = isClosing
    }

    func step() -> StepOutcome {
        if isClosing() { return .finished }
        environment.disk.restore()
        let excess = overflow()
        for shard in shards where shard.fault == nil {
            do {
                try expire(shard, excess[shard.key.index] ?? [])
                try dropAppliedTombstones(shard)
                try deleteRemoved(shard)
                try sweep(shard)
                try receipts.tend(shard)
            } catch {
                // Nothing is lost by trying again later.
                environment.disk.note(error)
                if case .fenced(let why)? = error as? CatalogError { shard.setFault(why) }
            }
            shard.root.reclaim()
        }
        return .idle(nanoseconds: environment.disk.isFull ? 1_000_000_000 : 10_000_000_000)
    }

    /// Per shard, the segments that must go for all to fit into our share of the disk.
    private func overflow() -> [Int: [SegmentRecord]] {
        guard let space = try? environment.fileSystem.space(environment.directory) else { return [:] }
        let all = shards.flatMap { shard in shard.root.load().segments.map { (shard.key.index, $0.record) } }
        let ours = all.reduce(0) { $0 + $1.1.summary.byteCount }
        let share = Int(
            clamping: Int64(Double(space.available) * options.diskFractionMax + Double(ours) * options.diskFractionMax))
        guard ours > share else { return [:] }
        let closed = environment.clock.now() - options.latenessMilliseconds
        let dropped = Set(
            RetentionPolicy.overflowing(all.map(\.1), byteCountMax: share, closedBefore: closed).map(\.name))
        return Dictionary(grouping: all.filter { dropped.contains($0.1.name) }, by: \.0).mapValues { $0.map(\.1) }
    }

    private func expire(_ shard: Shard<Format>, _ excess: [SegmentRecord]) throws {
        let now = environment.clock.now()
        let root = shard.root.load()
        let records = root.segments.map(\.record) + shard.unreadable
        let expired = RetentionPolicy.expired(records, before: now - options.retentionMilliseconds)
        let names = Set(expired.map(\.name) + excess.map(\.name))
        if names.isEmpty { return }
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.removed = records.filter { names.contains($0.name) }.sorted { $0.name < $1.name }.map {
            RemovedObject($0, deleteAfter: now + options.graceMilliseconds)
        }
        try environment.catalog.commit(edit)
        let handles = root.segments.filter { names.contains($0.record.name) }
        shard.root.update { $0.replacing(names, by: []) }
        shard.noteRemoved(edit.removed, handles)
        counters.segmentsExpired.wrappingAdd(names.count, ordering: .relaxed)
    }

    private func dropAppliedTombstones(_ shard: Shard<Format>) throws {
        // The offset first: a flush publishes its segments before it, so this root holds whatever that offset speaks of.
        let committed = shard.committedOffset.load(ordering: .acquiring)
        let root = shard.root.load()
        let applied = RetentionPolicy.applied(
            root.tombstones, root.segments.map(\.record) + shard.unreadable, committed: committed)
        if applied.isEmpty { return }
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.tombstonesDropped = applied
        try environment.catalog.commit(edit)
        shard.deletes.noteApplied(applied)
        shard.root.update { root in root.with(tombstones: root.tombstones.filter { !applied.contains($0.offset) }) }
    }

    /// Deletes bytes that no snapshot reads any more, after the grace, or at once where the disk is full.
    private func deleteRemoved(_ shard: Shard<Format>) throws {
        let due = shard.removedObjects(dueAt: environment.disk.isFull ? .max : environment.clock.now())
        if due.isEmpty { return }
        for name in due { try environment.objects.delete(name) }
        try forget(due, shard)
        shard.forgetRemoved(due)
        counters.objectsDeleted.wrappingAdd(due.count, ordering: .relaxed)
    }

    /// Deletes what may stand under names that were reserved and never committed, by earlier owners or by failures of ours.
    private func sweep(_ shard: Shard<Format>) throws {
        let names = shard.takeAbandoned()
        if names.isEmpty { return }
        do {
            // A commit whose outcome was unknown may have succeeded after all: what the catalog lists is alive.
            guard let state = try environment.catalog.state(shard.key), state.epoch == shard.epoch else {
                for name in names { shard.abandon(name) }
                return
            }
            let live = Set(state.segments.map(\.name))
            let dead = names.filter { !live.contains($0) }
            for name in dead { try environment.objects.delete(name) }
            if !dead.isEmpty { try forget(dead, shard) }
        } catch {
            for name in names { shard.abandon(name) }
            throw error
        }
    }

    private func forget(_ names: [String], _ shard: Shard<Format>) throws(CatalogError) {
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.forgotten = names
        try environment.catalog.commit(edit)
    }
}
