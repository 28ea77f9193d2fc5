import Bedrock
import LSMKit
import Model
import Testing

@testable import LSM

/// Deletes with their receipts: accepted, hidden, rewritten, gone, over restarts.
@Suite struct DeletionTests {
    private static let hour: Int64 = 3_600_000

    private func delete(_ rig: Rig, _ key: String) -> String {
        let answer = Answer()
        let id = rig.engine.delete(
            tenant: .default, matchers: [Matcher("key", equals: key)], range: .everything
        ) { answer.set($0) }
        #expect(rig.engine.deleteState(id)?.state == .accepted)
        #expect(rig.run(answer)?.error == nil)
        return id
    }

    private func state(_ rig: Rig, _ id: String) -> DeleteReceipt.State? { rig.engine.deleteState(id)?.state }

    /// Steps and lets time pass until the delete is that far.
    private func reach(_ rig: Rig, _ id: String, _ wanted: DeleteReceipt.State, minutes: Int64 = 30) {
        let end = rig.clock.now() + minutes * 60_000
        while rig.clock.now() < end, state(rig, id) ?? .accepted < wanted {
            _ = rig.scheduler.run(steps: 20) { false }
            rig.clock.advance(milliseconds: 10_000)
        }
        #expect(state(rig, id) == wanted)
    }

    private func rows(_ key: String, _ values: Range<Int>, at time: Int64) -> [Row] {
        values.map { Row(key, time + Int64($0), UInt64($0)) }
    }

    /// Whether any file of the directory has the bytes.
    private func isAnywhere(_ text: String, _ rig: Rig) throws -> [String] {
        var found: [String] = []
        for directory in ["log/rows-0", "head/rows-0", "objects/rows/0"] {
            let path = Path.join("/data", directory)
            for name in (try? rig.fileSystem.list(path)) ?? [] {
                let bytes = try rig.fileSystem.readAll(Path.join(path, name))
                let isThere = bytes.withUnsafeBytes { bytes in
                    Array(text.utf8).withUnsafeBytes { bytes.firstOffset(of: $0) != nil }
                }
                if isThere { found.append(Path.join(path, name)) }
            }
        }
        return found
    }

    @Test func aLoneSegmentIsRewrittenAndNothingIsLeft() throws {
        let rig = Rig()
        try rig.open()
        let now = rig.clock.now()
        #expect(rig.write(rows("secret", 0..<20, at: now) + rows("kept", 0..<20, at: now))?.error == nil)
        #expect(rig.flush()?.error == nil)
        let id = delete(rig, "secret")
        #expect(state(rig, id) == .hidden)
        #expect(try rig.rows().allSatisfy { $0.key == "kept" })
        // Written afterwards: not touched.
        #expect(rig.write(rows("kept", 20..<30, at: now))?.error == nil)
        reach(rig, id, .rewritten, minutes: 2)
        #expect(try !isAnywhere("secret", rig).isEmpty)
        reach(rig, id, .gone)
        #expect(try isAnywhere("secret", rig).filter { !$0.hasPrefix("/data/log") } == [])
        #expect(try rig.rows().count == 30)
        #expect(rig.engine.deleteState(id)?.goneAt != nil)
        #expect(rig.engine.deletes(.default).map(\.id) == [id])
        #expect(rig.engine.deletes(Tenant("other")).isEmpty)
    }

    @Test func receiptsSurviveRestarts() throws {
        let rig = Rig()
        try rig.open()
        #expect(rig.write(rows("secret", 0..<5, at: rig.clock.now()))?.error == nil)
        let id = delete(rig, "secret")
        try rig.reopen()
        #expect(state(rig, id) == .hidden)
        #expect(try rig.rows().isEmpty)
        reach(rig, id, .rewritten, minutes: 3)
        try rig.reopen()
        #expect(state(rig, id) == .rewritten)
        reach(rig, id, .gone)
        try rig.reopen()
        let receipt = try #require(rig.engine.deleteState(id))
        #expect(receipt.state == .gone)
        #expect(receipt.matchers == [Matcher("key", equals: "secret")])
        // A month later nobody asks any more.
        rig.clock.advance(milliseconds: 31 * 24 * Self.hour)
        _ = rig.scheduler.run(steps: 200) { rig.engine.deleteState(id) == nil }
        #expect(rig.engine.deleteState(id) == nil)
        try rig.reopen()
        #expect(rig.engine.deleteState(id) == nil)
    }

    @Test func aPredicateThatTheSignalDoesNotKnowIsRefused() throws {
        let rig = Rig()
        try rig.open()
        let answer = Answer()
        rig.engine.delete(tenant: .default, matchers: [], range: .everything, predicate: "x") { answer.set($0) }
        guard case .invalid? = answer.value?.error else {
            Issue.record("\(String(describing: answer.value))")
            return
        }
    }

    @Test func recordsWithoutPredicateAreRead() throws {
        var old = ByteBuffer()
        old.append(littleEndian: Int64(5))
        old.append(littleEndian: Int64(9))
        MatcherCoding.append([Matcher("a", equals: "b")], to: &old)
        var reader = ByteReader(old.bytes)
        let tombstone = try Tombstone(tenant: .default, offset: 7, &reader)
        #expect(
            tombstone
                == Tombstone(
                    tenant: .default, matchers: [Matcher("a", equals: "b")], range: TimeRange(5, 9), offset: 7))
        var full = tombstone
        full.predicate = "p"
        full.id = "3-1"
        full.createdAt = 99
        try WriteRecord(delete: full).withBytes { bytes throws in
            var reader = ByteReader(bytes)
            _ = try RecordHeader(&reader)
            #expect(try Tombstone(tenant: .default, offset: 7, &reader) == full)
        }
    }

    @Test func catalogsOfVersion1AreReadAndBroughtUp() throws {
        let directory = try TemporaryDirectory()
        let path = Path.join(directory.path, "catalog.db")
        let shard = ShardKey(signal: "rows", index: 0)
        var matchers = ByteBuffer()
        MatcherCoding.append([Matcher("a", equals: "b")], to: &matchers)
        do {
            let database = try SQLiteDatabase(path: path)
            try database.run(Self.version1 + "PRAGMA user_version=1;")
            try database.run("INSERT INTO shards VALUES ('rows', 0, 1, 'x', 10)")
            try database.run("INSERT INTO removed VALUES ('rows/0/1-1', 'rows', 0, 77)")
            try database.statement("INSERT INTO tombstones VALUES ('rows', 0, 5, 'default', ?, 1, 2)")
                .bind(.blob(matchers.array())).run()
        }
        let wanted = Tombstone(
            tenant: .default, matchers: [Matcher("a", equals: "b")], range: TimeRange(1, 2), offset: 5)
        let old = try SQLiteCatalog(path: path, readOnly: true).state(shard)
        #expect(old?.tombstones == [wanted])
        #expect(old?.removed == [RemovedObject(name: "rows/0/1-1", deleteAfter: 77)])
        let catalog = try SQLiteCatalog(path: path)
        var state = try catalog.acquire(shard, holder: "test")
        #expect(state.tombstones == [wanted] && state.deletes.isEmpty)
        var edit = CatalogEdit(shard: shard, epoch: state.epoch)
        var added = wanted
        added.offset = 6
        added.id = "2-1"
        added.predicate = "1 |l:x"
        edit.tombstonesAdded = [added]
        edit.tombstonesDropped = [5]
        try catalog.commit(edit)
        state = try #require(try catalog.state(shard))
        #expect(state.tombstones == [added] && state.deletes == [DeleteRecord(tombstone: added)])
        edit = CatalogEdit(shard: shard, epoch: state.epoch)
        edit.tombstonesDropped = [6]
        edit.deletesGone = [6: 1234]
        try catalog.commit(edit)
        state = try #require(try catalog.state(shard))
        #expect(state.tombstones.isEmpty)
        #expect(state.deletes == [DeleteRecord(tombstone: added, isApplied: true, goneAt: 1234)])
        edit = CatalogEdit(shard: shard, epoch: state.epoch)
        edit.deletesForgotten = [6]
        try catalog.commit(edit)
        #expect(try catalog.state(shard)?.deletes.isEmpty == true)
    }

    /// The tables as version 1 made them.
    private static let version1 = """
        CREATE TABLE shards (
            signal TEXT NOT NULL, shard INTEGER NOT NULL,
            epoch INTEGER NOT NULL, holder TEXT NOT NULL, position INTEGER NOT NULL,
            PRIMARY KEY (signal, shard)) WITHOUT ROWID;
        CREATE TABLE lanes (
            signal TEXT NOT NULL, shard INTEGER NOT NULL, producer TEXT NOT NULL, lane INTEGER NOT NULL,
            sequence INTEGER NOT NULL, position INTEGER NOT NULL,
            PRIMARY KEY (signal, shard, producer, lane)) WITHOUT ROWID;
        CREATE TABLE segments (
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, tenant TEXT NOT NULL,
            tier INTEGER NOT NULL, window_start INTEGER, window_end INTEGER,
            time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
            series_count INTEGER NOT NULL, row_count INTEGER NOT NULL, byte_count INTEGER NOT NULL,
            format_version INTEGER NOT NULL, first_position INTEGER NOT NULL, last_position INTEGER NOT NULL,
            epoch INTEGER NOT NULL, tombstones_through INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE reservations (
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, epoch INTEGER NOT NULL
            ) WITHOUT ROWID;
        CREATE TABLE removed (
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, delete_after INTEGER NOT NULL
            ) WITHOUT ROWID;
        CREATE TABLE tombstones (
            signal TEXT NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL, tenant TEXT NOT NULL,
            matchers BLOB NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
            PRIMARY KEY (signal, shard, position)) WITHOUT ROWID;
        """
}

/// What spares and what forces the rewriting of runs that no merge takes up.
@Suite struct RewriteTests {
    private let hour: Int64 = 3_600_000

    @Test func standingTombstonesRewriteOldRunsOnce() throws {
        let rig = Rig {
            $0.standingTombstones = [
                StandingTombstone(matchers: [Matcher("key", equals: "debug")], ageMilliseconds: 10 * 3_600_000)
            ]
        }
        try rig.open()
        let now = rig.clock.now()
        #expect(rig.write([Row("debug", now, 1), Row("kept", now, 2)])?.error == nil)
        #expect(rig.flush()?.error == nil)
        func settle() {
            for _ in 0..<20 {
                _ = rig.scheduler.run(steps: 40) { false }
                rig.clock.advance(milliseconds: 10_000)
            }
        }
        rig.clock.advance(milliseconds: 5 * hour)
        settle()
        func stored() throws -> [String] {
            try rig.engine.snapshot().shards[0].segments.flatMap { try $0.segment.rows { _ in } }.map(\.key).sorted()
        }
        #expect(try stored() == ["debug", "kept"])
        rig.clock.advance(milliseconds: 6 * hour)
        settle()
        #expect(try stored() == ["kept"])
        let compactions = rig.engine.statistics.compactions
        settle()
        #expect(rig.engine.statistics.compactions <= compactions + 1)
    }
}
