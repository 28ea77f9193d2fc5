import Bedrock
import Model
import Synchronization

/// The storage of one signal: shards with their logs, memtables and segments, and the workers that move rows from one to the next.
///
/// `init` recovers; after it the engine takes writes and gives snapshots as soon as its `workers` are driven, by a `ThreadRunner` or by a
/// simulation. Thread-safe.
public final class SignalEngine<Format: SegmentFormat>: Sendable {
    public typealias Done = @Sendable (Result<Void, WriteError>) -> Void

    public let format: Format
    public let options: EngineOptions
    /// Stepped by the owner, each on a thread of its own: shard workers first, then `backgroundWorkers`.
    public let shardWorkers: [any Worker]
    /// Flush, compaction, retention: fit for a lower priority.
    public let backgroundWorkers: [any Worker]
    private let shards: [Shard<Format>]
    private let environment: EngineEnvironment
    private let counters: EngineCounters
    private let closing: ClosingFlag
    private let pendingDeletes = PendingDeletes()
    private let deletesMade = Atomic<UInt64>(0)

    /// Opens the signal's shards: takes their leases, opens segments, restores checkpoints, replays logs.
    /// - Throws: `EngineError`, or what a port threw.
    public init(format: Format, options: EngineOptions = EngineOptions(), environment: EngineEnvironment) throws {
        try options.check()
        self.format = format
        self.options = options
        self.environment = environment
        let counters = EngineCounters()
        self.counters = counters
        let closing = ClosingFlag()
        self.closing = closing
        let start = environment.clock.monotonicNanoseconds()
        let flushWaker = Waker()
        let known =
            try environment.catalog.shards().filter { $0.signal == format.signal }.map { $0.index + 1 }.max() ?? 0
        let workers = try ShardOpener<Format>(count: max(options.shardCount, known)) { index in
            try ShardWorker<Format>.open(
                ShardKey(signal: format.signal, index: index), format: format, options: options,
                environment: environment, counters: counters, flushWaker: flushWaker)
        }.run(threads: options.recoveryThreads)
        let shards = workers.map(\.shard)
        self.shards = shards
        shardWorkers = workers
        let compactionWaker = Waker()
        let isClosing: @Sendable () -> Bool = { closing.isSet }
        backgroundWorkers = [
            FlushWorker(
                shards: shards, format: format, environment: environment, counters: counters, waker: flushWaker,
                compactionWaker: compactionWaker, isClosing: isClosing),
            CompactionWorker(
                shards: shards, format: format, options: options, environment: environment, counters: counters,
                waker: compactionWaker, isClosing: isClosing),
            RetentionWorker(
                signal: format.signal, shards: shards, options: options, environment: environment, counters: counters,
                isClosing: isClosing),
        ]
        counters.recoveryNanoseconds.store(environment.clock.monotonicNanoseconds() - start, ordering: .relaxed)
    }

    /// All of them.
    public var workers: [any Worker] { shardWorkers + backgroundWorkers }

    /// Shards that take writes: `0..<shardCount`.
    public var shardCount: Int { options.shardCount }

    // MARK: Writing

    /// Hands a record to a shard. `done` is called exactly once, from any thread: with success when the record is durable and visible to every
    /// snapshot taken from then on (or was recognised as a retry of one that is), with an error when nothing of it was stored.
    public func submit(_ record: WriteRecord, shard index: Int, done: @escaping Done) {
        precondition(index >= 0 && index < shards.count, "shard \(index) of \(shards.count)")
        let shard = shards[index]
        if let refusal = refusal(shard) { return refuse(done, refusal) }
        let bytes = record.byteCount
        push(.write(record, done: done), bytes: bytes, to: shard, done)
    }

    /// Hands each of `records` to its shard, or none of them: a batch that one shard has no room for leaves nothing in the others, so a sender
    /// may repeat it without doubling rows. `done` is called once, when all are durable and visible. Only a disk that fills or fails at that
    /// very moment, or a shutdown, can refuse a part after the others have taken theirs.
    public func submit(_ records: [(shard: Int, record: WriteRecord)], done: @escaping Done) {
        guard !records.isEmpty else { return done(.success(())) }
        for (reserved, (index, record)) in records.enumerated() {
            precondition(index >= 0 && index < shards.count, "shard \(index) of \(shards.count)")
            let refusal =
                refusal(shards[index])
                ?? full(shards[index], shards[index].requests.tryReserve(bytes: record.byteCount))
            guard let refusal else { continue }
            for (index, record) in records[..<reserved] { shards[index].requests.release(reserved: record.byteCount) }
            return refuse(done, refusal)
        }
        let join = JoinedAnswer(count: records.count, done: done)
        for (index, record) in records {
            let bytes = record.byteCount
            if !shards[index].requests.push(reserved: .write(record, done: join.answer), bytes: bytes) {
                refuse(join.answer, .unavailable("shutting down"))
            }
        }
    }

    /// As the first, for a payload that lies elsewhere; copied.
    public func submit(
        shard index: Int, tenant: Tenant, producer: BatchOrigin.Producer?, payload: UnsafeRawBufferPointer,
        done: @escaping Done
    ) {
        let record = WriteRecord(tenant: tenant, producer: producer, capacity: payload.count)
        record.withPayload { $0.append(payload) }
        submit(record, shard: index, done: done)
    }

    /// Hides the rows that match and were written before, from when `done` is called; compaction drops them for good, soon. In all shards.
    ///
    /// - Parameters:
    ///   - range: milliseconds, both ends included.
    ///   - predicate: what else a row must be, as the signal's format writes it; empty: every row goes.
    /// - Returns: the id under which `deleteState` tells how far it is. When `done` gets an error, some shards may have it all the same.
    @discardableResult
    public func delete(
        tenant: Tenant, matchers: [Matcher], range: TimeRange, predicate: String = "", done: @escaping Done
    ) -> String {
        let number = deletesMade.wrappingAdd(1, ordering: .relaxed).newValue
        // The epoch is this opening's alone.
        let id = "\(shards[0].epoch)-\(number)"
        do { try format.check(predicate: predicate) } catch {
            done(.failure(error as? WriteError ?? .invalid("\(error)")))
            return id
        }
        let tombstone = Tombstone(
            tenant: tenant, matchers: matchers, range: range, predicate: predicate, offset: .max, id: id,
            createdAt: environment.clock.now())
        pendingDeletes.add(DeleteReceipt(tombstone, state: .accepted))
        let join = JoinedAnswer(count: shards.count) { [pendingDeletes] result in
            pendingDeletes.remove(id)
            done(result)
        }
        for index in shards.indices { submit(WriteRecord(delete: tombstone), shard: index, done: join.answer) }
        return id
    }

    /// How far a delete is; nil when there is none of that id, or it ended long ago.
    public func deleteState(_ id: String) -> DeleteReceipt? {
        if let pending = pendingDeletes[id] { return pending }
        return Self.joined(shards.flatMap { $0.deletes.all.filter { $0.tombstone.id == id } })[id]
    }

    /// All deletes of a tenant that are known, newest first.
    public func deletes(_ tenant: Tenant) -> [DeleteReceipt] {
        var known = Self.joined(shards.flatMap { $0.deletes.all.filter { $0.tombstone.tenant == tenant } })
        for receipt in pendingDeletes.all where receipt.tenant == tenant { known[receipt.id] = receipt }
        return known.values.sorted { ($1.createdAt, $1.id) < ($0.createdAt, $0.id) }
    }

    /// Of the shards' records of one delete, the one that is behind tells the state.
    private static func joined(_ records: [DeleteRecord]) -> [String: DeleteReceipt] {
        Dictionary(records.map { ($0.tombstone.id, $0.receipt) }) { a, b in
            var later = a.state <= b.state ? a : b
            if later.state == .gone { later.goneAt = max(a.goneAt ?? 0, b.goneAt ?? 0) }
            return later
        }
    }

    /// Seals what is in memory; `done` follows when all of it is in committed segments.
    public func flush(done: @escaping Done) {
        let join = JoinedAnswer(count: shards.count, done: done)
        for shard in shards { push(.flush(done: join.answer), bytes: 0, to: shard, join.answer) }
    }

    private func push(_ request: ShardRequest, bytes: Int, to shard: Shard<Format>, _ done: Done) {
        if let refusal = full(shard, shard.requests.tryPush(request, bytes: bytes)) { refuse(done, refusal) }
    }

    private func full(_ shard: Shard<Format>, _ outcome: BoundedQueue<ShardRequest>.PushOutcome) -> WriteError? {
        switch outcome {
        case .pushed: nil
        case .full: .overloaded("the write queue of shard \(shard.key) is full", retryAfterSeconds: 1)
        case .closed: .unavailable("shutting down")
        }
    }

    private func refuse(_ done: Done, _ error: WriteError) {
        counters.writesRefused.wrappingAdd(1, ordering: .relaxed)
        done(.failure(error))
    }

    /// Why a write to the shard would be refused now; nil: it would be taken.
    public func refusal(shard index: Int) -> WriteError? {
        precondition(index >= 0 && index < shards.count, "shard \(index) of \(shards.count)")
        return refusal(shards[index])
    }

    private func refusal(_ shard: Shard<Format>) -> WriteError? {
        if environment.disk.isFull { return ShardWorker<Format>.diskFull }
        if shard.isLagging.load(ordering: .relaxed) {
            return .overloaded("the log of shard \(shard.key) is at its cap", retryAfterSeconds: 1)
        }
        if shard.isOverMemory.load(ordering: .relaxed) {
            return .overloaded("memtables of shard \(shard.key) are at their ceiling", retryAfterSeconds: 2)
        }
        return shard.fault.map { .unavailable($0) }
    }

    /// Stops taking writes. The shard workers work off what was taken, everything is flushed, and all workers finish. Not waited for.
    public func close() {
        closing.set()
        for shard in shards { shard.requests.close() }
        for worker in workers { worker.waker?.wake() }
    }

    // MARK: Reading

    /// The state of this moment, pinned while the snapshot is held. Never waits, never makes a writer wait.
    public func snapshot() -> EngineSnapshot<Format> {
        let now = environment.clock.now()
        let standing = options.standingTombstones.map { $0.tombstone(now: now) }
        return EngineSnapshot(
            shards: shards.map { shard in
                // Read before the root: the root then holds at least these records.
                let applied = shard.appliedOffset.load(ordering: .acquiring)
                let root = shard.root.load()
                return ShardSnapshot(
                    index: shard.key.index, segments: root.segments,
                    memtables: root.sealed.map(\.table) + [root.active],
                    memtableOffsets: root.sealed.map(\.lastOffset) + [.max], tombstones: root.tombstones + standing,
                    appliedOffset: applied)
            }, retentionStart: now - options.retentionMilliseconds)
    }

    /// What is damaged.
    public var damage: DamageLog { environment.damage }

    public var statistics: EngineStatistics {
        var all = counters.statistics()
        all.isDiskFull = environment.disk.isFull
        all.diskFullEvents = environment.disk.fullEventCount
        all.damages = environment.damage.count
        all.shards = shards.map(\.statistics)
        return all
    }
}

extension Shard {
    var statistics: EngineStatistics.Shard {
        let root = root.load()
        var all = EngineStatistics.Shard()
        all.index = key.index
        all.epoch = epoch
        all.appliedOffset = appliedOffset.load(ordering: .relaxed)
        all.committedOffset = committedOffset.load(ordering: .relaxed)
        all.logBytes = logBytes.load(ordering: .relaxed)
        all.queueBytes = requests.byteCount
        all.queueRequests = requests.count
        let tables = root.sealed.map(\.table) + [root.active]
        all.memtableBytes = tables.reduce(0) { $0 + $1.byteCount }
        all.memtableRows = tables.reduce(0) { $0 + $1.rowCount }
        all.sealedTables = root.sealed.count
        for handle in root.segments {
            all.tiers[handle.record.tier, default: .init()].segments += 1
            all.tiers[handle.record.tier, default: .init()].bytes += handle.record.summary.byteCount
            all.tiers[handle.record.tier, default: .init()].rows += handle.record.summary.rowCount
        }
        all.fault = fault
        return all
    }
}
