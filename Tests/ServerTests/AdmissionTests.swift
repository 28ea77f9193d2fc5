import Bedrock
import Instruments
import LSM
import Model
import Synchronization
import Testing

@testable import Collector

/// Shards that accept or refuse as told, and keep what they were given.
final class ShardsDouble: MetricShards {
    private struct State {
        var records: [(shard: Int, bytes: Int)] = []
        var refusals: [Int: WriteError] = [:]
        var known: Set<Labels> = []
    }

    let shardCount: Int
    private let state = Mutex(State())

    init(_ shardCount: Int) { self.shardCount = shardCount }

    func refuse(_ shard: Int, _ error: WriteError) { state.withLock { $0.refusals[shard] = error } }
    func setKnown(_ labels: [Labels]) { state.withLock { $0.known = Set(labels) } }
    var records: [(shard: Int, bytes: Int)] { state.withLock { $0.records } }

    func submit(
        _ records: [(shard: Int, record: WriteRecord)], done: @escaping @Sendable (Result<Void, WriteError>) -> Void
    ) {
        let refusal = state.withLock { state -> WriteError? in
            for (shard, _) in records { if let refusal = state.refusals[shard] { return refusal } }
            state.records += records.map { ($0.shard, $0.record.payloadByteCount) }
            return nil
        }
        done(refusal.map { .failure($0) } ?? .success(()))
    }

    func activeSeries(_ tenant: Tenant) -> Int { state.withLock { $0.known.count } }

    func holds(_ labels: UnsafeRawBufferPointer, tenant: Tenant, shard: Int) -> Bool {
        state.withLock { $0.known.contains(Labels(canonical: labels)) }
    }
}

@Suite struct AdmissionTests {
    private let clock = SimulatedClock(now: 1_000_000_000)
    private let ledger = LossLedger(registry: InstrumentRegistry())

    private func collector(_ shards: ShardsDouble, _ change: (inout CollectorLimits) -> Void = { _ in })
        -> MetricCollector
    {
        var limits = CollectorLimits()
        change(&limits)
        return MetricCollector(shards: shards, limits: limits, clock: clock, ledger: ledger)
    }

    private func batch(_ samples: [(String, Int64)]) -> MetricBatch {
        let batch = MetricBatch()
        for (name, time) in samples {
            batch.beginSeries(Labels(["__name__": name]))
            batch.append(timestamp: time, value: 1)
        }
        return batch
    }

    private func write(_ collector: MetricCollector, _ batch: MetricBatch) -> Result<WriteReceipt, WriteError>? {
        let answer = Mutex<Result<WriteReceipt, WriteError>?>(nil)
        collector.write(batch, origin: BatchOrigin()) { result in answer.withLock { $0 = result } }
        return answer.withLock { $0 }
    }

    @Test func everySeriesGoesToOneShard() throws {
        let shards = ShardsDouble(4)
        let receipt = try write(collector(shards), batch((0..<200).map { ("m\($0)", 1_000_000_000) }))?.get()
        #expect(receipt == WriteReceipt(accepted: 200))
        #expect(Set(shards.records.map(\.shard)) == [0, 1, 2, 3])
    }

    @Test func timesOutOfBoundsAreRefusedAloneAndNamed() throws {
        let collector = collector(ShardsDouble(2))
        let first = try write(collector, batch([("now", 1_000_000_000)]))?.get()
        #expect(first?.rejected == 0)
        let old: Int64 = 1_000_000_000 - 86_400_001
        let receipt = try write(collector, batch([("fine", 1_000_000_000), ("old", old), ("early", 1_000_600_001)]))?
            .get()
        #expect(receipt?.accepted == 1)
        #expect(receipt?.rejected == 2)
        #expect(receipt?.firstRejection?.contains("sample of old at 1970-01-11T13:46:39.999Z is too old") == true)
    }

    @Test func aTenantWithoutDataMayBeginInThePast() throws {
        let week: Int64 = 7 * 86_400_000
        let collector = collector(ShardsDouble(2))
        #expect(try write(collector, batch([("a", 1_000_000_000 - week)]))?.get().rejected == 0)
    }

    @Test func newSeriesStopAtTheLimitAndKnownOnesGoOn() throws {
        let shards = ShardsDouble(2)
        shards.setKnown([Labels(["__name__": "known"]), Labels(["__name__": "other"])])
        let collector = collector(shards) { $0.seriesPerTenantMax = 3 }
        let receipt = try write(
            collector, batch([("known", 1_000_000_000), ("new1", 1_000_000_000), ("new2", 1_000_000_000)]))?.get()
        #expect(receipt?.accepted == 2)
        #expect(receipt?.rejected == 1)
        #expect(receipt?.firstRejection?.contains("new2 is new") == true)
    }

    @Test func histogramsAreJudgedAndReduced() throws {
        let collector = collector(ShardsDouble(2)) { $0.histogramBucketsMax = 4 }
        let batch = MetricBatch()
        func add(_ name: String, _ histogram: NativeHistogram) {
            batch.beginSeries(Labels(["__name__": name]))
            batch.append(timestamp: 1_000_000_000, histogram: histogram)
        }
        let eight = NativeHistogram(
            schema: 0, count: 8, positiveSpans: [.init(offset: 1, length: 8)],
            positiveBuckets: [Double](repeating: 1, count: 8))
        add("reduced", eight)
        var coarse = eight
        coarse.schema = -4
        add("coarse", coarse)
        var lying = eight
        lying.positiveBuckets.removeLast()
        add("lying", lying)
        batch.beginSeries(Labels(["__name__": "float"]))
        batch.append(timestamp: 1_000_000_000, value: 1)
        let survey = Admission(limits: limits(4), newest: nil, now: clock.now()).survey(batch)
        #expect(survey == .init(newest: 1_000_000_000, invalid: 2, reduced: 1))
        let kept = Admission(limits: limits(4), newest: nil, now: clock.now()).filtered(batch, survey).batch
        #expect(kept.histograms.map(\.histogram.schema) == [-1])
        #expect(kept.histograms.map(\.histogram.positiveBuckets) == [[2, 2, 2, 2]])
        let receipt = try write(collector, batch)?.get()
        #expect(receipt?.accepted == 2)
        #expect(receipt?.histograms == 1)
        #expect(receipt?.rejected == 2)
        #expect(
            receipt?.firstRejection
                == "native histogram of coarse: 8 buckets are over the limit of 4, and can't be joined any further")
        #expect(ledger.total() == 2)
    }

    private func limits(_ buckets: Int) -> CollectorLimits {
        var limits = CollectorLimits()
        limits.histogramBucketsMax = buckets
        return limits
    }

    @Test func oldExemplarsAreRefusedWithoutTheirSamples() throws {
        let collector = collector(ShardsDouble(2))
        let batch = batch([("m", 1_000_000_000)])
        for time: Int64 in [999_999_000, 1_000_000_000 - 3_600_001, 1_000_700_000] {
            batch.append(Exemplar(labels: Labels(["trace_id": "a"]), value: 1, timestamp: time))
        }
        let receipt = try write(collector, batch)?.get()
        #expect(receipt == WriteReceipt(accepted: 1, exemplars: 1, exemplarsRejected: 2))
        let alone = MetricBatch()
        alone.beginSeries(Labels(["__name__": "m"]))
        alone.append(Exemplar(labels: .empty, value: 1, timestamp: 999_000_000))
        #expect(try write(collector, alone)?.get() == WriteReceipt(accepted: 0, exemplars: 1))
        #expect(ledger.total() == 2)
    }

    @Test func oneShardsRefusalIsTheAnswer() {
        let shards = ShardsDouble(2)
        shards.refuse(1, .diskFull("no room"))
        let result = write(collector(shards), batch((0..<50).map { ("m\($0)", 1_000_000_000) }))
        #expect(result == .failure(.diskFull("no room")))
    }
}
