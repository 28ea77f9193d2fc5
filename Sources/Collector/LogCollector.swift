import Bedrock
import Instruments
import LSM
import LogStore
import Model
import Synchronization

/// The way of logs into the store: judges batches, splits them by stream over the shards, and shows what
/// became durable to those who follow. Thread-safe.
///
/// Everything that judges a batch happens here, before the queue, so that replaying the queue is deterministic.
public final class LogCollector: Model.LogSink, LogFeed {
    private let shards: any RecordShards
    private let limits: Mutex<CollectorLimits>
    private let clock: any ClockSource
    private let watermarks: TenantWatermarks
    private let census = StreamCensus()
    private let hub = LogFeedHub()
    private let ledger: LossLedger

    public init(shards: any RecordShards, limits: CollectorLimits, clock: any ClockSource, ledger: LossLedger) {
        self.shards = shards
        self.limits = Mutex(limits)
        self.clock = clock
        self.ledger = ledger
        watermarks = TenantWatermarks(tenantsMax: limits.tenantsMax)
    }

    /// Changes the limits for batches to come.
    public func setLimits(_ limits: CollectorLimits) { self.limits.withLock { $0 = limits } }

    /// Tells the newest timestamp (milliseconds) that a tenant has in the store, at start.
    public func noteStored(_ tenant: Tenant, newest: Int64) { watermarks.advance(tenant, to: newest) }

    /// Streams of a tenant that wrote in the last hour or two.
    public func activeStreams(_ tenant: Tenant) -> Int { census.count(tenant) }

    public func follow(tenant: Tenant, _ receive: @escaping @Sendable (LogBatch) -> Void) -> any LogSubscription {
        hub.follow(tenant: tenant, receive)
    }

    public func write(
        _ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        let tenant = origin.tenant
        let limits = limits.withLock { $0 }
        guard watermarks.admits(tenant) else {
            lost(batch.rowCount, "tenant_limit")
            return done(
                .failure(.invalid("tenant \"\(tenant)\" is new, and there are \(limits.tenantsMax) already (limit)")))
        }
        let now = clock.now()
        let admission = LogAdmission(TimeBounds(limits: limits, newest: watermarks.newest(tenant), now: now))
        let (newest, outOfBounds) = admission.survey(batch)
        var accepted = batch
        var firstReason: String?
        if outOfBounds > 0 {
            lost(outOfBounds, "out_of_bounds")
            (accepted, firstReason) = admission.filtered(batch)
        }
        var plan = LogPlan(accepted, shardCount: shards.shardCount)
        let unknown = census.admit(plan.hashes, tenant: tenant, limit: limits.streamsPerTenantMax, now: now)
        var overLimit = 0
        if !unknown.isEmpty {
            overLimit = unknown.reduce(0) { $0 + accepted.streams[$1].rowCount }
            lost(overLimit, "stream_limit")
            if firstReason == nil {
                firstReason =
                    "\(accepted.labels(unknown[0])) is new, and tenant \"\(tenant)\" has \(census.count(tenant)) active streams already "
                    + "(limits.streams_per_tenant is \(limits.streamsPerTenantMax))"
            }
            plan.remove(unknown)
        }
        let receipt = WriteReceipt(
            accepted: accepted.rowCount - overLimit, rejected: outOfBounds + overLimit, firstRejection: firstReason)
        let records = plan.records(accepted, origin: origin)
        guard !records.isEmpty else { return done(.success(receipt)) }
        let shown = plan.hasRemoved ? plan.remaining(of: accepted) : accepted
        shards.submit(records) { [watermarks, hub] result in
            if case .success = result {
                if let newest { watermarks.advance(tenant, to: newest) }
                hub.publish(shown, tenant: tenant)
            }
            done(result.map { receipt })
        }
    }

    private func lost(_ rows: Int, _ reason: String) {
        ledger.enter(rows, place: "collector", reason: reason, signal: .logs)
    }
}

/// Which streams of a batch go to which shard.
private struct LogPlan {
    /// Of the batch's stream entries, in order.
    let hashes: [Hash128]
    private let shardCount: Int
    private var removed: Set<Int> = []

    var hasRemoved: Bool { !removed.isEmpty }

    init(_ batch: LogBatch, shardCount: Int) {
        self.shardCount = shardCount
        hashes = batch.streams.indices.map { batch.withLabels($0) { Hash128(of: $0) } }
    }

    mutating func remove(_ entries: [Int]) { removed.formUnion(entries) }

    /// One queue record for each shard that gets anything.
    func records(_ batch: LogBatch, origin: BatchOrigin) -> [(shard: Int, record: WriteRecord)] {
        var lists = [[Int]](repeating: [], count: shardCount)
        for (index, hash) in hashes.enumerated() where !removed.contains(index) {
            lists[Int(hash.high % UInt64(shardCount))].append(index)
        }
        var result: [(shard: Int, record: WriteRecord)] = []
        let producer = origin.producer(shardCount: shardCount)
        for (shard, list) in lists.enumerated() where !list.isEmpty {
            let rows = list.reduce(0) { $0 + batch.streams[$1].rowCount }
            let share = batch.byteCount / max(batch.rowCount, 1) * rows
            let record = WriteRecord(tenant: origin.tenant, producer: producer, capacity: share)
            record.withPayload { LogRecord.encode(batch, streams: list, into: &$0) }
            result.append((shard, record))
        }
        return result
    }

    /// A copy of the batch without the removed streams.
    func remaining(of batch: LogBatch) -> LogBatch {
        let kept = LogBatch()
        for index in batch.streams.indices where !removed.contains(index) {
            kept.appendStream(index, of: batch) { _ in true }
        }
        return kept
    }
}
