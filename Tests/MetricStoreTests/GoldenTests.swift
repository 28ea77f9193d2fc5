import Bedrock
import Glibc
import LSM
import Model
import Testing

@testable import MetricStore

/// Files written once by each version of the formats. They must be readable for good, and what a version can say must go on being written
/// as the same bytes.
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

    private static let series: [SeriesInput] = {
        let times = (0..<50).map { 1_700_000_000_000 + Int64($0) * 15_000 }
        let late = times.map { $0 + Int64($0 / 15_000 % 3) }
        func one(_ pairs: KeyValuePairs<String, String>, _ times: [Int64], _ value: (Int) -> Double) -> SeriesInput {
            SeriesInput(labels: Labels(pairs), timestamps: times, values: times.indices.map(value))
        }
        var histogram = SeriesInput(labels: Labels(["__name__": "latency", "job": "api"]))
        histogram.histograms = (0..<4).map {
            .init(timestamp: times[$0], histogram: MetricRecordTests.sampleHistogram(Double($0 + 1)))
        }
        return [
            one(["__name__": "up", "instance": "a:1", "job": "node"], times) { _ in 1 },
            one(["__name__": "up", "instance": "b:1", "job": "node"], late) { $0 == 40 ? StaleMarker.value : 1 },
            one(["__name__": "bytes_total", "instance": "a:1", "job": "node"], times) {
                Double($0 * 4096 + ($0 % 3) * 512)
            },
            one(["__name__": "seconds_total", "instance": "a:1", "Zone": "eu"], times) { Double($0 * 125) / 100 },
            one(["__name__": "noise", "instance": "b:1", "job": "node"], late) { 1 / Double($0 + 3) },
            one(["__name__": "mixed", "job": "api"], times) { $0 % 20 == 7 ? -0.0 : Double($0) / 10 },
            histogram,
        ]
    }()

    @Test func segmentOfFloats() throws {
        let floats = Self.series.filter(\.histograms.isEmpty)
        let make = { try MetricSegment.write(floats, metadata: SegmentTests.families) }
        let bytes = try golden("segment-v1-floats.bin", make)
        #expect(try MetricFormat().open(MemoryObject(bytes)).contents() == SegmentContents(floats))
        #expect(try make() == bytes)
    }

    @Test func segment() throws {
        let bytes = try golden("segment-v1.bin") {
            try MetricSegment.write(Self.series, metadata: SegmentTests.families)
        }
        let segment = try MetricFormat().open(MemoryObject(bytes))
        #expect(try segment.contents() == SegmentContents(Self.series))
        #expect(try segment.metadata().map(\.family) == ["a", "b"])
        try segment.verify { Issue.record("\($0)") }
        #expect(segment.summary.formatVersion == 1)
    }

    @Test func segmentOfHistograms() throws {
        var generator = SeededGenerator(seed: 3)
        var changing = SeriesInput(labels: Labels(["__name__": "latency", "job": "db"]))
        for i in 0..<40 {
            var histogram = MetricRecordTests.sampleHistogram(Double(i))
            if i % 9 > 4 { histogram.positiveSpans[1].offset = Int32(i % 3) }
            if i == 30 { histogram = .random(&generator) }
            changing.histograms.append(.init(timestamp: 1_700_000_000_000 + Int64(i) * 15_000, histogram: histogram))
        }
        let series = Self.series + [changing]
        let make = { try MetricSegment.write(series) }
        let bytes = try golden("segment-v2-histograms.bin", make)
        let segment = try MetricFormat().open(MemoryObject(bytes))
        #expect(try segment.contents() == SegmentContents(series))
        #expect(segment.summary.formatVersion == 2)
        try segment.verify { Issue.record("\($0)") }
        #expect(try make() == bytes)
    }

    /// Compressed blocks are only read: another zstd may write others.
    @Test func compressedSegment() throws {
        let many =
            Self.series
            + (0..<40).map { i in
                var copy = Self.series[2]
                copy.labels = Labels(["__name__": "bytes_total", "instance": "c:1", "device": "/dev/disk\(i)"])
                return copy
            }
        let bytes = try golden("segment-v1-tier1.bin") {
            try MetricSegment.write(many, tier: 1, metadata: SegmentTests.families)
        }
        let segment = try MetricFormat().open(MemoryObject(bytes))
        #expect(segment.directory.blocks.contains { $0.rawBytes > 0 })
        #expect(try segment.contents() == SegmentContents(many))
        try segment.verify { Issue.record("\($0)") }
    }

    @Test func recordAndCheckpoint() throws {
        let make = {
            var record = ByteBuffer()
            MetricRecord.encode(MetricRecordTests.batch(), into: &record)
            return record.array()
        }
        let record = try golden("record-v1.bin", make)
        #expect(record == make())
        let table = MetricMemtable()
        try MemtableTests.apply(record, 1, to: table)
        for tick in 0..<150 {
            try MemtableTests.apply(
                MemtableTests.record([(1, Int64(tick) * 1000, Double(tick))]), UInt64(tick + 2), to: table)
        }
        var block = ByteBuffer()
        table.checkpoint(into: &block)
        let checkpoint = try golden("checkpoint-v1.bin") { block.array() }
        #expect(checkpoint == block.array())
        #expect(try MemtableTests.restored([checkpoint]).pin().contents() == table.pin().contents())
    }

    private static let exemplars = [
        Exemplar(labels: .empty, value: 1, timestamp: 1_700_000_000_000),
        Exemplar(
            labels: Labels(["trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "user": "zoë"]), value: 0.25,
            timestamp: 1_700_000_007_123),
    ]

    @Test func exemplars() throws {
        let make = {
            let out = MemoryWriter()
            let writer = try MetricSegmentWriter(out, tier: 0)
            let rows = RowBuffer()
            rows.append(1_700_000_000_000, 1)
            for (labels, rows) in [
                (Labels(["__name__": "a"]), rows), (Labels(["__name__": "b"]), RowBuffer()),
            ] {
                try labels.storage.withUnsafeBytes {
                    try writer.add($0, rows: rows, histograms: [], exemplars: Self.exemplars)
                }
            }
            _ = try writer.finish(metadata: [])
            return out.bytes
        }
        let bytes = try golden("segment-v2.bin", make)
        #expect(try make() == bytes)
        let segment = try MetricFormat().open(MemoryObject(bytes))
        try segment.verify { Issue.record("\($0)") }
        let all = ["a", "b"].map {
            SeriesExemplars(series: Labels(["__name__": $0]), exemplars: Self.exemplars)
        }
        let request = ExemplarRequest(sets: [[]], range: .everything)
        #expect(try MetricSnapshot([MetricRun(segment)]).exemplars(request) == all)

        let batch = MetricBatch()
        for one in all {
            batch.beginSeries(one.series)
            batch.append(timestamp: 1_700_000_000_000, value: 1)
            for exemplar in one.exemplars { batch.append(exemplar) }
        }
        var record = ByteBuffer()
        MetricRecord.encode(batch, into: &record)
        let goldenRecord = try golden("record-v2.bin") { record.array() }
        #expect(goldenRecord == record.array())
        let table = MetricMemtable()
        try MemtableTests.apply(goldenRecord, 1, to: table)
        var block = ByteBuffer()
        table.checkpoint(into: &block)
        let checkpoint = try golden("checkpoint-v2.bin") { block.array() }
        #expect(checkpoint == block.array())
        let restored = try MemtableTests.restored([checkpoint]).pin()
        #expect(
            try MetricSnapshot([MetricRun(restored, tenant: .default)].compactMap { $0 }).exemplars(request) == all)
    }
}
