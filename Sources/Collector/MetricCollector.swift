import Bedrock
import Instruments
import LSM
import MetricStore
import Model
import Synchronization

/// The way into the store: judges batches and splits them by shard. Thread-safe.
///
/// Everything that judges a batch happens here, before the queue, so that replaying the queue is deterministic.
public final class MetricCollector: MetricSink {
    private let shards: any MetricShards
    private let limits: Mutex<CollectorLimits>
    private let clock: any ClockSource
    private let watermarks: TenantWatermarks
    private let ledger: LossLedger

    public init(shards: any MetricShards, limits: CollectorLimits, clock: any ClockSource, ledger: LossLedger) {
        self.shards = shards
        self.limits = Mutex(limits)
        self.clock = clock
        self.ledger = ledger
        watermarks = TenantWatermarks(tenantsMax: limits.tenantsMax)
    }

    /// Changes the limits for batches to come.
    public func setLimits(_ limits: CollectorLimits) { self.limits.withLock { $0 = limits } }

    /// Tells the newest timestamp that a tenant has in the store, at start.
    public func noteStored(_ tenant: Tenant, newest: Int64) { watermarks.advance(tenant, to: newest) }

    public func write(
        _ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        let tenant = origin.tenant
        let limits = limits.withLock { $0 }
        guard watermarks.admits(tenant) else {
            ledger.enter(batch.sampleCount, place: "collector", reason: "tenant_limit")
            return done(
                .failure(.invalid("tenant \"\(tenant)\" is new, and there are \(limits.tenantsMax) already (limit)")))
        }
        let admission = Admission(limits: limits, newest: watermarks.newest(tenant), now: clock.now())
        let survey = admission.survey(batch)
        var accepted = batch
        var firstReason: String?
        if survey.needsFilter {
            ledger.enter(survey.refused, place: "collector", reason: "out_of_bounds")
            ledger.enter(survey.invalid, place: "collector", reason: "invalid_histogram")
            ledger.enter(survey.exemplarsRefused, place: "collector", reason: "exemplar_out_of_bounds")
            (accepted, firstReason) = admission.filtered(batch, survey)
        }
        let offered = (samples: accepted.sampleCount, histograms: accepted.histograms.count)
        let exemplars = accepted.exemplars.count
        let plan = ShardPlan(accepted, shards: shards, tenant: tenant, seriesMax: limits.seriesPerTenantMax)
        if plan.refusedSamples + plan.refusedExemplars > 0 {
            ledger.enter(plan.refusedSamples, place: "collector", reason: "series_limit")
            ledger.enter(plan.refusedExemplars, place: "collector", reason: "exemplar_series_limit")
            if firstReason == nil {
                let series = plan.firstRefused.map { "\($0)" } ?? "a series"
                firstReason =
                    "\(series) is new, and tenant \"\(tenant)\" has \(shards.activeSeries(tenant)) active series already "
                    + "(limits.series_per_tenant is \(limits.seriesPerTenantMax))"
            }
        }
        let receipt = WriteReceipt(
            accepted: offered.samples - plan.refusedSamples,
            rejected: survey.refused + survey.invalid + plan.refusedSamples, firstRejection: firstReason,
            histograms: offered.histograms - plan.refusedHistograms, exemplars: exemplars - plan.refusedExemplars,
            exemplarsRejected: survey.exemplarsRefused + plan.refusedExemplars)
        let newest = survey.newest
        let records = plan.records(accepted, origin: origin)
        guard !records.isEmpty else { return done(.success(receipt)) }
        shards.submit(records) { [watermarks] result in
            if case .success = result, let newest { watermarks.advance(tenant, to: newest) }
            done(result.map { receipt })
        }
    }
}

/// Which series of a batch go to which shard.
private struct ShardPlan {
    private var entries: [[Int]]
    private(set) var refusedSamples = 0
    private(set) var refusedHistograms = 0
    private(set) var refusedExemplars = 0
    private(set) var firstRefused: Labels?

    init(_ batch: MetricBatch, shards: any MetricShards, tenant: Tenant, seriesMax: Int) {
        let count = shards.shardCount
        entries = [[Int]](repeating: [], count: count)
        for list in entries.indices { entries[list].reserveCapacity(batch.seriesCount / count + 16) }
        // Only a tenant near its limit pays for looking its series up.
        let isFull = shards.activeSeries(tenant) + batch.seriesCount > seriesMax
        var room = isFull ? max(0, seriesMax - shards.activeSeries(tenant)) : .max
        for index in 0..<batch.seriesCount {
            let (shard, isKnown) = batch.withLabels(index) { labels -> (Int, Bool) in
                let shard = Int(Hash128(of: labels).high % UInt64(count))
                return (shard, !isFull || shards.holds(labels, tenant: tenant, shard: shard))
            }
            if !isKnown {
                if room == 0 {
                    refusedSamples += batch.entries[index].rowCount + batch.entries[index].histogramCount
                    refusedHistograms += batch.entries[index].histogramCount
                    refusedExemplars += batch.exemplars(of: index).count
                    if firstRefused == nil { firstRefused = batch.labels(index) }
                    continue
                }
                room -= 1
            }
            entries[shard].append(index)
        }
    }

    /// One queue record for each shard that gets anything. Metadata travels with the first.
    func records(_ batch: MetricBatch, origin: BatchOrigin) -> [(shard: Int, record: WriteRecord)] {
        var result: [(shard: Int, record: WriteRecord)] = []
        var metadata = !batch.metadata.isEmpty
        let producer = origin.producer(shardCount: entries.count)
        for (shard, list) in entries.enumerated() where !list.isEmpty || (metadata && shard == entries.count - 1) {
            let share = batch.byteCount * (list.count + 1) / (batch.seriesCount + 1)
            let record = WriteRecord(tenant: origin.tenant, producer: producer, capacity: share)
            record.withPayload { MetricRecord.encode(batch, entries: list, metadata: metadata, into: &$0) }
            metadata = false
            result.append((shard, record))
        }
        return result
    }
}
