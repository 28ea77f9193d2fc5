import Formats
import Foundation
import Synchronization
import Testing

/// kill -9 while remote write runs as fast as it goes.
@Suite(.serialized) struct KillTests {
    /// Every acknowledged sample is there, once; nothing is there that was not sent.
    @Test func nothingAcknowledgedIsLostOverTenKills() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let start = (Int64(Date().timeIntervalSince1970) - 3600) * 1000
        let series = 50
        var acknowledged: Set<Int> = []
        var sent = 0
        for round in 0..<10 {
            let server = try ObsdProcess("collector", data: data)
            let stop = Atomic<Bool>(false)
            let results = Mutex<(sent: Int, acknowledged: [Int])>((sent, []))
            let writer = Thread {
                while !stop.load(ordering: .relaxed) {
                    let number = results.withLock { state -> Int in
                        defer { state.sent += 1 }
                        return state.sent
                    }
                    let body = RemoteWriteClient.body(
                        metric: "kill_test", series: series, timestamp: start + Int64(number) * 10
                    ) { _ in Double(number) }
                    guard
                        let answer = try? HTTP.exchange(
                            "POST", server.url + "/api/v1/write", body: body, headers: RemoteWriteClient.headers,
                            seconds: 5),
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
        let server = try ObsdProcess("collector", data: data)
        #expect(acknowledged.count > 50, "only \(acknowledged.count) batches were acknowledged")
        let end = start + Int64(sent) * 10
        let span = "\((end - start) / 1000 + 10)s"
        for picked in [0, series / 2, series - 1] {
            let answer = try server.get(
                "/api/v1/query?query=kill_test%7Bseries%3D%22\(picked)%22%7D%5B\(span)%5D&time=\(Double(end) / 1000)")
            let points = try JSONValue(parsing: answer.body)["data"]?["result"]?[0]?["values"]?.array ?? []
            let numbers = points.compactMap { $0[1]?.string.flatMap { Int($0) } }
            #expect(numbers.count == Set(numbers).count, "doubled samples")
            let lost = acknowledged.subtracting(numbers)
            #expect(
                lost.isEmpty,
                "lost \(lost.count) of \(acknowledged.count) acknowledged batches, such as \(lost.sorted().prefix(5))")
            #expect(numbers.allSatisfy { $0 >= 0 && $0 < sent })
        }
        let total = try HTTP.value(
            server.url, "sum(count_over_time(kill_test[\(span)]))", time: "\(Double(end) / 1000)")
        let bounds = Double(acknowledged.count * series)...Double(sent * series)
        #expect(bounds.contains(total ?? 0), "\(total ?? 0) samples, not within \(bounds)")
    }
}
