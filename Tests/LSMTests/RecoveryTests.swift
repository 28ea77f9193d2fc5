import Bedrock
import LSMKit
import Model
import Testing

@testable import LSM

@Suite struct RecoveryTests {
    private func marker(_ offset: UInt64, deaths: UInt64, _ fileSystem: SimulatedFileSystem) throws {
        var bytes = ByteBuffer()
        bytes.append(littleEndian: offset)
        bytes.append(littleEndian: deaths)
        bytes.append(littleEndian: CRC32C.of(bytes.bytes))
        try fileSystem.replace("/data/head/rows-0/replaying", with: bytes.array())
    }

    @Test func aRecordThatKilledRecoveryTwiceIsSetAside() throws {
        let rig = Rig()
        try rig.open()
        for i in 1...3 as ClosedRange<UInt64> { rig.write([Row("a", Int64(i), i)]) }
        rig.crash()
        try marker(2, deaths: 1, rig.fileSystem)
        try rig.open()
        #expect(try rig.rows().count == 3)
        rig.crash()
        try marker(2, deaths: 2, rig.fileSystem)
        try rig.open()
        #expect(try rig.rows() == [Row("a", 1, 1), Row("a", 3, 3)])
        #expect(rig.engine.damage.reports.map(\.kind) == [.record])
        #expect(try rig.fileSystem.list("/data/aside") == ["rows-0-2.record"])
        #expect(try rig.fileSystem.status("/data/head/rows-0/replaying") == nil)
    }

    @Test func aDamagedCheckpointFallsBackToTheLogWhereItCan() throws {
        let rig = Rig { $0.logBytesMax = 1024 }
        try rig.open()
        for i in 0..<30 as Range<UInt64> { rig.write([Row("key", Int64(i), i)]) }
        rig.crash()
        let head = try #require(try rig.fileSystem.list("/data/head/rows-0").first)
        let size = try #require(try rig.fileSystem.status("/data/head/rows-0/\(head)")).size
        // The second half of the checkpoints: their records are gone from the log.
        rig.fileSystem.flip(bit: Int(size / 2) * 8, of: "/data/head/rows-0/\(head)")
        try rig.open()
        let rows = try rig.rows()
        #expect(rows.count < 30 && rows.count > 5 && Set(rows.map(\.value)).count == rows.count)
        #expect(!rig.engine.damage.reports.isEmpty)
        #expect(rig.write([Row("key", 100, 100)])?.error == nil)
        let after = try rig.rows()
        for keepingCache in [true, false] {
            try rig.reopen(keepingCache: keepingCache)
            #expect(try rig.rows() == after)
        }
    }

    @Test func moreShardsThanWantedAreAllServed() throws {
        let rig = Rig { $0.shardCount = 3 }
        try rig.open()
        for shard in 0..<3 { rig.write([Row("s\(shard)", 1, 1)], shard: shard) }
        rig.options.shardCount = 1
        try rig.reopen()
        #expect(rig.engine.shardCount == 1)
        #expect(try rig.rows().map(\.key) == ["s0", "s1", "s2"])
        rig.flush()
        rig.options.shardCount = 4
        try rig.reopen()
        #expect(try rig.rows().count == 3 && rig.engine.snapshot().shards.count == 4)
    }

    @Test func lanesAreBounded() {
        var lanes = LaneTable([:], countMax: 10)
        for i in 0..<100 as Range<UInt64> { lanes.note(Lane(producer: "p\(i)", number: 0), 5, offset: i + 1) }
        #expect(lanes.count <= 10)
        #expect(lanes.isRepeat(Lane(producer: "p99", number: 0), 5))
        #expect(!lanes.isRepeat(Lane(producer: "p99", number: 0), 6))
        #expect(!lanes.isRepeat(Lane(producer: "p0", number: 0), 5))
        let changes = lanes.takeUncommitted()
        #expect(changes.changed.count == lanes.count && changes.forgotten.contains(Lane(producer: "p0", number: 0)))
        var buffer = ByteBuffer()
        lanes.appendUnsaved(to: &buffer)
        var restored = LaneTable([:], countMax: 10)
        #expect(throws: Never.self) { try restored.restore(buffer.bytes) }
        #expect(restored.isRepeat(Lane(producer: "p99", number: 0), 5) && restored.count == lanes.count)
    }
}
