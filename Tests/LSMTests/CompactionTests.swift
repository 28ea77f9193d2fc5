import Bedrock
import LSMKit
import Model
import Testing

@testable import LSM

private let hour: Int64 = 3_600_000

@Suite struct CompactionTests {
    private func settle(_ rig: Rig) { _ = rig.scheduler.run(steps: 400) { false } }

    @Test func mergesKeepEveryRowInOrder() throws {
        let rig = Rig()
        try rig.open()
        let now = rig.clock.now()
        var expected: [Row] = []
        for i in 0..<24 as Range<UInt64> {
            // Equal keys and times, and rows a day late.
            let rows = [Row("same", now, i), Row("late", now - Int64(i % 5) * 5 * hour, i)]
            expected += rows
            rig.write(rows)
            if i % 2 == 0 { rig.flush() }
        }
        settle(rig)
        let order = expected.enumerated().sorted {
            ($0.element.key, $0.element.time, $0.offset) < ($1.element.key, $1.element.time, $1.offset)
        }
        #expect(try rig.rows() == order.map(\.element))
        #expect(rig.engine.statistics.compactions > 3)
        #expect(rig.engine.statistics.shards[0].tiers[0]?.segments ?? 0 < 4)
        try rig.reopen()
        #expect(try rig.rows() == order.map(\.element))
        rig.clock.advance(milliseconds: 26 * hour)
        settle(rig)
        #expect(rig.engine.statistics.shards[0].tiers.keys.max() == 2)
        #expect(try rig.rows() == order.map(\.element))
        #expect(rig.engine.damage.reports == [])
    }

    @Test func removedObjectsGoAfterGraceUnlessPinned() throws {
        let rig = Rig()
        try rig.open()
        for i in 0..<3 as Range<UInt64> {
            rig.write([Row("a", rig.clock.now(), i)])
            rig.flush()
        }
        var snapshot: EngineSnapshot<RowFormat>? = rig.engine.snapshot()
        let before = try snapshot?.shards[0].rows(.default)
        rig.write([Row("a", rig.clock.now(), 3)])
        rig.flush()
        settle(rig)
        #expect(rig.engine.statistics.compactions > 0)
        rig.clock.advance(milliseconds: hour)
        settle(rig)
        // The fourth was in no snapshot; the three others are still read.
        let deleted = rig.engine.statistics.objectsDeleted
        // The memtable that was active then has grown since.
        #expect(try snapshot?.shards[0].rows(.default).prefix(3) == before?[...])
        #expect(try rig.catalog.state(ShardKey(signal: "rows", index: 0))?.removed.count == 3)
        snapshot = nil
        settle(rig)
        rig.clock.advance(milliseconds: hour)
        settle(rig)
        #expect(rig.engine.statistics.objectsDeleted >= deleted + 3)
        let state = try rig.catalog.state(ShardKey(signal: "rows", index: 0))
        #expect(state?.removed == [] && state?.reservations == [:])
        let live = state?.segments.map { Path.name($0.name) }.sorted()
        #expect(try rig.fileSystem.list("/data/objects/rows/0") == live)
    }

    @Test func deletesAreAppliedForGoodAndThenForgotten() throws {
        let rig = Rig()
        try rig.open()
        let now = rig.clock.now()
        for i in 0..<3 as Range<UInt64> {
            rig.write([Row("a", now, i), Row("b", now, i)])
            rig.flush()
        }
        let answer = Answer()
        rig.engine.delete(tenant: .default, matchers: [Matcher("key", equals: "a")], range: .everything) {
            answer.set($0)
        }
        #expect(rig.run(answer)?.error == nil)
        for i in 3..<9 as Range<UInt64> {
            rig.write([Row("a", now, i), Row("b", now, i)])
            rig.flush()
            #expect(try rig.rows().filter { $0.key == "a" }.map(\.value) == Array(3...i))
        }
        rig.clock.advance(milliseconds: 3 * hour)
        settle(rig)
        let segments = rig.engine.snapshot().shards[0].segments
        let stored = try segments.flatMap { try $0.segment.rows { _ in } }
        #expect(stored.filter { $0.key == "a" }.map(\.value).sorted() == Array(3..<9))
        #expect(stored.filter { $0.key == "b" }.count == 9)
        #expect(rig.engine.snapshot().shards[0].tombstones == [])
    }

    @Test func retentionDropsOldSegmentsAndClipsReads() throws {
        let rig = Rig { $0.retentionMilliseconds = 24 * hour }
        try rig.open()
        let now = rig.clock.now()
        rig.write([Row("old", now, 1)])
        rig.flush()
        rig.clock.advance(milliseconds: 23 * hour)
        rig.write([Row("new", rig.clock.now(), 1)])
        rig.flush()
        settle(rig)
        #expect(try rig.rows().map(\.key) == ["new", "old"])
        rig.clock.advance(milliseconds: 2 * hour)
        #expect(rig.engine.snapshot().retentionStart > now)
        settle(rig)
        #expect(try rig.rows().map(\.key) == ["new"])
        #expect(rig.engine.statistics.segmentsExpired >= 1)
    }

    @Test func standingTombstonesHideByAge() throws {
        let rig = Rig {
            $0.standingTombstones = [
                StandingTombstone(matchers: [Matcher("key", equals: "debug")], ageMilliseconds: hour)
            ]
        }
        try rig.open()
        let now = rig.clock.now()
        rig.write([Row("debug", now, 1), Row("kept", now, 1)])
        #expect(try rig.rows().count == 2)
        rig.clock.advance(milliseconds: 3 * hour)
        #expect(try rig.rows().map(\.key) == ["kept"])
        settle(rig)
        let stored = try rig.engine.snapshot().shards[0].segments.flatMap { try $0.segment.rows { _ in } }
        #expect(stored.map(\.key) == ["kept"])
    }

    @Test func damagedBlocksAreReportedAndTheRestIsServed() throws {
        let rig = Rig()
        try rig.open()
        let now = rig.clock.now()
        rig.write((0..<64).map { Row("key", now + Int64($0), $0) })
        rig.flush()
        rig.write([Row("other", now, 1)])
        rig.flush()
        let names = rig.engine.snapshot().shards[0].segments.map(\.record.name)
        rig.drop()
        // A block of the first, the footer of the second.
        rig.fileSystem.flip(bit: 80 * 8, of: "/data/objects/\(names[0])")
        let size = try rig.fileSystem.status("/data/objects/\(names[1])")?.size ?? 0
        rig.fileSystem.flip(bit: Int(size - 13) * 8, of: "/data/objects/\(names[1])")
        try rig.open()
        #expect(rig.engine.damage.reports.map(\.kind) == [.segment])
        var damages = 0
        let rows = try rig.engine.snapshot().shards[0].rows(.default) { _ in damages += 1 }
        #expect(rows.count == 48 && damages == 1)
        rig.clock.advance(milliseconds: 5 * hour)
        settle(rig)
        #expect(rig.engine.damage.reports.count == 2)
        #expect(try rig.rows().count == 48)
    }
}
