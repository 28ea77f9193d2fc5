import Bedrock
import Glibc
import Model
import Testing

@testable import LSM

private let shard = ShardKey(signal: "rows", index: 0)

private func record(_ name: String, epoch: UInt64 = 1, _ offsets: ClosedRange<UInt64> = 1...10) -> SegmentRecord {
    SegmentRecord(
        name: name, tenant: Tenant("t"), tier: 1, window: TimeRange(-5, 5),
        summary: SegmentSummary(
            timeRange: TimeRange(-1, 1), seriesCount: 2, rowCount: 3, byteCount: 4, formatVersion: 5),
        firstOffset: offsets.lowerBound, lastOffset: offsets.upperBound, epoch: epoch, tombstonesThrough: 7)
}

/// A fresh directory of the operating system, removed in the end.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = "/tmp/obs-lsm-\(UInt64.random(in: 0 ... .max))"
        try PosixFileSystem().createDirectory(path)
    }

    deinit { remove(path) }

    private func remove(_ path: String) {
        let fs = PosixFileSystem()
        if (try? fs.status(path))??.isDirectory ?? false {
            for name in (try? fs.list(path)) ?? [] { remove(Path.join(path, name)) }
        }
        try? fs.remove(path)
    }
}

@Suite struct CatalogTests {
    /// Both catalogs answer alike.
    private func both(_ body: (any Catalog, _ reopen: () throws -> any Catalog) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        let path = Path.join(directory.path, "catalog.db")
        try body(try SQLiteCatalog(path: path)) { try SQLiteCatalog(path: path) }
        let memory = MemoryCatalog()
        try body(memory) { memory }
    }

    @Test func everythingComesBack() throws {
        try both { catalog, reopen in
            #expect(try catalog.state(shard) == nil)
            #expect(try catalog.acquire(shard, holder: "me").epoch == 1)
            try catalog.reserve("a", shard: shard, epoch: 1)
            try catalog.reserve("b", shard: shard, epoch: 1)
            var edit = CatalogEdit(shard: shard, epoch: 1)
            let lane = Lane(producer: "agent", number: .max)
            edit.advance = .init(from: 0, to: 10, lanes: [lane: LaneState(sequence: .max, offset: 9)])
            edit.added = [record("a")]
            edit.tombstonesAdded = [
                Tombstone(
                    tenant: Tenant("t"), matchers: [try Matcher("x", .notRegex, "a|b"), Matcher("y", equals: "")],
                    range: .everything, offset: 4)
            ]
            try catalog.commit(edit)
            let state = try reopen().state(shard)
            #expect(state?.offset == 10 && state?.epoch == 1)
            #expect(state?.lanes == [lane: LaneState(sequence: .max, offset: 9)])
            #expect(state?.segments == [record("a")])
            #expect(state?.reservations == ["b": 1])
            #expect(state?.tombstones == edit.tombstonesAdded)
            #expect(try reopen().shards() == [shard])
        }
    }

    @Test func segmentsGoThroughTheirLife() throws {
        try both { catalog, _ in
            _ = try catalog.acquire(shard, holder: "me")
            for name in ["a", "b", "c"] { try catalog.reserve(name, shard: shard, epoch: 1) }
            var add = CatalogEdit(shard: shard, epoch: 1)
            add.added = [record("a"), record("b")]
            try catalog.commit(add)
            var swap = CatalogEdit(shard: shard, epoch: 1)
            swap.added = [record("c")]
            swap.removed = [RemovedObject(name: "a", deleteAfter: 99), RemovedObject(name: "b", deleteAfter: 99)]
            try catalog.commit(swap)
            #expect(try catalog.state(shard)?.segments.map(\.name) == ["c"])
            #expect(try catalog.state(shard)?.removed == swap.removed)
            #expect(throws: CatalogError.self) { try catalog.commit(swap) }
            #expect(throws: CatalogError.self) { try catalog.reserve("a", shard: shard, epoch: 1) }
            var forget = CatalogEdit(shard: shard, epoch: 1)
            forget.forgotten = ["a", "b"]
            try catalog.commit(forget)
            #expect(try catalog.state(shard)?.removed == [])
        }
    }

    @Test func conflictsChangeNothing() throws {
        try both { catalog, _ in
            _ = try catalog.acquire(shard, holder: "me")
            try catalog.reserve("a", shard: shard, epoch: 1)
            let before = try catalog.state(shard)
            var edit = CatalogEdit(shard: shard, epoch: 1)
            edit.added = [record("a"), record("never reserved")]
            #expect(throws: CatalogError.self) { try catalog.commit(edit) }
            edit.added = [record("a")]
            edit.advance = .init(from: 5, to: 10)
            #expect(throws: CatalogError.self) { try catalog.commit(edit) }
            edit.advance = nil
            edit.removed = [RemovedObject(name: "not live", deleteAfter: 0)]
            #expect(throws: CatalogError.self) { try catalog.commit(edit) }
            #expect(try catalog.state(shard) == before)
            #expect(throws: CatalogError.self) { try catalog.reserve("a", shard: shard, epoch: 1) }
        }
    }

    @Test func aNewLeaseFencesTheOldOne() throws {
        try both { catalog, _ in
            _ = try catalog.acquire(shard, holder: "one")
            try catalog.reserve("a", shard: shard, epoch: 1)
            #expect(try catalog.acquire(shard, holder: "two").epoch == 2)
            var edit = CatalogEdit(shard: shard, epoch: 1)
            edit.added = [record("a")]
            #expect { try catalog.commit(edit) } throws: { error in
                if case .fenced? = error as? CatalogError { true } else { false }
            }
            #expect(throws: CatalogError.self) { try catalog.reserve("b", shard: shard, epoch: 1) }
            // Nor may the new one commit what the old one reserved.
            edit.epoch = 2
            #expect(throws: CatalogError.self) { try catalog.commit(edit) }
        }
    }

    @Test func aNewerSchemaIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = Path.join(directory.path, "catalog.db")
        do { try SQLiteDatabase(path: path).run("PRAGMA user_version=99") }
        #expect(throws: CatalogError.newerVersion(found: 99, known: 2)) { try SQLiteCatalog(path: path) }
        try PosixFileSystem().replace(Path.join(directory.path, "garbage.db"), with: Array("no database at all".utf8))
        #expect(throws: CatalogError.self) { try SQLiteCatalog(path: Path.join(directory.path, "garbage.db")) }
    }
}
