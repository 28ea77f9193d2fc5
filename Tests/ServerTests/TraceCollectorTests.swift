import Bedrock
import Collector
import Foundation
import Instruments
import LSM
import Model
import Synchronization
import Testing

@Suite struct TraceCollectorTests {
    private func write(
        _ storage: TraceStorage, _ batch: SpanBatch, _ origin: BatchOrigin = BatchOrigin()
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

    private static func batch(_ count: Int, start: Int64, name: String = "work") -> SpanBatch {
        let batch = SpanBatch()
        var resource = SpanBatch.Resource()
        resource.attributes = batch.write { $0.append(attribute: "service.name", .string("cart")) }
        let owner = batch.append(resource)
        let scope = batch.append(SpanBatch.Scope())
        for number in 0..<count {
            var row = SpanBatch.Row(
                traceID: TraceID(high: 1, low: UInt64(number % 7 + 1)), spanID: SpanID(UInt64(number + 1)),
                start: start + Int64(number), end: start + 1_000, resource: owner, scope: scope)
            row.name = batch.write { $0.append(utf8: name) }
            batch.append(row)
        }
        return batch
    }

    private func spans(_ storage: TraceStorage, _ id: TraceID) throws -> Int {
        let batch = SpanBatch()
        let isWhole = try storage.source.snapshot(tenant: .default).trace(
            id, range: .everything, into: batch, bytesMax: .max, cancellation: Cancellation())
        #expect(isWhole)
        return batch.rowCount
    }

    @Test func whatIsWrittenIsReadAndSurvivesARestart() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("obs-traces-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path
        let now = SystemClock().now() * 1_000_000
        let ledger = LossLedger(registry: InstrumentRegistry())
        let id = TraceID(high: 1, low: 3)
        do {
            let home = try StorageHome(path, ballastBytes: 0)
            let storage = try TraceStorage(home, ledger: ledger)
            #expect(try write(storage, Self.batch(70, start: now)).get().accepted == 70)
            // A sender without an identity repeats itself.
            #expect(try write(storage, Self.batch(70, start: now)).get().accepted == 70)
            #expect(try spans(storage, id) == 10)
            #expect(storage.close(deadlineNanoseconds: 10_000_000_000))
        }
        let home = try StorageHome(path, ballastBytes: 0)
        let storage = try TraceStorage(home, ledger: ledger)
        #expect(try spans(storage, id) == 10)
        let services = try storage.source.snapshot(tenant: .default).values(
            of: .attribute(.resource, "service.name"), where: .everything, range: .everything, limit: 10,
            cancellation: Cancellation())
        #expect(services == [.string("cart")])
        #expect(storage.close(deadlineNanoseconds: 10_000_000_000))
    }

    @Test func spansThatAreRefusedDontTakeTheirBatchWithThem() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("obs-traces-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let ledger = LossLedger(registry: InstrumentRegistry())
        var options = TraceStorage.Options()
        options.limits.spansPerBatchMax = 10
        options.limits.spanNameBytesMax = 8
        let storage = try TraceStorage(
            try StorageHome(folder.path, ballastBytes: 0), options: options, ledger: ledger)
        let now = SystemClock().now() * 1_000_000
        let batch = Self.batch(3, start: now)
        let none = SpanBatch.Row(
            traceID: TraceID(high: 0, low: 0), spanID: SpanID(1), start: now, end: now, resource: 0, scope: 0)
        batch.append(none)
        var future = none
        future.traceID = TraceID(high: 5, low: 5)
        future.start = now + 3_600_000_000_000
        batch.append(future)
        batch.append(Self.batch(1, start: now, name: "much too long"))
        let receipt = try write(storage, batch).get()
        #expect(receipt.accepted == 3 && receipt.rejected == 3)
        #expect(receipt.firstRejection?.contains("its trace id or its own is zero or missing") == true)
        for reason in ["no_id", "out_of_bounds", "span_limit"] {
            #expect(ledger.counter(place: "collector", reason: reason, signal: .traces).value == 1)
        }
        #expect(throws: WriteError.self) { try write(storage, Self.batch(11, start: now)).get() }
        #expect(storage.close(deadlineNanoseconds: 10_000_000_000))
    }
}
