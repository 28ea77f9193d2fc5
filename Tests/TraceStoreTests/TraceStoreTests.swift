import Bedrock
import LSM
import Model
import Testing

@testable import TraceStore

/// Memtables and segments without an engine.
struct Bench {
    let format = TraceFormat()
    var table = SpanMemtable()
    var offset: UInt64 = 0

    mutating func apply(_ spans: [PlainSpan]) throws {
        let batch = SpanBatch(spans)
        var payload = ByteBuffer()
        SpanRecord.encode(batch, rows: batch.rows.indices.map { Int32($0) }, into: &payload)
        offset += 1
        try table.apply(payload.bytes, tenant: .default, offset: offset)
    }

    mutating func flush() throws -> [UInt8] {
        let writer = MemoryWriter()
        _ = try format.flush(table, tenant: .default, into: writer)
        table = SpanMemtable()
        return writer.bytes
    }

    func open(_ bytes: [UInt8]) throws -> TraceSegment { try format.open(MemoryObject(bytes)) }

    func merge(
        _ inputs: [TraceSegment], clip: TimeRange = .everything, tombstones: [Tombstone] = []
    ) throws -> [UInt8] {
        let writer = MemoryWriter()
        _ = try format.merge(
            inputs, clip: clip, tombstones: tombstones, tier: 1, into: writer,
            damage: { Issue.record("damage: \($0)") }, yield: {})
        return writer.bytes
    }
}

func expectServed(_ snapshot: SpanEngineSnapshot, _ model: SpanModel, _ comment: Comment) throws {
    for (id, wanted) in model.traces {
        let batch = SpanBatch()
        let isWhole = try snapshot.trace(
            id, range: .everything, into: batch, bytesMax: .max, cancellation: Cancellation())
        let found = PlainSpan.read(batch)
        #expect(isWhole)
        if found != wanted {
            Issue.record("\(comment): trace \(id): \(found.count) spans, wanted \(wanted.count)")
            for (a, b) in zip(found, wanted) where a != b {
                Issue.record("found \(a)\nwanted \(b)")
                return
            }
            return
        }
    }
    let missing = SpanBatch()
    _ = try snapshot.trace(
        TraceID(high: 1, low: 2), range: .everything, into: missing, bytesMax: .max, cancellation: Cancellation())
    #expect(missing.isEmpty)
}

@Suite struct RoundTripTests {
    @Test(arguments: [1, 2, 3]) func memtableSegmentsAndMerges(seed: UInt64) throws {
        var generator = SpanGenerator(seed: seed)
        var model = SpanModel()
        var bench = Bench()
        var segments: [TraceSegment] = []
        for round in 0..<4 {
            for _ in 0..<5 {
                let spans = generator.batch(traces: 25)
                model.apply(spans)
                try bench.apply(spans)
            }
            if round == 3 { break }
            let segment = try bench.open(try bench.flush())
            try segment.verify { Issue.record("damage: \($0)") }
            segments.append(segment)
        }
        let memtable = try #require(StoredRun(bench.table, tenant: .default))
        try expectServed(SpanEngineSnapshot(segments.map { StoredRun($0) } + [memtable]), model, "unmerged")
        let merged = try bench.open(try bench.merge(segments))
        try merged.verify { Issue.record("damage: \($0)") }
        let snapshot = SpanEngineSnapshot([StoredRun(merged), memtable])
        try expectServed(snapshot, model, "merged")
        let twice = try bench.open(try bench.merge([merged, try bench.open(try bench.flush())]))
        try expectServed(SpanEngineSnapshot([StoredRun(twice)]), model, "merged twice")
        #expect(twice.footer.rowCount == model.spans.count)
    }
}
