import Bedrock
import LSM
import Model
import Testing

@testable import MetricStore

@Suite struct SegmentTests {
    static let families = [
        MetricMetadata(family: "b", kind: .gauge, help: "Second."),
        MetricMetadata(family: "a", kind: .counter, unit: "bytes"),
    ]

    @Test(arguments: [0, 1]) func everythingComesBack(tier: Int) throws {
        var generator = SeededGenerator(seed: 21)
        let series = SeriesSamples.series(1200, rows: 40, &generator, histograms: 3)
        let segment = try MetricSegment.make(series, tier: tier, metadata: Self.families)
        #expect(try segment.contents() == SegmentContents(series))
        #expect(try segment.metadata().map(\.family) == ["a", "b"])
        #expect(segment.summary.seriesCount == 1203)
        #expect(segment.summary.rowCount == 1200 * 40 + 900)
        #expect(segment.summary.byteCount == segment.object.size)
        let times = series.flatMap { $0.timestamps + $0.histograms.map(\.timestamp) }
        #expect(segment.summary.timeRange == TimeRange(times.min() ?? 0, times.max() ?? 0))
        let order = try (0..<segment.seriesCount).map { try segment.labels($0) }
        #expect(order == order.sorted())
        try segment.verify { Issue.record("\($0)") }
    }

    @Test func rangesAreCutOut() throws {
        var generator = SeededGenerator(seed: 22)
        let series = SeriesSamples.series(60, rows: 900, &generator, histograms: 1)
        let segment = try MetricSegment.make(series)
        let all = series.flatMap(\.timestamps).sorted()
        for _ in 0..<12 {
            let a = all[Int(generator.next() % UInt64(all.count))] - Int64(generator.next() % 2)
            let b = all[Int(generator.next() % UInt64(all.count))] + Int64(generator.next() % 2)
            let range = TimeRange(min(a, b), max(a, b))
            #expect(try segment.contents(in: range) == SegmentContents(series, in: range))
        }
        #expect(try segment.contents(in: TimeRange(5, 4)) == SegmentContents())
    }

    @Test func sharedTimestampsAreStoredOnce() throws {
        let times = (0..<480).map { 1_700_000_000_000 + Int64($0) * 15_000 }
        let series = (0..<300).map {
            SeriesInput(
                labels: Labels(["__name__": "up", "i": "\($0)"]), timestamps: times,
                values: times.map { Double($0 % 97) })
        }
        let segment = try MetricSegment.make(series)
        #expect(segment.directory.itemCount(.timestamps) <= 3)
        // A series that started later shares the columns of the whole cells after its start.
        let late = SeriesInput(
            labels: Labels(["__name__": "late"]), timestamps: Array(times[50...]),
            values: times[50...].map { Double($0) })
        let both = try MetricSegment.make(series + [late])
        #expect(both.directory.itemCount(.timestamps) <= segment.directory.itemCount(.timestamps) + 1)
    }

    @Test func summariesTellTheTruth() throws {
        var generator = SeededGenerator(seed: 23)
        let series = SeriesSamples.series(200, rows: 300, &generator)
        let segment = try MetricSegment.make(series)
        let byLabels = Dictionary(uniqueKeysWithValues: series.map { ($0.labels, $0) })
        var seen = 0
        for number in 0..<segment.directory.blockCount(.chunkDirectory) {
            let group = try segment.chunkDirectory(segment.directory.position(.chunkDirectory, number))
            for one in group.firstSeries..<group.firstSeries + group.count {
                let input = try #require(byLabels[try segment.labels(one)])
                var row = 0
                for at in group.chunks(of: one) {
                    let chunk = group.chunks[at]
                    let values = Array(input.values[row..<row + chunk.rows])
                    row += chunk.rows
                    guard let summary = chunk.summary else {
                        #expect(values.contains { $0.isNaN } || values.contains { $0.isInfinite })
                        continue
                    }
                    seen += 1
                    #expect(summary.first == values[0])
                    #expect(summary.last == values[values.count - 1])
                    #expect(summary.min == values.min())
                    #expect(summary.max == values.max())
                    var resets = 0.0
                    for i in values.indices.dropFirst() where values[i] < values[i - 1] { resets += values[i - 1] }
                    #expect(summary.resets == resets)
                    if Set(values).count > 1 { #expect(summary.sum == values.reduce(0, +)) }
                }
                #expect(row == input.values.count)
            }
        }
        #expect(seen > 150)
    }

    @Test func anEmptySegmentIsNone() throws {
        let out = MemoryWriter()
        let writer = try MetricSegmentWriter(out, tier: 0)
        try Labels(["a": "b"]).storage.withUnsafeBytes { try writer.add($0, rows: RowBuffer(), histograms: []) }
        #expect(try writer.finish(metadata: Self.families) == nil)
    }

    @Test func foreignAndShortObjectsAreDamage() throws {
        var generator = SeededGenerator(seed: 24)
        let bytes = try MetricSegment.write(SeriesSamples.series(5, rows: 5, &generator))
        for length in 0..<bytes.count {
            #expect(throws: SegmentDamage.self) { try MetricFormat().open(MemoryObject(Array(bytes.prefix(length)))) }
        }
        #expect(throws: SegmentDamage.self) { try MetricFormat().open(MemoryObject(bytes + [0])) }
    }

    /// Every single byte changed: either damage is reported and what is served is right as far as it goes, or nothing changes at all.
    @Test(arguments: [0, 1]) func everyFlippedByteIsFound(tier: Int) throws {
        var generator = SeededGenerator(seed: 25)
        var series = SeriesSamples.series(5, rows: 12, &generator, histograms: 1)
        series[5].histograms.removeFirst(297)
        let truth = SegmentContents(series)
        let bytes = try MetricSegment.write(series, tier: tier, metadata: Self.families)
        let matchers = [try Matcher("id", .regex, "[0-3]"), Matcher("instance", equals: "host-1:9100")]
        let intact = try MetricFormat().open(MemoryObject(bytes))
        let wanted = try MatcherPlan(matchers).evaluate(intact, cancellation: Cancellation()).ordinals
        for at in bytes.indices {
            var damaged = bytes
            damaged[at] ^= UInt8(truncatingIfNeeded: 1 << (at % 8))
            guard let segment = try? MetricFormat().open(MemoryObject(damaged)) else { continue }
            var reports = 0
            let contents = try segment.contents { _ in reports += 1 }
            #expect(contents.isPart(of: truth), "byte \(at)")
            if reports == 0 { #expect(contents == truth, "byte \(at)") }
            do {
                #expect(try MatcherPlan(matchers).evaluate(segment, cancellation: Cancellation()).ordinals == wanted)
            } catch { #expect(error is SegmentDamage, "byte \(at)") }
            var verified = 0
            try segment.verify { _ in verified += 1 }
            #expect(verified > 0, "verify missed byte \(at)")
        }
    }

    @Test func damageSaysWhatIsLostAndTheRestIsServed() throws {
        let times = (0..<100).map { 1_700_000_000_000 + Int64($0) * 60_000 }
        var generator = SeededGenerator(seed: 26)
        let series = (0..<2000).map {
            SeriesInput(
                labels: Labels(["__name__": "m", "i": "\($0)"]), timestamps: times,
                values: ColumnSamples.values(.noise, count: 100, &generator))
        }
        let bytes = try MetricSegment.write(series)
        let intact = try MetricFormat().open(MemoryObject(bytes))
        #expect(intact.directory.blockCount(.chunkPage) > 8)
        let page = intact.directory.blocks[intact.directory.position(.chunkPage, 3)]
        var damaged = bytes
        damaged[page.offset + 100] ^= 1
        let segment = try MetricFormat().open(MemoryObject(damaged))
        let filter = DamageCollector()
        let contents = try segment.contents { filter.add($0) }
        #expect(filter.damages.count == 1)
        let damage = try #require(filter.damages.first)
        #expect(damage.block == "chunk page 3" && damage.offset == page.offset)
        #expect(
            damage.lost.contains("series, m{i=") && damage.lost.contains("2023-11-1") && damage.lost.contains(" min)"))
        let rows = contents.floats.rows.values.reduce(0) { $0 + $1.count }
        let lost = 200_000 - rows
        #expect(lost > 0 && lost < 30_000)
        #expect(contents.isPart(of: SegmentContents(series)))
    }

    @Test func extremeTimesWork() throws {
        var generator = SeededGenerator(seed: 27)
        var one = SeriesInput(labels: Labels(["a": "b"]))
        one.timestamps = ColumnSamples.timestamps(.extreme, count: 50, &generator)
        one.values = ColumnSamples.values(.bits, count: one.timestamps.count, &generator)
        let segment = try MetricSegment.make([one])
        #expect(try segment.contents() == SegmentContents([one]))
        #expect(segment.summary.timeRange == .everything)
        try segment.verify { Issue.record("\($0)") }
    }
}

final class DamageCollector {
    private(set) var damages: [SegmentDamage] = []
    private var filter: DamageFilter?

    init() { filter = DamageFilter { [unowned self] in self.damages.append($0) } }

    func add(_ damage: SegmentDamage) { filter?.report(damage) }
}
