import Bedrock
import Columns
import LSM
import Model
import Testing

@testable import LogStore

/// An object in memory, for tests.
final class MemoryObject: ObjectReader, @unchecked Sendable {
    let name = "logs/0/test"
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var size: Int { bytes.count }

    func bytes(_ range: Range<Int>) throws -> ObjectBytes {
        var copy = ByteBuffer(capacity: range.count + 1)
        bytes[range].withUnsafeBytes { copy.append($0) }
        let kept = BlockBytes(copy)
        return ObjectBytes(kept.bytes, owner: kept)
    }
}

final class MemoryWriter: ObjectWriter {
    private(set) var bytes: [UInt8] = []
    var count: Int { bytes.count }
    func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
    func finish() {}
}

extension LogModel {
    /// All rows as a segment.
    func segment(tier: Int = 0) throws -> [UInt8] {
        let out = MemoryWriter()
        let writer = try LogSegmentWriter(out, tier: tier)
        var last: Labels?
        for row in answer(LogRequest(matchers: [], range: .everything)) {
            if row.labels != last { row.labels.storage.withUnsafeBytes { writer.beginStream($0) } }
            last = row.labels
            try row.line.withUnsafeBytes { line in
                try row.metadata.storage.withUnsafeBytes { try writer.append(time: row.time, line: line, metadata: $0) }
            }
        }
        _ = try writer.finish()
        return out.bytes
    }

    init(seed: UInt64, rows: Int, streams: Int = 9) {
        self.init()
        var samples = LogSamples(seed: seed)
        _ = samples.batch(
            rows: rows, streams: streams, spanNanoseconds: 3_600_000_000_000, at: LogSamples.start, &self)
    }
}

/// Segments alone: what comes back, what is damaged and what is left then, merges.
@Suite struct SegmentTests {
    private static func open(_ bytes: [UInt8]) throws -> LogSegment { try LogFormat().open(MemoryObject(bytes)) }

    private static func read(
        _ segment: LogSegment, _ request: LogRequest = LogRequest(matchers: [], range: .everything),
        hides: [Tombstone] = [], isSound: Bool = true,
        _ report: @escaping @Sendable (SegmentDamage) -> Void = { Issue.record("\($0)") }
    ) throws -> [ModelRow] {
        let run = StoredRun(segment, hides: try hides.map { try LogHide($0) })
        return try LogEngineSnapshot([run], report: report).select(request).everything {
            // What is damaged counts in the directory all the same.
            if isSound { Issue.record("\($0)") }
        }
    }

    @Test(arguments: 1...5) func everythingComesBack(seed: UInt64) throws {
        let model = LogModel(seed: seed, rows: 1500)
        let segment = try Self.open(try model.segment())
        #expect(try Self.read(segment) == model.answer(LogRequest(matchers: [], range: .everything)))
        try segment.verify { Issue.record("\($0)") }
        #expect(segment.summary.rowCount == model.rows.count)
    }

    @Test func extremes() throws {
        var model = LogModel()
        let all = Labels(["a": "1"])
        for time: Int64 in [.min, -1, 0, 1, .max - 1] {
            model.add(ModelRow(labels: all, time: time, line: []))
            model.add(ModelRow(labels: .empty, time: time, line: [0, 0xFF, 10], metadata: Labels(["k": "\u{0}"])))
        }
        let long = [UInt8](repeating: 120, count: 1 << 20)
        for i in 0..<5 { model.add(ModelRow(labels: all, time: Int64(i), line: long + [UInt8(i)])) }
        let segment = try Self.open(try model.segment())
        #expect(try Self.read(segment) == model.answer(LogRequest(matchers: [], range: .everything)))
        #expect(segment.footer.blockCount > 1)
    }

    @Test(arguments: 1...8) func mergesKeepOrderAndDropWhatIsDeleted(seed: UInt64) throws {
        var samples = LogSamples(seed: seed)
        var parts: [LogModel] = []
        for _ in 0..<samples.int(1..<5) {
            parts.append(LogModel(seed: UInt64(samples.int(0..<1 << 30)), rows: samples.int(1..<700)))
        }
        let clip = LogTimeRange(
            LogSamples.start + Int64(samples.int(0..<1200)) * 1_000_000_000,
            LogSamples.start + Int64(samples.int(1200..<4000)) * 1_000_000_000)
        let delete = Tombstone(
            tenant: .default, matchers: [try Matcher("app", .regex, "app-[01]")],
            range: TimeRange(LogSamples.start / 1_000_000, LogSamples.start / 1_000_000 + 2_000_000),
            predicate: PredicateCoding.encode(
                filters: [LineFilter([.literal(Array("status=20".utf8))])],
                metadata: seed % 2 == 0 ? [] : [Matcher("detected_level", equals: "info")]),
            offset: .max)
        let inputs = try parts.map { try Self.open(try $0.segment()) }
        let out = MemoryWriter()
        let summary = try LogFormat().merge(
            inputs, clip: TimeRange(clip.start / 1_000_000, clip.end / 1_000_000 - 1), tombstones: [delete], tier: 1,
            into: out, damage: { Issue.record("\($0)") }, yield: {})
        var wanted = LogModel()
        for row in parts.flatMap(\.rows) where clip.contains(row.time) {
            let isGone =
                row.labels.match(delete.matchers) && delete.range.contains(NanosecondTime.milliseconds(row.time))
                && String(decoding: row.line, as: UTF8.self).contains("status=20")
                && (seed % 2 == 0 || row.metadata["detected_level"] == "info")
            if !isGone { wanted.add(row) }
        }
        guard let summary else {
            #expect(wanted.rows.isEmpty)
            return
        }
        let merged = try Self.open(out.bytes)
        #expect(merged.summary == summary)
        #expect(try Self.read(merged) == wanted.answer(LogRequest(matchers: [], range: .everything)))
        try merged.verify { Issue.record("\($0)") }
        // Deleting on read gives the same as deleting for good.
        for (input, part) in zip(inputs, parts) {
            let request = LogRequest(matchers: [], range: clip)
            let kept = wanted.rows
            let own = part.answer(request).filter { kept.contains($0) }
            #expect(try Self.read(input, request, hides: [delete]) == own)
        }
    }

    /// A flipped byte anywhere is reported with segment and block; what lies outside of that block comes back.
    @Test func anyFlippedByteIsReported() throws {
        let model = LogModel(seed: 7, rows: 400, streams: 4)
        let bytes = try model.segment()
        let all = model.answer(LogRequest(matchers: [], range: .everything))
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<150 {
            let at = Int.random(in: 0..<bytes.count, using: &generator)
            var bad = bytes
            bad[at] ^= UInt8.random(in: 1...255, using: &generator)
            let reports = Reports()
            let segment = try Self.open(bad)
            try segment.verify { reports.add($0) }
            #expect(!reports.all.isEmpty, "byte \(at) of \(bytes.count)")
            #expect(reports.all.allSatisfy { $0.object == "logs/0/test" && !$0.block.isEmpty && !$0.lost.isEmpty })
            // Never a wrong row: at most fewer, or without a field of metadata.
            let found = try Self.read(segment, isSound: false) { reports.add($0) }
            #expect(Self.isPart(found, of: all), "byte \(at)")
        }
    }

    private static func isPart(_ found: [ModelRow], of all: [ModelRow]) -> Bool {
        var rest = all[...]
        for row in found {
            guard
                let at = rest.firstIndex(where: {
                    $0.labels == row.labels && $0.time == row.time && $0.line == row.line
                })
            else { return false }
            rest = rest[(at + 1)...]
        }
        return true
    }

    final class Reports: @unchecked Sendable {
        private(set) var all: [SegmentDamage] = []
        func add(_ damage: SegmentDamage) { all.append(damage) }
    }

    /// Whatever the bytes are: an error or rows, no crash. Checksums are made right, so that decoders see the garbage.
    @Test func decodersSurviveGarbage() throws {
        var generator = SeededGenerator(seed: 11)
        let model = LogModel(seed: 3, rows: 60, streams: 3)
        let segment = try Self.open(try model.segment())
        let index = try segment.readIndex()
        var entries = ByteBuffer()
        for block in index.blocks { block.encode(into: &entries) }
        var footer = ByteBuffer()
        segment.footer.encode(into: &footer)
        let batch = LogBatch()
        batch.beginStream(LogSamples.labels(1))
        for row in model.rows { row.line.withUnsafeBytes { batch.append(timestamp: row.time, line: $0) } }
        var record = ByteBuffer()
        LogRecord.encode(batch, streams: [0], into: &record)
        var checkpoint = ByteBuffer()
        PayloadCheckpoint.write([(.default, 7, record.bytes)], into: &checkpoint)
        for _ in 0..<800 {
            var bad = [footer.array(), entries.array(), record.array(), checkpoint.array()]
            for at in bad.indices {
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bad[at][Int.random(in: 0..<bad[at].count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) {
                    bad[at].removeLast(Int.random(in: 0..<bad[at].count, using: &generator))
                }
            }
            _ = try? bad[0].withUnsafeBytes { try LogFooter($0, end: 1 << 20) }
            _ = try? bad[1].withUnsafeBytes {
                var reader = ByteReader($0)
                return try BlockEntry(&reader, streamCount: 3, fieldCount: 2, end: 1 << 20)
            }
            let table = LogMemtable()
            try? bad[2].withUnsafeBytes { try table.apply($0, tenant: .default, offset: 1) }
            let copy = bad[3].withUnsafeBytes { bytes in
                var buffer = ByteBuffer()
                buffer.append(bytes)
                return BlockBytes(buffer)
            }
            try? table.restore(copy.bytes, owner: copy)
            let run = StoredRun(table, tenant: .default) ?? StoredRun(segment)
            _ = try LogEngineSnapshot([run]).select(LogRequest(matchers: [], range: .everything)).everything()
        }
    }
}
