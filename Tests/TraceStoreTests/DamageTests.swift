import Bedrock
import LSM
import Model
import Testing

@testable import TraceStore

@Suite struct DamageTests {
    private static func segment(traces: Int, seed: UInt64) throws -> (bytes: [UInt8], model: SpanModel) {
        var generator = SpanGenerator(seed: seed)
        var model = SpanModel()
        var bench = Bench()
        let spans = generator.batch(traces: traces)
        model.apply(spans)
        try bench.apply(spans)
        return (try bench.flush(), model)
    }

    /// Everything that a reader can ask of a segment; errors are damage, or nothing is wrong.
    private static func readAll(_ segment: TraceSegment, _ ids: some Sequence<TraceID>) throws {
        let snapshot = SpanEngineSnapshot([StoredRun(segment)])
        for id in ids {
            _ = try snapshot.trace(
                id, range: .everything, into: SpanBatch(), bytesMax: .max, cancellation: Cancellation())
        }
        for filter in try SelectionTests.filters() {
            let selection = try snapshot.select(
                SpanRequest(
                    filters: [filter], range: .everything, grouping: .wholeTraces,
                    fields: [.intrinsic(.nestedSetLeft), .attribute(.any, "mixed"), .intrinsic(.rootName)]))
            for part in 0..<selection.partCount {
                let block = try selection.open(part)
                for trace in block.traceStarts.indices.dropLast() { _ = try block.summary(trace) }
                _ = try block.column(.intrinsic(.nestedSetLeft))
                _ = try block.parents()
            }
        }
    }

    @Test func everyFlippedByteIsReported() throws {
        let (bytes, _) = try Self.segment(traces: 12, seed: 5)
        var random = SeededGenerator(seed: 1)
        // All of a small segment, in a random sample so that the test stays short.
        for _ in 0..<250 {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            var broken = bytes
            broken[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            var damages: [SegmentDamage] = []
            do { try Bench().open(broken).verify { damages.append($0) } } catch let error as SegmentDamage {
                damages.append(error)
            }
            #expect(!damages.isEmpty, "byte \(at) of \(bytes.count)")
        }
    }

    @Test func aDamagedByteCostsItsBlockOnly() throws {
        let (bytes, model) = try Self.segment(traces: 12, seed: 6)
        let whole = try Bench().open(bytes)
        let index = try whole.index()
        for section in whole.footer.directory.sections {
            var broken = bytes
            broken[section.offset + section.length / 2] ^= 4
            let segment = try Bench().open(broken)
            try expectServed(SpanEngineSnapshot([StoredRun(segment)]), model, "section \(section.kind)")
        }
        let chunk = try #require(index.blocks[0].chunk(BlockColumn.durations))
        var broken = bytes
        broken[chunk.offset] ^= 1
        let reported = DamageCount()
        let snapshot = SpanEngineSnapshot([StoredRun(try Bench().open(broken))]) { _ in reported.add() }
        let selection = try snapshot.select(
            SpanRequest(filters: [.everything], range: .everything, grouping: .wholeTraces))
        #expect(try selection.open(0).rowCount == 0)
        let byID = SpanBatch()
        _ = try snapshot.trace(
            try #require(model.traces.keys.first), range: .everything, into: byID, bytesMax: .max,
            cancellation: Cancellation())
        #expect(byID.isEmpty)
        #expect(reported.count > 0)
    }

    @Test func noiseBehindSoundChecksumsNeverTraps() throws {
        // Chunks are overwritten and their checksums made right, so that decoders see the noise.
        let (bytes, model) = try Self.segment(traces: 12, seed: 7)
        let segment = try Bench().open(bytes)
        let index = try segment.index()
        var random = SeededGenerator(seed: 2)
        for _ in 0..<150 {
            let number = Int.random(in: 0..<index.blocks.count, using: &random)
            var entry = index.blocks[number]
            let which = Int.random(in: 0..<entry.chunks.count, using: &random)
            let chunk = entry.chunks[which]
            guard chunk.byteCount > 0 else { continue }
            var broken = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                broken[chunk.offset + Int.random(in: 0..<chunk.byteCount, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let sum = broken[chunk.offset..<chunk.offset + chunk.byteCount].withUnsafeBytes { CRC32C.of($0) }
            entry.chunks[which].checksum = sum
            var blocks = index.blocks
            blocks[number] = entry
            let changed = TraceIndex(
                names: index.names, resources: index.resources, scopes: index.scopes, columns: index.columns,
                keys: index.keys, isKeysCut: index.isKeysCut, blocks: blocks, idPages: index.idPages)
            let opened = try Bench().open(broken)
            for number in blocks.indices {
                let block = StoredBlock(opened, changed, number)
                do {
                    try block.forEachSpan(0..<block.rowCount) { _, _ in }
                    for field in [
                        SpanField.attribute(.any, "mixed"), .intrinsic(.eventName), .attribute(.span, "user"),
                    ] {
                        _ = try block.column(field)
                    }
                } catch is SegmentDamage {}
            }
        }
        try Self.readAll(segment, model.traces.keys)
    }

    @Test func noiseInRecordsAndSectionsNeverTraps() throws {
        var generator = SpanGenerator(seed: 8)
        let batch = SpanBatch(generator.batch(traces: 5))
        var payload = ByteBuffer()
        SpanRecord.encode(batch, rows: batch.rows.indices.map { Int32($0) }, into: &payload)
        let sound = payload.array()
        var random = SeededGenerator(seed: 3)
        for round in 0..<600 {
            var broken = sound
            if round % 3 == 0 {
                broken.removeLast(Int.random(in: 1..<broken.count, using: &random))
            } else {
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    broken[Int.random(in: 0..<broken.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
            }
            let table = SpanMemtable()
            try broken.withUnsafeBytes { bytes in
                do { try table.apply(bytes, tenant: .default, offset: 1) } catch is DecodeError {
                    #expect(table.rowCount == 0)
                    return
                }
                let writer = MemoryWriter()
                _ = try TraceFormat().flush(table, tenant: .default, into: writer)
            }
        }
        let (bytes, _) = try Self.segment(traces: 3, seed: 9)
        for _ in 0..<300 {
            var broken = bytes
            for _ in 0..<8 {
                broken[Int.random(in: 0..<broken.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do { try Bench().open(broken).verify { _ in } } catch is SegmentDamage {}
        }
    }
}

private final class DamageCount: @unchecked Sendable {
    private(set) var count = 0
    func add() { count += 1 }
}
