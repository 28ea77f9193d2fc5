import Bedrock
import LSM
import Model
import Testing

@testable import LogStore

@Suite struct DeletionTests {
    private func write(_ rig: LogRig, _ lines: [String], app: String = "a") throws {
        let batch = LogBatch()
        batch.beginStream(Labels(["app": app]))
        for (i, line) in lines.enumerated() {
            batch.append(timestamp: rig.clock.now() * 1_000_000 + Int64(i), line: line)
        }
        try rig.write(batch)
    }

    private func delete(_ rig: LogRig, _ text: String, app: String = "a") throws -> String {
        var id = ""
        try rig.wait {
            id = rig.engine.delete(
                tenant: .default, matchers: [Matcher("app", equals: app)], range: .everything,
                filters: [LineFilter([.literal(Array(text.utf8))])], done: $0)
        }
        return id
    }

    private func reach(_ rig: LogRig, _ id: String, _ state: DeleteReceipt.State) {
        for _ in 0..<300 where (rig.engine.deleteState(id)?.state ?? .accepted) < state {
            rig.clock.advance(milliseconds: 10_000)
            rig.settle(steps: 30)
        }
        #expect(rig.engine.deleteState(id)?.state == state)
    }

    private func lines(_ rig: LogRig) throws -> [String] {
        try rig.snapshot().select(LogRequest(matchers: [], range: .everything)).everything()
            .map { String(decoding: $0.line, as: UTF8.self) }
    }

    @Test func oneLineOfManyGoesForGood() throws {
        let rig = LogRig { $0.shardCount = 1 }
        try rig.open()
        try write(rig, (0..<200).map { "user \($0) logged in" } + ["password=hunter2 typed", "bye"])
        try rig.flush()
        let id = try delete(rig, "hunter2")
        #expect(try lines(rig).count == 201)
        reach(rig, id, .gone)
        #expect(try lines(rig).count == 201)
        let segments = rig.engine.snapshot().shards.flatMap(\.segments)
        #expect(segments.map(\.record.summary.rowCount).reduce(0, +) == 201)
        try rig.reopen()
        #expect(rig.engine.deleteState(id)?.state == .gone)
        #expect(rig.engine.deleteState(id)?.predicate == "1 +l:hunter2")
    }

    @Test func whatHasNoSuchStreamIsNotRewritten() throws {
        let rig = LogRig { $0.shardCount = 1 }
        try rig.open()
        try write(rig, ["one", "two"])
        try rig.flush()
        let before = rig.engine.snapshot().shards.flatMap(\.segments).map(\.record.name)
        let id = try delete(rig, "x", app: "other")
        reach(rig, id, .gone)
        #expect(rig.engine.snapshot().shards.flatMap(\.segments).map(\.record.name) == before)
        #expect(rig.engine.statistics.compactions == 0)
        #expect(rig.engine.snapshot().shards.flatMap(\.tombstones) == [])
        #expect(try lines(rig) == ["one", "two"])
    }

    @Test func anEmptyRangeIsRefused() throws {
        let rig = LogRig()
        try rig.open()
        #expect(throws: WriteError.self) {
            try rig.wait {
                rig.engine.delete(
                    tenant: .default, matchers: [], range: LogTimeRange(5, 5), filters: [], done: $0)
            }
        }
    }
}
