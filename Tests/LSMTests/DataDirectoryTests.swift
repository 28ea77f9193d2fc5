import Bedrock
import LSMKit
import Model
import Testing

@testable import LSM

@Suite struct DataDirectoryTests {
    @Test func twoProcessesCannotShareIt() throws {
        let directory = try TemporaryDirectory()
        let first = try DataDirectory(directory.path, ballastBytes: 0)
        // flock belongs to the open file, so a second open file stands for a second process.
        #expect(throws: EngineError.inUse(directory: directory.path)) {
            try DataDirectory(directory.path, ballastBytes: 0)
        }
        withExtendedLifetime(first) {}
    }

    @Test func newerVersionsAndStrangersAreRefused() throws {
        let directory = try TemporaryDirectory()
        do { _ = try DataDirectory(directory.path, ballastBytes: 0) }
        let version = Path.join(directory.path, "VERSION")
        #expect(try PosixFileSystem().readAll(version) == Array("1\n".utf8))
        try PosixFileSystem().replace(version, with: Array("2\n".utf8))
        #expect(throws: EngineError.newerVersion(what: directory.path, found: 2, known: 1)) {
            try DataDirectory(directory.path, ballastBytes: 0)
        }
        try PosixFileSystem().replace(version, with: Array("rubbish".utf8))
        #expect(throws: EngineError.self) { try DataDirectory(directory.path, ballastBytes: 0) }
        let other = try TemporaryDirectory()
        try PosixFileSystem().replace(Path.join(other.path, "thesis.txt"), with: [1])
        #expect(throws: EngineError.self) { try DataDirectory(other.path, ballastBytes: 0) }
    }

    @Test func theRealThingOnThreadsAndItsVerification() throws {
        let directory = try TemporaryDirectory()
        var options = EngineOptions()
        options.retentionMilliseconds = 100 * 365 * 86_400_000
        options.logBytesMax = 64 << 10
        options.memtableBytesMax = 16 << 10
        let count = 400
        for round in 0..<3 {
            let data = try DataDirectory(directory.path, ballastBytes: 4096)
            let engine = try SignalEngine(
                format: RowFormat(), options: options,
                environment: data.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30)))
            let threads = ThreadRunner()
            for worker in engine.workers { threads.start(worker) }
            let answers = (0..<count).map { _ in Answer() }
            for i in 0..<count {
                let record = WriteRecord()
                record.withPayload {
                    RowCoding.append([Row("key-\(i % 5)", Int64(i), UInt64(round * count + i))], to: &$0)
                }
                engine.submit(record, shard: i % 2) { answers[i].set($0) }
            }
            engine.close()
            #expect(threads.waitUntilFinished(nanoseconds: 20_000_000_000))
            threads.stop()
            #expect(answers.allSatisfy { $0.count == 1 && $0.value?.error == nil })
            #expect(engine.statistics.recordsReplayed == 0 && engine.statistics.flushes > 0)
            let rows = try engine.snapshot().shards.flatMap { try $0.rows(.default) }
            #expect(Set(rows.map(\.value)).count == (round + 1) * count && rows.count == (round + 1) * count)
        }
        let found = try DataDirectory(directory.path, ballastBytes: 4096).verify(RowFormat())
        #expect(found.rows == 3 * count && found.damages == [] && found.segments > 0)
    }

    @Test func verificationFindsEveryKindOfDamage() throws {
        let rig = Rig { $0.logBytesMax = 2048 }
        try rig.open()
        rig.write((0..<40).map { Row("key", Int64($0), $0) })
        rig.flush()
        for i in 0..<43 as Range<UInt64> { rig.write([Row("key", Int64(i), i)]) }
        rig.drop()
        func verify() throws -> DirectoryVerification {
            try DataDirectory(
                "/data", fileSystem: rig.fileSystem, clock: rig.clock, ballastBytes: 0, catalog: rig.catalog
            )
            .verify(RowFormat())
        }
        let clean = try verify()
        #expect(clean.damages == [] && clean.segments == 1 && clean.checkpoints > 1 && clean.logRecords > 0)
        let object = try #require(try rig.catalog.state(ShardKey(signal: "rows", index: 0))?.segments.first?.name)
        rig.fileSystem.flip(bit: 100, of: "/data/objects/\(object)")
        let head = try #require(try rig.fileSystem.list("/data/head/rows-0").first { $0.hasSuffix(".head") })
        rig.fileSystem.flip(bit: 8 * 80, of: "/data/head/rows-0/\(head)")
        let log = try #require(try rig.fileSystem.list("/data/log/rows-0").first)
        rig.fileSystem.flip(bit: 8 * 40, of: "/data/log/rows-0/\(log)")
        let damaged = try verify().damages.map { Path.name(Path.parent(Path.parent($0.object))) }
        #expect(damaged.sorted() == ["head", "log", "rows"], "\(damaged)")
        try rig.open()
        #expect(Set(rig.engine.damage.reports.map(\.kind)).isSuperset(of: [.log]))
        #expect(rig.write([Row("still", 1, 1)])?.error == nil)
    }
}
