import Bedrock
import Model
import Synchronization

/// The one writer of a shard: takes requests from its queue in groups, makes each group durable with one sync, applies it to the memtable,
/// acknowledges it, and keeps the log short by checkpoints and seals.
final class ShardWorker<Format: SegmentFormat>: Worker, @unchecked Sendable {
    let shard: Shard<Format>
    let format: Format
    let options: EngineOptions
    let environment: EngineEnvironment
    let counters: EngineCounters
    /// Woken when there is a sealed table.
    let flushWaker: Waker

    // Owned by the stepping thread.
    let queue: any WriteQueue
    var lanes: LaneTable
    var active: Format.Table
    /// First record of the active memtable.
    var activeFirst: UInt64
    var head: HeadWriter?
    /// Per table, oldest first: its records' offsets and how far its checkpoints hold them; what the log may forget follows from it.
    var kept: [KeptTable] = []
    var unsavedTombstones: [Tombstone] = []
    /// End of the window in which the active memtable began.
    var sealAt: Int64
    private var loggedAtCheckpoint = 0
    private var requestBatch: [ShardRequest] = []
    private var isClosing = false
    /// Deleted rows may share a file of the log with rows that stay.
    private var mustCutLog: Bool
    /// While `recover` runs: nothing is written then.
    var isRecovering = false

    struct KeptTable {
        var lastOffset: UInt64
        var durableThrough: UInt64
    }

    let name: String
    var waker: Waker? { shard.requests.waker }

    init(
        shard: Shard<Format>, format: Format, options: EngineOptions, environment: EngineEnvironment,
        counters: EngineCounters, flushWaker: Waker, queue: any WriteQueue, lanes: [Lane: LaneState]
    ) {
        self.shard = shard
        self.format = format
        self.options = options
        self.environment = environment
        self.counters = counters
        self.flushWaker = flushWaker
        self.queue = queue
        self.lanes = LaneTable(lanes, countMax: options.laneCountMax)
        active = shard.root.load().active
        activeFirst = shard.committedOffset.load(ordering: .relaxed) + 1
        sealAt = 0
        mustCutLog = !shard.deletes.pending.isEmpty
        name = "shard-\(shard.key)"
        sealAt = nextSeal()
    }

    var applied: UInt64 { shard.appliedOffset.load(ordering: .relaxed) }

    func step() -> StepOutcome {
        let isClosed = shard.requests.isClosed
        requestBatch.removeAll(keepingCapacity: true)
        shard.requests.drain(into: &requestBatch, bytes: options.groupBytesMax)
        if let fault = shard.fault {
            refuse(requestBatch, .unavailable(fault))
            shard.releaseWaiters(failure: .unavailable(fault))
            shard.isDrained.store(true, ordering: .releasing)
            return isClosed && requestBatch.isEmpty ? .finished : .idle(nanoseconds: 1_000_000_000)
        }
        if !requestBatch.isEmpty {
            write(requestBatch)
            for case .flush(let done) in requestBatch { flush(done) }
            tend()
            return .progressed
        }
        tend()
        if isClosed { return close() }
        return .idle(nanoseconds: idleNanoseconds)
    }

    private var idleNanoseconds: UInt64 {
        if shard.isLagging.load(ordering: .relaxed) || !unsavedTombstones.isEmpty { return 100_000_000 }
        if case .interval(let nanoseconds) = options.durability, queue.hasUnsynced { return nanoseconds }
        return 1_000_000_000
    }

    // MARK: Writing

    private struct Waiting {
        var record: WriteRecord
        /// Nil for a retry of what is there already.
        var offset: UInt64?
        var done: @Sendable (Result<Void, WriteError>) -> Void
    }

    private func write(_ requests: [ShardRequest]) {
        if environment.disk.isFull { return refuse(requests, Self.diskFull) }
        let waiting = append(requests)
        guard !waiting.isEmpty else { return }
        if let failure = sync() {
            for request in waiting { refuse(request.done, failure) }
            return
        }
        var results: [Result<Void, WriteError>] = []
        for request in waiting {
            guard let offset = request.offset else {
                counters.retriesDropped.wrappingAdd(1, ordering: .relaxed)
                results.append(.success(()))
                continue
            }
            results.append(request.record.withBytes { apply($0, offset: offset) })
            shard.appliedOffset.store(offset, ordering: .releasing)
        }
        for (request, result) in zip(waiting, results) { request.done(result) }
    }

    /// Puts the records in the log, save for retries. What can't be appended is answered at once.
    private func append(_ requests: [ShardRequest]) -> [Waiting] {
        var waiting: [Waiting] = []
        var appended: [Lane: UInt64] = [:]
        for case .write(let record, let done) in requests {
            let lane = record.producer.map { Lane(producer: $0.name, number: $0.lane) }
            if let lane, let sequence = record.producer?.sequence {
                if lanes.isRepeat(lane, sequence) || appended[lane].map({ sequence <= $0 }) ?? false {
                    waiting.append(Waiting(record: record, offset: nil, done: done))
                    continue
                }
            }
            do throws(QueueError) {
                let offset = try record.withBytes { (bytes) throws(QueueError) in try queue.append(bytes) }
                waiting.append(Waiting(record: record, offset: offset, done: done))
                if let lane, let sequence = record.producer?.sequence { appended[lane] = sequence }
                counters.bytesWritten.wrappingAdd(record.byteCount, ordering: .relaxed)
            } catch { refuse(done, writeError(error)) }
        }
        return waiting
    }

    /// Makes the group durable, or says why not.
    private func sync() -> WriteError? {
        let start = environment.clock.monotonicNanoseconds()
        do throws(QueueError) { try queue.sync() } catch {
            environment.disk.note(error)
            return writeError(error)
        }
        counters.noteSync(environment.clock.monotonicNanoseconds() - start)
        return nil
    }

    /// Files kept per process; beyond, records are only reported.
    static var recordsSetAsideMax: Int { 100 }

    static var diskFull: WriteError { .diskFull("the disk is full: free some space, or lower the retention") }

    private func writeError(_ error: QueueError) -> WriteError {
        switch error {
        case .full: Self.diskFull
        case .tooLarge: .tooLarge("\(error)")
        case .corrupt, .failed: .unavailable("\(error)")
        }
    }

    private func refuse(_ requests: [ShardRequest], _ error: WriteError) {
        for request in requests {
            switch request {
            case .write(_, let done): refuse(done, error)
            // A flush must be possible on a full disk: it makes room.
            case .flush(let done): if shard.fault != nil { done(.failure(error)) }
            }
        }
    }

    private func refuse(_ done: @Sendable (Result<Void, WriteError>) -> Void, _ error: WriteError) {
        counters.writesRefused.wrappingAdd(1, ordering: .relaxed)
        done(.failure(error))
    }

    // MARK: Applying

    /// Brings a record's rows into the memtable. Deterministic: a replay does the same.
    func apply(_ bytes: UnsafeRawBufferPointer, offset: UInt64) -> Result<Void, WriteError> {
        var reader = ByteReader(bytes)
        do {
            let header = try RecordHeader(&reader)
            if let lane = header.lane, let sequence = header.producer?.sequence {
                if lanes.isRepeat(lane, sequence) { return .success(()) }
            }
            switch header.kind {
            case .rows:
                let payload = UnsafeRawBufferPointer(rebasing: bytes[reader.offset...])
                try active.apply(payload, tenant: header.tenant, offset: offset)
            case .delete:
                delete(try Tombstone(tenant: header.tenant, offset: offset, &reader))
            }
            // Only what was applied: the retry of a record that was refused must not be taken for done.
            if let lane = header.lane, let sequence = header.producer?.sequence {
                lanes.note(lane, sequence, offset: offset)
            }
            counters.recordsWritten.wrappingAdd(1, ordering: .relaxed)
            return .success(())
        } catch {
            setAside(bytes, offset: offset, reason: "\(error)")
            return .failure(.invalid("\(error)"))
        }
    }

    /// Keeps a record that can't be applied for whoever looks into it, and goes on.
    func setAside(_ bytes: UnsafeRawBufferPointer, offset: UInt64, reason: String) {
        let count = counters.recordsSetAside.wrappingAdd(1, ordering: .relaxed).newValue
        let directory = Path.join(environment.directory, "aside")
        let path = Path.join(directory, "\(shard.key)-\(offset).record")
        if count <= ShardWorker.recordsSetAsideMax {
            // Best effort: the report is what counts.
            try? environment.fileSystem.createDirectory(directory)
            _ = try? environment.fileSystem.publish(path, bytes)
        }
        environment.damage.report(.record, place: path, reason: reason, lost: "one batch of \(bytes.count) bytes")
    }

    /// A delete cuts the memtable, so that no run has rows on both sides of it.
    private func delete(_ tombstone: Tombstone) {
        seal()
        unsavedTombstones.append(tombstone)
        shard.deletes.note(tombstone)
        mustCutLog = true
        shard.root.update { root in
            if root.tombstones.contains(where: { $0.offset == tombstone.offset }) { return root }
            return root.with(tombstones: root.tombstones + [tombstone])
        }
    }

    // MARK: Tending

    /// Keeps log and memory within their limits. Called after each group and when idle.
    private func tend() {
        if queue.hasUnsynced { _ = sync() }
        if mustCutLog {
            queue.cut()
            mustCutLog = false
        }
        saveTombstones()
        if active.byteCount >= options.memtableBytesMax || isWindowOver { seal() }
        if queue.byteCount - min(loggedAtCheckpoint, queue.byteCount) >= options.checkpointBytes { checkpoint() }
        trim()
        if queue.byteCount > options.logBytesMax {
            checkpoint()
            trim()
        }
        shard.isLagging.store(queue.byteCount > options.logBytesMax, ordering: .relaxed)
        shard.logBytes.store(queue.byteCount, ordering: .relaxed)
        let bytes = shard.root.load().sealed.reduce(active.byteCount) { $0 + $1.table.byteCount }
        shard.memory.set(bytes)
        shard.isOverMemory.store(
            bytes > options.memtablesBytesMax || environment.budget.byteCount > environment.budget.byteCountMax,
            ordering: .relaxed)
    }

    /// Also when the clock was set back by more than a window.
    private var isWindowOver: Bool {
        let now = environment.clock.now()
        return now >= sealAt || sealAt - now > options.windows[0] + options.latenessMilliseconds
    }

    private func saveTombstones() {
        guard !unsavedTombstones.isEmpty else { return }
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.tombstonesAdded = unsavedTombstones
        do throws(CatalogError) {
            try environment.catalog.commit(edit)
            unsavedTombstones.removeAll()
        } catch { note(error) }
    }

    func note(_ error: CatalogError) {
        environment.disk.note(error)
        if case .fenced(let why) = error { shard.setFault(why) }
    }

    /// Writes what the memtable gained since the last checkpoint to the head, so that the log may forget it.
    func checkpoint() {
        // Deletes are not in checkpoints: until the catalog has them, the log must keep them.
        guard unsavedTombstones.isEmpty else { return }
        let through = applied
        guard through >= activeFirst else { return }
        let writer =
            head
            ?? HeadWriter(
                directory: headDirectory, firstOffset: activeFirst, formatVersion: format.version,
                fileSystem: environment.fileSystem)
        head = writer
        var block = ByteBuffer(capacity: 4096)
        active.checkpoint(into: &block)
        if through > writer.pendingThrough || !block.isEmpty {
            var laneBytes = ByteBuffer()
            lanes.appendUnsaved(to: &laneBytes)
            writer.append(through: through, lanes: laneBytes.bytes, block: block.bytes)
        }
        do throws(FileError) {
            try writer.write()
            counters.checkpoints.wrappingAdd(1, ordering: .relaxed)
        } catch { environment.disk.note(error) }
        loggedAtCheckpoint = queue.byteCount
    }

    var headDirectory: String { Path.join(environment.directory, "head/\(shard.key)") }

    /// Lets the log forget what segments or checkpoints hold.
    private func trim() {
        let committed = shard.committedOffset.load(ordering: .acquiring)
        kept.removeAll { $0.lastOffset <= committed }
        let tables = kept + [KeptTable(lastOffset: .max, durableThrough: head?.durableThrough ?? activeFirst - 1)]
        let through = tables.first { $0.durableThrough < $0.lastOffset }?.durableThrough ?? committed
        do throws(QueueError) { try queue.trim(through: max(committed, through)) } catch {
            environment.disk.note(error)
        }
        loggedAtCheckpoint = min(loggedAtCheckpoint, queue.byteCount)
        shard.logFirstOffset.store(queue.firstOffset, ordering: .releasing)
    }

    /// Hands the memtable over to the flush and starts a new one.
    func seal() {
        let last = applied
        guard last >= activeFirst || active.rowCount > 0 else {
            sealAt = nextSeal()
            return
        }
        // So that recovery needs the checkpoints only. If it fails, the log keeps the records.
        if !isRecovering { checkpoint() }
        let sealed = SealedTable<Format>(
            table: active, firstOffset: activeFirst, lastOffset: last, lanes: lanes.takeUncommitted(),
            tombstones: unsavedTombstones, headPaths: head?.paths ?? [])
        kept.append(KeptTable(lastOffset: last, durableThrough: head?.durableThrough ?? activeFirst - 1))
        active = format.makeMemtable(after: active)
        activeFirst = last + 1
        head = nil
        loggedAtCheckpoint = queue.byteCount
        sealAt = nextSeal()
        shard.root.update { $0.with(sealed: $0.sealed + [sealed], active: active) }
        flushWaker.wake()
    }

    /// The end of the first window that will close from now on.
    private func nextSeal() -> Int64 {
        let length = options.windows[0]
        let now = environment.clock.now() - options.latenessMilliseconds
        return (now.floorDivided(by: length) + 1) * length + options.latenessMilliseconds
    }

    // MARK: Flushing and closing

    private func flush(_ done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        let last = applied
        seal()
        shard.wait(for: last, done: done)
    }

    private func close() -> StepOutcome {
        if !isClosing {
            isClosing = true
            seal()
            shard.isDrained.store(true, ordering: .releasing)
            flushWaker.wake()
        }
        guard shard.root.load().sealed.isEmpty || shard.fault != nil else { return .idle(nanoseconds: 20_000_000) }
        trim()
        return .finished
    }
}

extension Int64 {
    /// Rounds towards minus infinity.
    func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
