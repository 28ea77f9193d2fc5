import Bedrock
import Instruments
import LSM
import Model
import Synchronization
import TraceStore

/// The way of spans into the store: judges batches, and splits them by trace over the shards. Thread-safe.
///
/// Everything that judges a batch happens here, before the queue, so that replaying the queue is deterministic.
public final class TraceCollector: SpanSink {
    private let shards: any RecordShards
    private let limits: Mutex<CollectorLimits>
    private let clock: any ClockSource
    private let watermarks: TenantWatermarks
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

    /// Tells the newest start (milliseconds) that a tenant has in the store, at start.
    public func noteStored(_ tenant: Tenant, newest: Int64) { watermarks.advance(tenant, to: newest) }

    public func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        let tenant = origin.tenant
        let limits = limits.withLock { $0 }
        guard watermarks.admits(tenant) else {
            lost(batch.rowCount, "tenant_limit")
            return done(
                .failure(.invalid("tenant \"\(tenant)\" is new, and there are \(limits.tenantsMax) already (limit)")))
        }
        guard batch.rowCount <= limits.spansPerBatchMax else {
            lost(batch.rowCount, "batch_limit")
            return done(
                .failure(
                    .invalid(
                        "a batch of \(batch.rowCount) spans; at most \(limits.spansPerBatchMax) (limit): send less at once"
                    )))
        }
        let bounds = TimeBounds(limits: limits, newest: watermarks.newest(tenant), now: clock.now())
        let plan = SpanPlan(batch, SpanAdmission(bounds, limits), shardCount: shards.shardCount)
        for (reason, count) in plan.refused { lost(count, reason) }
        let refused = plan.refused.reduce(0) { $0 + $1.value }
        let receipt = WriteReceipt(
            accepted: batch.rowCount - refused, rejected: refused, firstRejection: plan.firstReason)
        let records = plan.records(batch, origin: origin)
        guard !records.isEmpty else { return done(.success(receipt)) }
        let newest = plan.newest
        shards.submit(records) { [watermarks] result in
            if case .success = result, let newest { watermarks.advance(tenant, to: newest) }
            done(result.map { receipt })
        }
    }

    private func lost(_ rows: Int, _ reason: String) {
        ledger.enter(rows, place: "collector", reason: reason, signal: .traces)
    }
}

/// Which spans of a batch go to which shard, and which don't go in.
private struct SpanPlan {
    private var lists: [[Int32]]
    private(set) var refused: [String: Int] = [:]
    private(set) var firstReason: String?
    /// The newest admitted start, in milliseconds.
    private(set) var newest: Int64?

    init(_ batch: SpanBatch, _ admission: SpanAdmission, shardCount: Int) {
        lists = [[Int32]](repeating: [], count: shardCount)
        let resources = batch.resources.map { Int($0.attributes.count) + Int($0.schemaURL.count) }
        let scopes = batch.scopes.map {
            Int($0.attributes.count) + Int($0.name.count) + Int($0.version.count) + Int($0.schemaURL.count)
        }
        var newestStart = Int64.min
        let rows = batch.rows
        for index in rows.indices {
            let row = rows[index]
            if let refusal = admission.refusal(
                row, resourceBytes: resources[Int(row.resource)], scopeBytes: scopes[Int(row.scope)])
            {
                refused[refusal.reason, default: 0] += 1
                if firstReason == nil {
                    firstReason = "span \(row.spanID) of trace \(row.traceID): \(refusal.words)"
                }
                continue
            }
            newestStart = max(newestStart, row.start)
            lists[Int(TraceHash.of(row.traceID) % UInt64(shardCount))].append(Int32(truncatingIfNeeded: index))
        }
        if newestStart > .min { newest = newestStart / 1_000_000 }
    }

    /// One queue record for each shard that gets anything.
    func records(_ batch: SpanBatch, origin: BatchOrigin) -> [(shard: Int, record: WriteRecord)] {
        var result: [(shard: Int, record: WriteRecord)] = []
        let producer = origin.producer(shardCount: lists.count)
        let share = batch.byteCount / max(batch.rowCount, 1)
        for (shard, list) in lists.enumerated() where !list.isEmpty {
            let record = WriteRecord(tenant: origin.tenant, producer: producer, capacity: share * list.count)
            record.withPayload { SpanRecord.encode(batch, rows: list, into: &$0) }
            result.append((shard, record))
        }
        return result
    }
}
