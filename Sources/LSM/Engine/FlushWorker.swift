import Bedrock
import Model
import Synchronization

/// Turns sealed memtables into tier-0 segments, oldest first, and moves the committed offset with them.
final class FlushWorker<Format: SegmentFormat>: Worker, @unchecked Sendable {
    let name: String
    let waker: Waker?
    private let shards: [Shard<Format>]
    private let format: Format
    private let environment: EngineEnvironment
    private let counters: EngineCounters
    private let compactionWaker: Waker
    private let isClosing: @Sendable () -> Bool

    // Owned by the stepping thread.
    private var failuresInARow = 0
    private var next = 0

    init(
        shards: [Shard<Format>], format: Format, environment: EngineEnvironment, counters: EngineCounters,
        waker: Waker, compactionWaker: Waker, isClosing: @escaping @Sendable () -> Bool
    ) {
        name = "flush-\(format.signal)"
        self.shards = shards
        self.format = format
        self.environment = environment
        self.counters = counters
        self.waker = waker
        self.compactionWaker = compactionWaker
        self.isClosing = isClosing
    }

    func step() -> StepOutcome {
        // Taken before looking, so that nothing is missed: a shard is drained only after its last seal.
        let allDrained = isClosing() && shards.allSatisfy { $0.isDrained.load(ordering: .acquiring) }
        for _ in shards {
            let shard = shards[next % shards.count]
            next += 1
            guard shard.fault == nil, let sealed = shard.root.load().sealed.first else { continue }
            do {
                try flush(sealed, of: shard)
                failuresInARow = 0
                return .progressed
            } catch { return failed(error, shard) }
        }
        return allDrained ? .finished : .idle(nanoseconds: 1_000_000_000)
    }

    private func failed(_ error: any Error, _ shard: Shard<Format>) -> StepOutcome {
        counters.flushFailures.wrappingAdd(1, ordering: .relaxed)
        environment.disk.note(error)
        if case .fenced(let why)? = error as? CatalogError { shard.setFault(why) }
        failuresInARow += 1
        return .idle(nanoseconds: 100_000_000 << UInt64(min(failuresInARow - 1, 8)))
    }

    private func flush(_ sealed: SealedTable<Format>, of shard: Shard<Format>) throws {
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.advance = CatalogEdit.Advance(
            from: sealed.firstOffset - 1, to: sealed.lastOffset, lanes: sealed.lanes,
            lanesForgotten: sealed.lanesForgotten)
        edit.tombstonesAdded = sealed.tombstones
        var handles: [SegmentHandle<Format>] = []
        do {
            for tenant in sealed.table.tenants.sorted() {
                guard let handle = try write(sealed, tenant, of: shard) else { continue }
                handles.append(handle)
                edit.added.append(handle.record)
            }
            try commit(edit, of: shard)
        } catch {
            for handle in handles { shard.abandon(handle.record.name) }
            throw error
        }
        shard.root.update { root in
            root.replacing([], by: handles).with(sealed: root.sealed.filter { $0 !== sealed })
        }
        shard.committedOffset.store(sealed.lastOffset, ordering: .releasing)
        counters.flushes.wrappingAdd(1, ordering: .relaxed)
        // What is left after a crash is removed at the next start.
        for path in sealed.headPaths { try? environment.fileSystem.remove(path) }
        shard.requests.waker.wake()
        compactionWaker.wake()
        shard.releaseWaiters()
    }

    /// One tenant's rows as one object, complete, synced and opened again.
    private func write(
        _ sealed: SealedTable<Format>, _ tenant: Tenant, of shard: Shard<Format>
    ) throws -> SegmentHandle<Format>? {
        try SegmentPut(shard: shard, format: format, environment: environment).put { writer, name in
            guard let summary = try format.flush(sealed.table, tenant: tenant, into: writer) else { return nil }
            return SegmentRecord(
                name: name, tenant: tenant, tier: 0, window: nil, summary: summary, firstOffset: sealed.firstOffset,
                lastOffset: sealed.lastOffset, epoch: shard.epoch)
        }
    }

    private func commit(_ edit: CatalogEdit, of shard: Shard<Format>) throws(CatalogError) {
        do throws(CatalogError) { try environment.catalog.commit(edit) } catch {
            // A commit that failed on its way back may have happened all the same.
            guard try isCommitted(edit) else { throw error }
        }
    }

    private func isCommitted(_ edit: CatalogEdit) throws(CatalogError) -> Bool {
        guard let state = try environment.catalog.state(edit.shard), state.epoch == edit.epoch else { return false }
        let live = Set(state.segments.map(\.name))
        return state.offset == edit.advance?.to && edit.added.allSatisfy { live.contains($0.name) }
    }
}
