import Bedrock
import LSM
import Model
import Synchronization
import Testing

@testable import MetricStore

@Suite struct SourceTests {
    /// A snapshot over overlapping segments and memtables, with what it must show.
    private func snapshot(seed: UInt64, tombstones: [Tombstone] = []) throws -> (MetricSnapshot, SegmentContents) {
        var generator = SeededGenerator(seed: seed)
        var truth = SegmentContents()
        var runs: [MetricRun] = []
        func hidden(_ labels: Labels, _ time: Int64) -> Bool {
            tombstones.contains { $0.range.contains(time) && labels.match($0.matchers) }
        }
        for run in 0..<3 {
            let series = (0..<50).compactMap { i -> SeriesInput? in
                guard generator.next() % 3 != 0 else { return nil }
                var one = SeriesInput(labels: MemtableTests.labels(i))
                for tick in 0..<100 where generator.next() % 4 != 0 {
                    one.timestamps.append(Int64(run) * 50_000 + Int64(tick) * 1000)
                    one.values.append(Double(generator.next() % 1000) / 8)
                }
                return one
            }
            for one in series {
                for (time, value) in zip(one.timestamps, one.values) where !hidden(one.labels, time) {
                    truth.floats.add(one.labels, time, value)
                }
            }
            runs.append(MetricRun(try MetricSegment.make(series, tier: run % 2), tombstones: tombstones))
        }
        var table = MetricMemtable()
        for part in 0..<2 {
            for tick in 0..<200 {
                try MemtableTests.apply(
                    MemtableTests.randomRecord(100 + tick, series: 12, &generator, &truth.floats),
                    UInt64(part * 1000 + tick + 1), to: table)
            }
            if let run = MetricRun(table.pin(), tenant: .default) { runs.append(run) }
            table = MetricMemtable(after: table)
        }
        truth.floats.rows = truth.floats.rows.filter { !$0.value.isEmpty }
        return (MetricSnapshot(runs), truth)
    }

    private func contents(
        _ selection: any SeriesSelection, parts: Int = 7
    ) throws -> (SeriesOracle, [Labels]) {
        var oracle = SeriesOracle()
        let batch = SeriesBatch()
        var start = 0
        var order: [Labels] = []
        while start < selection.count {
            let end = min(selection.count, start + parts)
            try selection.read(start..<end, into: batch)
            #expect(batch.seriesCount == end - start)
            for i in 0..<batch.seriesCount {
                let labels = selection.labels(start + i)
                order.append(labels)
                let times = Array(batch.times(i))
                #expect(times == Array(Set(times)).sorted())
                for (time, value) in zip(times, batch.floats(i)) { oracle.add(labels, time, value) }
            }
            start = end
        }
        return (oracle, order)
    }

    @Test func readsAgreeWithTheTruth() throws {
        var generator = SeededGenerator(seed: 61)
        for seed in 62..<65 {
            let (snapshot, truth) = try snapshot(seed: UInt64(seed))
            for _ in 0..<12 {
                let start = Int64(generator.next() % 300_000)
                let range =
                    generator.next() % 4 == 0
                    ? .everything : TimeRange(start, start + Int64(generator.next() % 100_000))
                let matchers = try MatchingTests.randomMatchers(&generator).map {
                    try Matcher(["id": "i", "Zone": "half"][$0.name] ?? $0.name, $0.operation, $0.value)
                }
                let selection = try snapshot.select(SeriesRequest(matchers: matchers, range: range))
                let (found, order) = try contents(selection)
                var wanted = SeriesOracle()
                for (labels, rows) in truth.floats.rows where labels.match(matchers) {
                    let inside = rows.filter { range.contains($0.key) }
                    if !inside.isEmpty { wanted.rows[labels] = inside }
                }
                #expect(found == wanted, "\(matchers) \(range)")
                #expect(order == order.sorted() && Set(order).count == order.count)
                #expect(Set(wanted.rows.keys).isSubset(of: order))
            }
        }
    }

    @Test func deletesHideRowsAndWholeSeries() throws {
        let some = Tombstone(
            tenant: .default, matchers: [Matcher("half", equals: "odd")], range: TimeRange(20_000, 120_000), offset: 5)
        let (partly, truth) = try snapshot(seed: 66, tombstones: [some])
        #expect(try contents(try partly.select(SeriesRequest(matchers: [], range: .everything))).0 == truth.floats)
        let all = Tombstone(tenant: .default, matchers: [Matcher("half", equals: "odd")], range: .everything, offset: 5)
        let (wholly, rest) = try snapshot(seed: 66, tombstones: [all])
        let (found, order) = try contents(try wholly.select(SeriesRequest(matchers: [], range: .everything)))
        #expect(found == rest.floats)
        // Series that are deleted altogether are not even named.
        #expect(Set(order) == Set(rest.floats.rows.keys))
    }

    @Test func namesAndValuesComeFromTheIndex() throws {
        let (snapshot, truth) = try snapshot(seed: 67)
        let none = Cancellation()
        #expect(
            try snapshot.labelNames(matching: [], range: .everything, cancellation: none) == ["__name__", "half", "i"])
        let ids = try snapshot.labelValues("i", matching: [], range: .everything, cancellation: none)
        #expect(ids == Set(truth.floats.rows.keys.compactMap { $0["i"] }).sorted { utf8Precedes($0, $1) })
        let odd = [[Matcher("half", equals: "odd")], [Matcher("i", equals: "4")]]
        let some = try snapshot.labelValues("i", matching: odd, range: .everything, cancellation: none)
        #expect(Set(some) == Set(ids.filter { (Int($0) ?? 0) % 2 == 1 || $0 == "4" }))
        #expect(try snapshot.labelValues("nope", matching: [], range: .everything, cancellation: none).isEmpty)
        #expect(try snapshot.labelNames(matching: [], range: TimeRange(-9, -1), cancellation: none).isEmpty)
    }

    @Test func retentionCutsReads() throws {
        let (whole, truth) = try snapshot(seed: 68)
        let snapshot = MetricSnapshot(whole.runs, retentionStart: 120_000)
        let (found, _) = try contents(try snapshot.select(SeriesRequest(matchers: [], range: .everything)))
        #expect(
            found.rows == truth.floats.rows.mapValues { $0.filter { $0.key >= 120_000 } }.filter { !$0.value.isEmpty })
    }

    @Test func budgetAndCancellationStopReads() throws {
        let (snapshot, _) = try snapshot(seed: 69)
        let budget = QueryBudget(samplesMax: 500)
        let selection = try snapshot.select(SeriesRequest(matchers: [], range: .everything, budget: budget))
        #expect(throws: QueryBudget.Exceeded.self) { try selection.read(0..<selection.count, into: SeriesBatch()) }
        let cancellation = Cancellation()
        let other = try snapshot.select(SeriesRequest(matchers: [], range: .everything, cancellation: cancellation))
        cancellation.cancel()
        #expect(throws: Cancelled.self) { try other.read(0..<1, into: SeriesBatch()) }
    }

    @Test func threadsReadDisjointRanges() throws {
        let (snapshot, truth) = try snapshot(seed: 70)
        let selection = try snapshot.select(SeriesRequest(matchers: [], range: .everything))
        let counts = Counts()
        concurrently(4) { thread in
            let batch = SeriesBatch()
            let share = (selection.count + 3) / 4
            let range = min(thread * share, selection.count)..<min((thread + 1) * share, selection.count)
            for _ in 0..<10 {
                try? selection.read(range, into: batch)
                counts.add(batch.rowCount)
            }
        }
        #expect(counts.total == 10 * truth.floats.rows.values.reduce(0) { $0 + $1.count })
    }

    @Test func damagedIndexesDoNotStopAQuery() throws {
        var generator = SeededGenerator(seed: 71)
        let series = SeriesSamples.series(1200, rows: 10, &generator)
        let bytes = try MetricSegment.write(series)
        let intact = try MetricFormat().open(MemoryObject(bytes))
        let matcher = Matcher("instance", equals: "host-3:9100")
        let all = Set(series.map(\.labels).filter { $0.match([matcher]) })
        for kind in [SegmentLayout.Kind.postings, .series, .symbols, .chunkDirectory] {
            var damaged = bytes
            damaged[intact.directory.blocks[intact.directory.position(kind, 0)].offset + 3] ^= 4
            let reports = Counts()
            let snapshot = MetricSnapshot([MetricRun(try MetricFormat().open(MemoryObject(damaged)))]) { _ in
                reports.add(1)
            }
            let selection = try snapshot.select(SeriesRequest(matchers: [matcher], range: .everything))
            let (found, order) = try contents(selection)
            #expect(Set(order).isSubset(of: all))
            if kind == .postings { #expect(Set(order) == all) }
            if kind == .series { #expect(order.count > 0) }
            #expect(reports.total > 0, "\(kind)")
            #expect(found.rows.allSatisfy { labels, rows in rows.count == 10 && all.contains(labels) })
        }
    }

    @Test func metadataAndCardinality() throws {
        var generator = SeededGenerator(seed: 72)
        let series = SeriesSamples.series(70, rows: 3, &generator)
        let runs = [
            MetricRun(try MetricSegment.make(series, metadata: SegmentTests.families)),
            MetricRun(
                try MetricSegment.make(Array(series[..<10]), metadata: [MetricMetadata(family: "a", kind: .gauge)])),
        ]
        let snapshot = MetricSnapshot(runs)
        #expect(try snapshot.metadata(family: nil).map(\.family) == ["a", "b"])
        #expect(try snapshot.metadata(family: "a").map(\.kind) == [.gauge])
        #expect(try snapshot.metadata(family: "c").isEmpty)
        let statistics = try snapshot.cardinality(limit: 3)
        #expect(statistics.seriesCount == 70)
        #expect(statistics.seriesByMetricName.map(\.value) == [10, 10, 10])
        #expect(statistics.seriesByMetricName.first?.name == "metric_0_total")
        #expect(statistics.valuesByLabelName.first == .init(name: "id", value: 70))
        #expect(statistics.seriesByLabelPair.first?.value == 12)
        #expect(statistics.labelPairCount == Set(series.flatMap { $0.labels.list }).count)
    }

    final class Counts: Sendable {
        private let value = Atomic<Int>(0)
        var total: Int { value.load(ordering: .relaxed) }
        func add(_ more: Int) { value.add(more, ordering: .relaxed) }
    }
}
