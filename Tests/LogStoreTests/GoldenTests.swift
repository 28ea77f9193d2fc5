import Bedrock
import Glibc
import LSM
import Model
import Testing

@testable import LogStore

/// Files written once by version 1 of the formats. They must be readable for good.
///
/// A format changes by a new version with files of its own. `OBS_GOLDEN_WRITE=1` writes the files that are missing.
@Suite struct GoldenTests {
    private static let folder = Path.join(Path.parent(#filePath), "Golden")

    private func golden(_ name: String, _ make: () throws -> [UInt8]) throws -> [UInt8] {
        let path = Path.join(Self.folder, name)
        let files = PosixFileSystem()
        if getenv("OBS_GOLDEN_WRITE") != nil, try files.status(path) == nil { try files.replace(path, with: make()) }
        return try files.readAll(path)
    }

    private static let model = LogModel(seed: 42, rows: 600, streams: 5)
    private static let everything = LogRequest(matchers: [], range: .everything)

    private static func record() -> [UInt8] {
        let batch = LogBatch()
        for row in model.rows.prefix(40) {
            batch.beginStream(row.labels)
            row.line.withUnsafeBytes { line in
                row.metadata.storage.withUnsafeBytes { batch.append(timestamp: row.time, line: line, metadata: $0) }
            }
        }
        var bytes = ByteBuffer()
        LogRecord.encode(batch, streams: Array(batch.streams.indices), into: &bytes)
        return bytes.array()
    }

    private static func read(_ run: StoredRun) throws -> [ModelRow] {
        try LogEngineSnapshot([run], report: { Issue.record("\($0)") }).select(everything).everything()
    }

    private static func firstRows() -> [ModelRow] {
        var first = LogModel()
        for row in model.rows.prefix(40) { first.add(row) }
        return first.answer(everything)
    }

    /// How lines are cut may change; that they come back may not.
    @Test func segment() throws {
        let bytes = try golden("segment-v1.bin") { try Self.model.segment(tier: 1) }
        let segment = try LogFormat().open(MemoryObject(bytes))
        #expect(try Self.read(StoredRun(segment)) == Self.model.answer(Self.everything))
        try segment.verify { Issue.record("\($0)") }
    }

    /// A segment whose lines have words, which came later.
    @Test func segmentWithWords() throws {
        var model = LogModel()
        let names = [
            "ada", "grace", "edsger", "barbara", "donald", "leslie", "tony", "niklaus", "john", "alan", "kurt",
        ]
        for i in 0..<600 {
            let name = names[i * 7 % 11] + names[i * 5 % 9]
            let line =
                "user \(name) opened /home/\(name)/\(names[i * 3 % 10]).txt as \(UInt64(i) &* 0x9E37_79B9_7F4A_7C15) of \(i)"
            model.add(ModelRow(labels: Labels(["app": "a"]), time: Int64(i), line: Array(line.utf8)))
        }
        let bytes = try golden("segment-v1-words.bin") { try model.segment(tier: 1) }
        let segment = try LogFormat().open(MemoryObject(bytes))
        let dictionary = try segment.lineDictionary()
        #expect((0..<dictionary.patternCount).contains { dictionary.hasWords(inPattern: $0) })
        #expect(try Self.read(StoredRun(segment)) == model.answer(Self.everything))
        try segment.verify { Issue.record("\($0)") }
    }

    @Test func record() throws {
        let bytes = try golden("record-v1.bin") { Self.record() }
        #expect(Self.record() == bytes)
        let table = LogMemtable()
        try bytes.withUnsafeBytes { try table.apply($0, tenant: .default, offset: 1) }
        let run = try #require(StoredRun(table, tenant: .default))
        #expect(try Self.read(run) == Self.firstRows())
    }

    @Test func checkpoint() throws {
        let make = {
            let table = LogMemtable()
            try Self.record().withUnsafeBytes { try table.apply($0, tenant: .default, offset: 9) }
            var block = ByteBuffer()
            table.checkpoint(into: &block)
            return block.array()
        }
        let bytes = try golden("checkpoint-v1.bin", make)
        #expect(try make() == bytes)
        var copy = ByteBuffer()
        bytes.withUnsafeBytes { copy.append($0) }
        let kept = BlockBytes(copy)
        let table = LogMemtable()
        try table.restore(kept.bytes, owner: kept)
        let run = try #require(StoredRun(table, tenant: .default))
        #expect(try Self.read(run) == Self.firstRows())
    }

    @Test func predicate() throws {
        let text = "1 +l:a%20b,r:x.%2A -l:%FF m:level:%3D~:a%7Cb"
        let predicate = try PredicateCoding.decode("1 +l:a%20b,r:x.%2A -l:%FF m:level:%3D%7E:a%7Cb")
        let metadata = [try Matcher("level", .regex, "a|b")]
        #expect(predicate.filters.count == 2 && predicate.metadata == metadata)
        #expect(throws: (any Error).self) { try PredicateCoding.decode(text + ":") }
    }
}
