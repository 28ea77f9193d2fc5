import Bedrock
import Collector
import Formats
import Foundation
import Instruments
import LogKit
import Model
import Synchronization
import Testing

/// kill -9 while lines are pushed as fast as it goes.
@Suite(.serialized) struct LogKillTests {
    /// Every acknowledged line is there, once; nothing is there that was not sent.
    @Test func noAcknowledgedLineIsLostOverKills() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let start = Int64(Date().timeIntervalSince1970 - 60) * 1_000_000_000
        let linesPerBatch = 20
        var acknowledged: Set<Int> = []
        var sent = 0
        for round in 0..<5 {
            let server = try ObsdProcess("collector", data: data, ["--logs-memtable-bytes", "4MiB"])
            let stop = Atomic<Bool>(false)
            let results = Mutex<(sent: Int, acknowledged: [Int])>((sent, []))
            let writer = Thread {
                while !stop.load(ordering: .relaxed) {
                    let number = results.withLock { state -> Int in
                        defer { state.sent += 1 }
                        return state.sent
                    }
                    let batch = LogBatch()
                    batch.beginStream(Labels([Label("test", "kill")]))
                    for line in 0..<linesPerBatch {
                        batch.append(timestamp: start + Int64(number), line: "batch \(number) line \(line)")
                    }
                    var body = ByteBuffer()
                    LokiPushEncoder.body(batch, into: &body)
                    guard
                        let answer = try? HTTP.exchange(
                            "POST", server.url + "/loki/api/v1/push", body: Data(body.array()),
                            headers: ["Content-Type": "application/x-protobuf"], seconds: 5),
                        answer.status == 204
                    else { break }
                    results.withLock { $0.acknowledged.append(number) }
                }
            }
            writer.start()
            usleep(UInt32(150_000 + (round * 7919) % 10 * 25_000))
            server.kill()
            stop.store(true, ordering: .relaxed)
            while writer.isExecuting { usleep(1000) }
            acknowledged.formUnion(results.withLock { $0.acknowledged })
            sent = results.withLock { $0.sent }
        }
        #expect(acknowledged.count > 25, "only \(acknowledged.count) batches were acknowledged")
        let storage = try LogStorage(
            StorageHome(data, ballastBytes: 0), ledger: LossLedger(registry: InstrumentRegistry()))
        let rows = try StoredLines.all(storage.source).filter { $0.labels == #"{test="kill"}"# }
        #expect(storage.close(deadlineNanoseconds: 10_000_000_000))
        var found: [Int: Int] = [:]
        for row in rows { found[Int(row.time - start), default: 0] += 1 }
        #expect(Set(rows.map(\.line)).count == rows.count, "doubled lines")
        #expect(found.allSatisfy { $0.key >= 0 && $0.key < sent && $0.value == linesPerBatch })
        let lost = acknowledged.subtracting(found.keys)
        #expect(
            lost.isEmpty,
            "lost \(lost.count) of \(acknowledged.count) acknowledged batches, such as \(lost.sorted().prefix(5))")
    }
}
