import Bedrock
import LSMKit
import Model
import Testing

@testable import LSM

@Suite struct FullDiskTests {
    @Test func writesAreRefusedReadsGoOnAndItRecovers() throws {
        let rig = Rig { $0.diskFractionMax = 1 }
        try rig.open()
        _ = rig.scheduler.run(steps: 50) { false }
        #expect(try rig.fileSystem.status("/data/ballast")?.size == 4096)
        rig.write([Row("a", 1, 1)])
        rig.fileSystem.setCapacity(rig.fileSystem.usedBytes + 20)
        let refused = rig.write([Row("b", 1, 1)])
        guard case .diskFull = refused?.error else {
            Issue.record("\(String(describing: refused))")
            return
        }
        #expect(try rig.fileSystem.status("/data/ballast") == nil)
        #expect(try rig.rows() == [Row("a", 1, 1)])
        guard case .diskFull = rig.write([Row("c", 1, 1)])?.error else {
            Issue.record("taken on a full disk")
            return
        }
        // The ballast's room is enough to bring memory and log to rest.
        #expect(rig.flush()?.error == nil)
        #expect(rig.engine.snapshot().shards[0].segments.count == 1)
        #expect(rig.engine.statistics.isDiskFull)
        rig.fileSystem.setCapacity(1 << 20)
        rig.clock.advance(milliseconds: 5000)
        _ = rig.scheduler.run(steps: 50) { !rig.engine.statistics.isDiskFull }
        #expect(rig.write([Row("d", 1, 1)])?.error == nil)
        #expect(try rig.fileSystem.status("/data/ballast")?.size == 4096)
        #expect(try rig.rows() == [Row("a", 1, 1), Row("d", 1, 1)])
        #expect(rig.engine.statistics.diskFullEvents == 1)
    }

    @Test func aFullDiskOpens() throws {
        let rig = Rig()
        try rig.open()
        rig.write([Row("a", 1, 1)])
        _ = rig.scheduler.run(steps: 50) { false }
        rig.fileSystem.setCapacity(rig.fileSystem.usedBytes)
        try rig.reopen()
        #expect(try rig.rows() == [Row("a", 1, 1)])
    }

    @Test func flushesGoOnOnceTheObjectStoreWorksAgain() throws {
        let rig = Rig {
            $0.memtableBytesMax = 300
            $0.memtablesBytesMax = 2000
        }
        try rig.open()
        rig.fileSystem.setFaults { $0.fail = { _, path in path.contains("/objects/") ? .io : nil } }
        var refused: WriteError?
        var written: UInt64 = 0
        while refused == nil && written < 200 {
            refused = rig.write([Row("key", Int64(written), written)])?.error
            if refused == nil { written += 1 }
        }
        guard case .overloaded = refused else {
            Issue.record("memory has no ceiling: \(String(describing: refused)) after \(written)")
            return
        }
        #expect(try rig.rows().count == Int(written))
        rig.fileSystem.setFaults { $0.fail = nil }
        rig.clock.advance(milliseconds: 60_000)
        _ = rig.scheduler.run(steps: 500) { rig.engine.refusal(shard: 0) == nil }
        #expect(rig.write([Row("key", 1000, 1000)])?.error == nil)
        #expect(try rig.rows().count == Int(written) + 1)
    }

    @Test func aLogAtItsCapRefusesUntilCheckpointsWork() throws {
        let rig = Rig { $0.logBytesMax = 1024 }
        try rig.open()
        rig.fileSystem.setFaults { $0.fail = { _, path in path.contains("/head/") ? .io : nil } }
        var refused: WriteError?
        var written: UInt64 = 0
        while refused == nil && written < 100 {
            refused = rig.write([Row("key", Int64(written), written)])?.error
            if refused == nil { written += 1 }
        }
        guard case .overloaded = refused else {
            Issue.record("\(String(describing: refused)) after \(written)")
            return
        }
        rig.fileSystem.setFaults { $0.fail = nil }
        rig.clock.advance(milliseconds: 1000)
        _ = rig.scheduler.run(steps: 100) { rig.engine.refusal(shard: 0) == nil }
        #expect(rig.write([Row("key", 1000, 1000)])?.error == nil)
        let before = try rig.rows()
        try rig.reopen()
        #expect(try rig.rows() == before && before.count == Int(written) + 1)
    }

    @Test func aLostLeaseStopsTheShard() throws {
        let rig = Rig()
        try rig.open()
        rig.write([Row("a", 1, 1)])
        _ = try rig.catalog.acquire(ShardKey(signal: "rows", index: 0), holder: "another")
        rig.engine.flush { _ in }
        _ = rig.scheduler.run(steps: 100) { rig.engine.refusal(shard: 0) != nil }
        guard case .unavailable = rig.write([Row("b", 1, 1)])?.error else {
            Issue.record("wrote without a lease")
            return
        }
        #expect(rig.engine.statistics.shards[0].fault != nil)
    }
}
