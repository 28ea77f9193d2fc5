import Bedrock
import Formats
import Foundation
import Instruments
import LSM
import LogKit
import Model
import Synchronization
import Testing

@testable import Collector

@Suite struct LogCollectorTests {
    /// Milliseconds.
    private let now: Int64 = 1_700_000_000_000
    private let ledger = LossLedger(registry: InstrumentRegistry())

    private func collector(
        _ shards: ShardsDouble, _ change: (inout CollectorLimits) -> Void = { _ in }
    ) -> LogCollector {
        var limits = CollectorLimits()
        change(&limits)
        return LogCollector(shards: shards, limits: limits, clock: SimulatedClock(now: now), ledger: ledger)
    }

    private func batch(_ rows: [(stream: String, time: Int64, line: String)]) -> LogBatch {
        let batch = LogBatch()
        for row in rows {
            batch.beginStream(Labels([Label("app", row.stream)]))
            batch.append(timestamp: row.time * 1_000_000, line: row.line)
        }
        return batch
    }

    private func write(
        _ collector: LogCollector, _ batch: LogBatch, _ origin: BatchOrigin = BatchOrigin()
    ) -> Result<WriteReceipt, WriteError> {
        let box = Mutex<Result<WriteReceipt, WriteError>?>(nil)
        collector.write(batch, origin: origin) { result in box.withLock { $0 = result } }
        return box.withLock { $0 } ?? .failure(.unavailable("no answer"))
    }

    @Test func timesOutsideTheBoundsAreRefusedAndTheRestTaken() throws {
        let shards = ShardsDouble(2)
        let collector = collector(shards) {
            $0.outOfOrderMilliseconds = 60_000
            $0.futureMilliseconds = 60_000
            $0.retentionMilliseconds = 3_600_000
        }
        let receipt = try write(
            collector, batch([("a", now, "1"), ("a", now + 60_001, "2"), ("b", now - 3_600_001, "3")])
        ).get()
        #expect(receipt.accepted == 1 && receipt.rejected == 2)
        #expect(receipt.firstRejection?.contains("ahead of the clock") == true)
        // The tenant's newest moved the window.
        let later = try write(collector, batch([("a", now - 60_000, "4"), ("a", now - 60_001, "5")])).get()
        #expect(later.accepted == 1 && later.firstRejection?.contains("too old") == true)
        #expect(ledger.total(.logs) == 3)
    }

    @Test func newStreamsBeyondTheLimitAreRefused() throws {
        let shards = ShardsDouble(2)
        let collector = collector(shards) { $0.streamsPerTenantMax = 2 }
        let rows = (0..<4).map { (stream: "s\($0)", time: now, line: "x") }
        let receipt = try write(collector, batch(rows)).get()
        #expect(receipt.accepted == 2 && receipt.rejected == 2)
        #expect(receipt.firstRejection?.contains("limits.streams_per_tenant") == true)
        #expect(try write(collector, batch([rows[0], rows[1]])).get().rejected == 0)
        #expect(try write(collector, batch(rows), BatchOrigin(tenant: Tenant("t"))).get().rejected == 2)
        #expect(collector.activeStreams(.default) == 2)
    }

    @Test func aShardThatRefusesRefusesTheBatch() throws {
        let shards = ShardsDouble(4)
        for shard in 0..<4 { shards.refuse(shard, .diskFull("no room")) }
        let seen = Mutex(0)
        let collector = collector(shards)
        let subscription = collector.follow(tenant: .default) { batch in seen.withLock { $0 += batch.rowCount } }
        #expect(write(collector, batch([("a", now, "1")])) == .failure(.diskFull("no room")))
        #expect(seen.withLock { $0 } == 0)
        withExtendedLifetime(subscription) {}
    }

    @Test func followersSeeWhatBecameDurable() throws {
        let collector = collector(ShardsDouble(3)) { $0.streamsPerTenantMax = 2 }
        let seen = Mutex<[String]>([])
        var subscription: (any LogSubscription)? = collector.follow(tenant: .default) { batch in
            for row in 0..<batch.rowCount {
                seen.withLock { $0.append(String(decoding: batch.line(row), as: UTF8.self)) }
            }
        }
        _ = write(collector, batch([("a", now, "1"), ("a", 0, "old"), ("b", now, "2"), ("c", now, "over")]))
        _ = write(collector, batch([("a", now, "other")]), BatchOrigin(tenant: Tenant("t")))
        #expect(seen.withLock { $0 } == ["1", "2"])
        withExtendedLifetime(subscription) {}
        subscription = nil
        _ = write(collector, batch([("a", now, "3")]))
        #expect(seen.withLock { $0 }.count == 2)
    }

    @Test func theCensusForgetsStreamsAfterTwoGenerations() {
        let census = StreamCensus()
        let (a, b) = (Hash128(high: 1, low: 1), Hash128(high: 2, low: 2))
        let hour = StreamCensus.generationMilliseconds
        #expect(census.admit([a], tenant: .default, limit: 1, now: 0) == [])
        #expect(census.admit([b], tenant: .default, limit: 1, now: hour) == [0])
        #expect(census.admit([b, a], tenant: .default, limit: 1, now: hour + 1) == [0])
        #expect(census.admit([b], tenant: .default, limit: 1, now: 3 * hour) == [0])
        #expect(census.admit([b], tenant: .default, limit: 1, now: 5 * hour) == [])
    }
}

@Suite struct LogStorageTests {
    private func options() -> LogStorage.Options {
        var options = LogStorage.Options()
        options.limits.outOfOrderMilliseconds = 60_000
        return options
    }

    private func write(
        _ storage: LogStorage, _ batch: LogBatch, _ origin: BatchOrigin = BatchOrigin()
    ) -> Result<WriteReceipt, WriteError> {
        let box = Mutex<Result<WriteReceipt, WriteError>?>(nil)
        let waker = Waker()
        storage.collector.write(batch, origin: origin) { result in
            box.withLock { $0 = result }
            waker.wake()
        }
        for _ in 0..<200 {
            if let result = box.withLock({ $0 }) { return result }
            waker.wait(nanoseconds: 50_000_000)
        }
        return .failure(.unavailable("no answer"))
    }

    @Test func whatIsWrittenIsReadAndSurvivesARestart() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("obs-logs-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path
        let now = SystemClock().now()
        let lines: [[UInt8]] = [[0xFF, 0x00, 0x80], [], [UInt8](repeating: 0x78, count: 1 << 20), Array("plain".utf8)]
        let batch = LogBatch()
        batch.beginStream(Labels([Label("app", "a")]))
        for (i, line) in lines.enumerated() {
            line.withUnsafeBytes { line in
                Labels(i == 0 ? [Label("k", "v")] : []).storage.withUnsafeBytes {
                    batch.append(timestamp: now * 1_000_000 + Int64(i), line: line, metadata: $0)
                }
            }
        }
        let producer = BatchOrigin.Producer(name: "p", lane: 1, sequence: 7)
        do {
            let home = try StorageHome(path, ballastBytes: 0)
            let storage = try LogStorage(home, options: options(), ledger: LossLedger(registry: InstrumentRegistry()))
            #expect(try write(storage, batch, BatchOrigin(producer: producer)).get().accepted == 4)
            // A retry is recognised.
            #expect(try write(storage, batch, BatchOrigin(producer: producer)).get().accepted == 4)
            #expect(try StoredLines.all(storage.source).map(\.line) == lines)
            #expect(storage.close(deadlineNanoseconds: 10_000_000_000))
        }
        let home = try StorageHome(path, ballastBytes: 0)
        let ledger = LossLedger(registry: InstrumentRegistry())
        let storage = try LogStorage(home, options: options(), ledger: ledger)
        let rows = try StoredLines.all(storage.source)
        #expect(rows.map(\.line) == lines)
        #expect(rows[0].metadata == #"{k="v"}"# && rows[0].labels == #"{app="a"}"#)
        #expect(try write(storage, batch, BatchOrigin(producer: producer)).get().accepted == 4)
        #expect(try StoredLines.all(storage.source).count == 4)
        // What the store holds judges what comes.
        let old = LogBatch()
        old.beginStream(Labels([Label("app", "a")]))
        old.append(timestamp: (now - 120_000) * 1_000_000, line: "old")
        #expect(try write(storage, old).get().rejected == 1)
        #expect(storage.close(deadlineNanoseconds: 10_000_000_000))
    }
}
