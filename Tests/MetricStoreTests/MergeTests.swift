import Bedrock
import LSM
import Model
import Testing

@testable import MetricStore

@Suite struct MergeTests {
    private let format = MetricFormat()

    private func merged(
        _ inputs: [MetricSegment], clip: TimeRange = .everything, tombstones: [Tombstone] = [], tier: Int = 1,
        damage: (SegmentDamage) -> Void = { Issue.record("\($0)") }, yield: () throws -> Void = {}
    ) throws -> MetricSegment? {
        let out = MemoryWriter()
        let summary = try format.merge(
            inputs, clip: clip, tombstones: tombstones, tier: tier, into: out, damage: damage, yield: yield)
        guard let summary else { return nil }
        let segment = try format.open(MemoryObject(out.bytes))
        #expect(segment.summary == summary)
        return segment
    }

    /// Overlapping runs with the same and different series.
    private func runs(_ generator: inout SeededGenerator) -> [[SeriesInput]] {
        (0..<4).map { run in
            (0..<40).compactMap { i in
                guard generator.next() % 3 != 0 else { return nil }
                var one = SeriesInput(labels: MemtableTests.labels(i))
                let times = Set((0..<60).map { _ in Int64(run) * 20_000 + Int64(generator.next() % 80) * 1000 })
                    .sorted()
                for time in times {
                    if i % 10 == 9 && generator.next() % 2 == 0 {
                        let histogram = MetricRecordTests.sampleHistogram(Double(generator.next() % 9))
                        one.histograms.append(.init(timestamp: time, histogram: histogram))
                    } else {
                        one.timestamps.append(time)
                        one.values.append(Double(generator.next() % 1000))
                    }
                }
                return one
            }
        }
    }

    private func expected(_ runs: [[SeriesInput]], keep: (Labels, Int64) -> Bool = { _, _ in true }) -> SegmentContents
    {
        var contents = SegmentContents()
        for one in runs.joined() {
            for (time, value) in zip(one.timestamps, one.values) where keep(one.labels, time) {
                contents.floats.add(one.labels, time, value)
                contents.histograms[one.labels]?[time] = nil
            }
            for row in one.histograms where keep(one.labels, row.timestamp) {
                contents.histograms[one.labels, default: [:]][row.timestamp] = row.histogram
                contents.floats.rows[one.labels]?[row.timestamp] = nil
            }
        }
        contents.histograms = contents.histograms.filter { !$0.value.isEmpty }
        contents.floats.rows = contents.floats.rows.filter { !$0.value.isEmpty }
        return contents
    }

    @Test func theLastRunWins() throws {
        for seed in 41..<45 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let runs = runs(&generator)
            let segments = try runs.map { try MetricSegment.make($0) }
            let all = try #require(try merged(segments))
            #expect(try all.contents() == expected(runs))
            // In two steps it is the same.
            let left = try #require(try merged(Array(segments[..<2]), tier: 0))
            let right = try #require(try merged(Array(segments[2...]), tier: 1))
            #expect(try merged([left, right], tier: 2)?.contents() == all.contents())
            try all.verify { Issue.record("\($0)") }
        }
    }

    @Test func clipAndTombstonesTakeRowsOut() throws {
        var generator = SeededGenerator(seed: 45)
        let runs = runs(&generator)
        let segments = try runs.map { try MetricSegment.make($0) }
        let tombstone = Tombstone(
            tenant: .default, matchers: [Matcher("half", equals: "odd")], range: TimeRange(30_000, 60_000), offset: 9)
        let clip = TimeRange(10_000, 90_000)
        let merged = try #require(try merged(segments, clip: clip, tombstones: [tombstone]))
        #expect(
            try merged.contents()
                == expected(runs) { labels, time in
                    clip.contains(time) && !(labels["half"] == "odd" && tombstone.range.contains(time))
                })
        #expect(try self.merged(segments, clip: TimeRange(1, 2)) == nil)
        let all = Tombstone(tenant: .default, matchers: [], range: .everything, offset: 9)
        #expect(try self.merged(segments, tombstones: [all]) == nil)
    }

    @Test func damageIsLeftOutAndReportedOnce() throws {
        var generator = SeededGenerator(seed: 46)
        let series = SeriesSamples.series(900, rows: 60, &generator)
        let bytes = try MetricSegment.write(series)
        let intact = try format.open(MemoryObject(bytes))
        for kind in [SegmentLayout.Kind.chunkPage, .series, .symbols, .chunkDirectory, .timestamps, .postings] {
            var damaged = bytes
            damaged[intact.directory.blocks[intact.directory.position(kind, 0)].offset] ^= 0x10
            var reports: [SegmentDamage] = []
            let result = try merged([format.open(MemoryObject(damaged))], damage: { reports.append($0) })
            let contents = try result?.contents() ?? SegmentContents()
            #expect(contents.isPart(of: SegmentContents(series)))
            if kind == .postings {
                #expect(reports.isEmpty && contents == SegmentContents(series))
            } else {
                #expect(reports.count == 1 && reports[0].block == "\(kind.name) 0", "\(kind)")
            }
        }
    }

    @Test func itYieldsAndStopsWhenToldTo() throws {
        struct Stop: Error {}
        var generator = SeededGenerator(seed: 47)
        let segment = try MetricSegment.make(SeriesSamples.series(300, rows: 700, &generator))
        var yields = 0
        #expect(try merged([segment], yield: { yields += 1 }) != nil)
        #expect(yields >= 3)
        #expect(throws: Stop.self) { try merged([segment], yield: { throw Stop() }) }
    }

    @Test func metadataOfTheNewestRunWins() throws {
        var generator = SeededGenerator(seed: 48)
        let series = SeriesSamples.series(3, rows: 3, &generator)
        let old = try MetricSegment.make(
            series, metadata: [MetricMetadata(family: "a", kind: .gauge), MetricMetadata(family: "b", kind: .info)])
        let new = try MetricSegment.make(series, metadata: [MetricMetadata(family: "a", kind: .counter)])
        let merged = try #require(try merged([old, new]))
        #expect(try merged.metadata().map(\.kind) == [.counter, .info])
    }

    @Test func aFlushHoldsWhatTheMemtableHeld() throws {
        var generator = SeededGenerator(seed: 49)
        var oracle = SeriesOracle()
        let table = MetricMemtable()
        for tick in 0..<500 {
            try MemtableTests.apply(
                MemtableTests.randomRecord(tick, series: 9, &generator, &oracle), UInt64(tick + 1), to: table)
        }
        let batch = MetricRecordTests.batch()
        var record = ByteBuffer()
        MetricRecord.encode(batch, into: &record)
        try table.apply(record.bytes, tenant: Tenant("other"), offset: 600)
        for tenant in [Tenant.default, Tenant("other"), Tenant("nobody")] {
            let out = MemoryWriter()
            let summary = try format.flush(table, tenant: tenant, into: out)
            guard tenant != Tenant("nobody") else {
                #expect(summary == nil)
                continue
            }
            let segment = try format.open(MemoryObject(out.bytes))
            #expect(segment.summary == summary)
            if tenant == .default {
                #expect(try segment.contents().floats == oracle)
            } else {
                #expect(segment.seriesCount == batch.seriesCount - 1)
                #expect(
                    try segment.contents().histograms.values.first?.values.first == MetricRecordTests.sampleHistogram(1)
                )
                #expect(try segment.metadata() == batch.metadata)
            }
        }
    }
}
