import Bedrock
import LSMKit
import Model
import Testing

@testable import LSM

@Suite struct EngineTests {
    @Test func writtenRowsAreVisibleAtOnceAndAfterEverything() throws {
        let rig = Rig()
        try rig.open()
        #expect(rig.write([Row("a", 1, 1), Row("b", 2, 2)])?.error == nil)
        #expect(try rig.rows() == [Row("a", 1, 1), Row("b", 2, 2)])
        #expect(rig.flush()?.error == nil)
        #expect(rig.engine.snapshot().shards[0].segments.count == 1)
        #expect(try rig.rows() == [Row("a", 1, 1), Row("b", 2, 2)])
        rig.write([Row("a", 3, 3)])
        try rig.reopen()
        #expect(try rig.rows() == [Row("a", 1, 1), Row("a", 3, 3), Row("b", 2, 2)])
        #expect(rig.engine.statistics.recordsReplayed == 1)
        #expect(rig.engine.damage.reports == [])
    }

    @Test func acknowledgedSurvivesAPowerCutRightAfter() throws {
        for seed in 0..<40 as Range<UInt64> {
            let rig = Rig(seed: seed)
            try rig.open()
            for i in 0..<5 as Range<UInt64> { rig.write([Row("k", Int64(i), i)]) }
            // Not answered: may be there or not, but whole.
            _ = rig.submit([Row("u", 1, 1), Row("u", 2, 2)])
            try rig.reopen(keepingCache: seed % 2 == 0)
            let rows = try rig.rows()
            #expect(rows.prefix(5) == (0..<5).map { Row("k", Int64($0), $0) }[...])
            #expect(rows.count == 5 || rows.count == 7)
            #expect(rig.engine.damage.reports == [])
        }
    }

    @Test func tenantsGetObjectsOfTheirOwn() throws {
        let rig = Rig()
        try rig.open()
        rig.write([Row("a", 1, 1)], tenant: Tenant("one"))
        rig.write([Row("a", 1, 2)], tenant: Tenant("two"))
        rig.flush()
        #expect(rig.engine.snapshot().shards[0].segments.map(\.record.tenant.name).sorted() == ["one", "two"])
        #expect(try rig.rows(Tenant("two")) == [Row("a", 1, 2)])
    }

    @Test func retriesAreDroppedEvenAfterFlushCheckpointAndRestart() throws {
        let rig = Rig()
        try rig.open()
        func producer(_ sequence: UInt64, lane: UInt32 = 0) -> BatchOrigin.Producer {
            BatchOrigin.Producer(name: "agent", lane: lane, sequence: sequence)
        }
        rig.write([Row("a", 1, 1)], producer: producer(1))
        #expect(rig.write([Row("a", 1, 1)], producer: producer(1))?.error == nil)
        rig.write([Row("a", 1, 2)], producer: producer(1, lane: 1))
        try rig.reopen()
        rig.write([Row("a", 1, 1)], producer: producer(1))
        rig.flush()
        rig.write([Row("a", 1, 1)], producer: producer(1))
        try rig.reopen()
        rig.write([Row("a", 1, 1)], producer: producer(1))
        rig.write([Row("a", 1, 3)], producer: producer(2))
        let both = [
            rig.submit([Row("a", 1, 4)], producer: producer(3)), rig.submit([Row("a", 1, 4)], producer: producer(3)),
        ]
        for answer in both { #expect(rig.run(answer)?.error == nil && answer.count == 1) }
        #expect(try rig.rows() == [Row("a", 1, 1), Row("a", 1, 2), Row("a", 1, 3), Row("a", 1, 4)])
    }

    @Test func checkpointsKeepTheLogShortAndRecoverWithoutIt() throws {
        let rig = Rig {
            $0.logBytesMax = 4096
            $0.memtableBytesMax = 1 << 20
        }
        try rig.open()
        for i in 0..<300 as Range<UInt64> {
            #expect(rig.write([Row("key-\(i % 7)", Int64(i), i)])?.error == nil)
            #expect(rig.engine.statistics.shards[0].logBytes <= 4096)
        }
        let before = try rig.rows()
        #expect(before.count == 300 && rig.engine.statistics.checkpoints > 3)
        #expect(rig.engine.snapshot().shards[0].segments.isEmpty)
        for keepingCache in [true, false, true, false] {
            try rig.reopen(keepingCache: keepingCache)
            #expect(try rig.rows() == before)
            #expect(rig.engine.statistics.recordsReplayed < 100)
        }
        rig.write([Row("z", 1, 1)])
        rig.flush()
        try rig.reopen()
        #expect(try rig.rows() == before + [Row("z", 1, 1)])
        #expect(try rig.fileSystem.list("/data/head/rows-0") == [])
    }

    @Test func sealsByBytesAndByWindow() throws {
        let rig = Rig { $0.memtableBytesMax = 1000 }
        try rig.open()
        for i in 0..<50 as Range<UInt64> { rig.write([Row("key", Int64(i), i)]) }
        #expect(rig.engine.statistics.flushes > 0)
        rig.clock.advance(milliseconds: 3 * 3_600_000)
        _ = rig.scheduler.run(steps: 200) { rig.engine.statistics.shards[0].memtableRows == 0 }
        #expect(rig.engine.statistics.shards[0].memtableRows == 0)
        #expect(try rig.rows().count == 50)
    }

    @Test func closeFlushesAndFinishes() throws {
        let rig = Rig()
        try rig.open()
        let answer = rig.submit([Row("a", 1, 1)])
        rig.engine.close()
        #expect(rig.submit([Row("b", 1, 1)]).value?.error == .unavailable("shutting down"))
        #expect(rig.scheduler.run(steps: 2000) { rig.scheduler.count == 0 })
        #expect(answer.count == 1 && answer.value?.error == nil)
        try rig.reopen()
        #expect(rig.engine.statistics.recordsReplayed == 0)
        #expect(try rig.rows() == [Row("a", 1, 1)])
    }

    @Test func aBatchGoesToAllItsShardsOrToNone() throws {
        let rig = Rig()
        rig.options.shardCount = 2
        rig.options.queueBytesMax = 256
        try rig.open()
        func record(_ key: String) -> WriteRecord {
            let record = WriteRecord()
            record.withPayload { RowCoding.append([Row(key, 1, 1)], to: &$0) }
            return record
        }
        // Nothing steps yet, so shard 1 stays full.
        let waiting = rig.submit((0..<40).map { Row("full", Int64($0), 1) }, shard: 1)
        let refused = Answer()
        rig.engine.submit([(0, record("a")), (1, record("b"))]) { refused.set($0) }
        #expect(refused.count == 1)
        guard case .overloaded = refused.value?.error else {
            Issue.record("\(String(describing: refused.value))")
            return
        }
        #expect(rig.run(waiting)?.error == nil)
        #expect(try rig.rows().filter { $0.key == "a" }.isEmpty)
        let taken = Answer()
        rig.engine.submit([(0, record("a")), (1, record("b"))]) { taken.set($0) }
        #expect(rig.run(taken)?.error == nil && taken.count == 1)
        #expect(try Set(rig.rows().map(\.key)).isSuperset(of: ["a", "b"]))
    }

    @Test func aRecordThatCannotBeAppliedIsSetAside() throws {
        let rig = Rig()
        try rig.open()
        let answer = Answer()
        [0xFF, 0xFF, 1].withUnsafeBytes {
            rig.engine.submit(shard: 0, tenant: .default, producer: nil, payload: UnsafeRawBufferPointer($0)) {
                answer.set($0)
            }
        }
        guard case .invalid = rig.run(answer)?.error else {
            Issue.record("\(String(describing: answer.value))")
            return
        }
        #expect(rig.write([Row("a", 1, 1)])?.error == nil)
        #expect(rig.engine.damage.reports.map(\.kind) == [.record])
        #expect(try rig.fileSystem.list("/data/aside") == ["rows-0-1.record"])
        try rig.reopen(keepingCache: true)
        #expect(try rig.rows() == [Row("a", 1, 1)])
    }

    @Test func deletesHideLowerOffsetsOnly() throws {
        let rig = Rig()
        try rig.open()
        rig.write([Row("a", 1, 1), Row("b", 1, 1)])
        rig.flush()
        rig.write([Row("a", 2, 2)])
        let answer = Answer()
        rig.engine.delete(tenant: .default, matchers: [Matcher("key", equals: "a")], range: .everything) {
            answer.set($0)
        }
        #expect(rig.run(answer)?.error == nil)
        #expect(try rig.rows() == [Row("b", 1, 1)])
        rig.write([Row("a", 3, 3)])
        for _ in 0..<3 {
            #expect(try rig.rows() == [Row("a", 3, 3), Row("b", 1, 1)])
            try rig.reopen()
        }
        rig.flush()
        #expect(try rig.rows() == [Row("a", 3, 3), Row("b", 1, 1)])
        #expect(try rig.catalog.state(ShardKey(signal: "rows", index: 0))?.tombstones.count == 1)
    }

    @Test func aFullQueueAnswersAtOnce() throws {
        let rig = Rig { $0.queueBytesMax = 60 }
        try rig.open()
        let first = rig.submit([Row("a", 1, 1)])
        let answers = (0..<5).map { _ in rig.submit([Row("a", 1, 1)]) }
        guard case .overloaded = answers[4].value?.error else {
            Issue.record("\(String(describing: answers[4].value))")
            return
        }
        #expect(rig.run(first)?.error == nil)
    }
}
