import Bedrock
import LSM
import Model
import Testing

@testable import MetricStore

/// Exemplars as they should be kept, put together the plain way.
struct ExemplarModel {
    private(set) var all: [Labels: Set<Exemplar>] = [:]

    mutating func add(_ series: Labels, _ exemplar: Exemplar) { all[series, default: []].insert(exemplar) }

    /// Of each slot of five minutes the newest eight.
    func kept(in range: TimeRange = .everything) -> [SeriesExemplars] {
        let kept = all.map { series, exemplars in
            let slots = Dictionary(grouping: exemplars) { Int((Double($0.timestamp) / 300_000).rounded(.down)) }
            let newest = slots.values.flatMap { slot in slot.sorted { key($0) < key($1) }.suffix(8) }
            return SeriesExemplars(
                series: series,
                exemplars: newest.filter { range.contains($0.timestamp) }.sorted { key($0) < key($1) })
        }
        return kept.filter { !$0.exemplars.isEmpty }.sorted { $0.series < $1.series }
    }

    private func key(_ exemplar: Exemplar) -> (Int64, Labels, UInt64) {
        (exemplar.timestamp, exemplar.labels, exemplar.value.bitPattern)
    }
}

@Suite struct ExemplarTests {
    private let format = MetricFormat()

    /// Rows and exemplars of some series, late and repeated ones among them; some series have exemplars only.
    static func record(
        _ tick: Int, _ generator: inout SeededGenerator, _ model: inout ExemplarModel
    ) -> [UInt8] {
        let batch = MetricBatch()
        for i in 0..<6 {
            let series = MemtableTests.labels(i)
            batch.beginSeries(series)
            if i < 4 { batch.append(timestamp: Int64(tick) * 15_000, value: Double(tick)) }
            for _ in 0..<Int(generator.next() % 3) where generator.next() % 3 == 0 {
                let late = generator.next() % 5 == 0 ? Int64(generator.next() % 900_000) : 0
                let one = exemplar(Int64(tick) * 15_000 - late - Int64(generator.next() % 3), generator.next() % 4)
                model.add(series, one)
                batch.append(one)
                if generator.next() % 4 == 0 { batch.append(one) }
            }
        }
        var buffer = ByteBuffer()
        MetricRecord.encode(batch, into: &buffer)
        return buffer.array()
    }

    static func exemplar(_ time: Int64, _ kind: UInt64) -> Exemplar {
        switch kind {
        case 0: Exemplar(labels: .empty, value: 0.5, timestamp: time)
        case 1: Exemplar(labels: Labels(["trace_id": "4BF92F"]), value: -0.0, timestamp: time)
        case 2:
            Exemplar(
                labels: Labels(["trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"]),
                value: Double(time) / 7, timestamp: time)
        default: Exemplar(labels: Labels(["user": "zoë", "n": "abc"]), value: .infinity, timestamp: time)
        }
    }

    private func read(_ runs: [MetricRun], in range: TimeRange = .everything) throws -> [SeriesExemplars] {
        try MetricSnapshot(runs) { Issue.record("\($0)") }.exemplars(ExemplarRequest(sets: [[]], range: range))
    }

    private func flushed(_ table: MetricMemtable) throws -> MetricSegment {
        let out = MemoryWriter()
        let summary = try #require(try format.flush(table, tenant: .default, into: out))
        let segment = try format.open(MemoryObject(out.bytes))
        #expect(segment.summary == summary)
        try segment.verify { Issue.record("\($0)") }
        return segment
    }

    private func merged(_ inputs: [MetricSegment], tier: Int, tombstones: [Tombstone] = []) throws -> MetricSegment {
        let out = MemoryWriter()
        _ = try format.merge(
            inputs, clip: .everything, tombstones: tombstones, tier: tier, into: out,
            damage: { Issue.record("\($0)") }, yield: {})
        let segment = try format.open(MemoryObject(out.bytes))
        try segment.verify { Issue.record("\($0)") }
        return segment
    }

    @Test(arguments: 61..<66) func memtablesFlushesAndMergesKeepTheSame(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var model = ExemplarModel()
        var table = MetricMemtable()
        var segments: [MetricSegment] = []
        for tick in 0..<400 {
            try MemtableTests.apply(Self.record(tick, &generator, &model), UInt64(tick + 1), to: table)
            if tick % 90 == 89 {
                segments.append(try flushed(table))
                table = MetricMemtable(after: table)
            }
            if tick % 67 == 66 {
                let runs = segments.map { MetricRun($0) } + [MetricRun(table.pin(), tenant: .default)].compactMap { $0 }
                #expect(try read(runs) == model.kept())
                let start = Int64(generator.next() % 400) * 15_000
                let range = TimeRange(start, start + Int64(generator.next() % 1_000_000))
                #expect(try read(runs, in: range) == model.kept(in: range))
            }
        }
        segments.append(try flushed(table))
        let all = try merged(segments, tier: 1)
        #expect(try read([MetricRun(all)]) == model.kept())
        #expect(all.summary.formatVersion == 2)
        let halves = [try merged(Array(segments[..<2]), tier: 1), try merged(Array(segments[2...]), tier: 2)]
        #expect(try read([MetricRun(try merged(halves, tier: 3))]) == model.kept())
    }

    @Test func checkpointsAndPinsHoldThem() throws {
        var generator = SeededGenerator(seed: 67)
        var model = ExemplarModel()
        var table = MetricMemtable()
        var blocks: [[UInt8]] = []
        var pins: [(MemtablePin, ExemplarModel)] = []
        for tick in 0..<300 {
            try MemtableTests.apply(Self.record(tick, &generator, &model), UInt64(tick + 1), to: table)
            if tick % 50 == 7 { pins.append((table.pin(), model)) }
            if generator.next() % 20 == 0 {
                var block = ByteBuffer()
                table.checkpoint(into: &block)
                blocks.append(block.array())
                if generator.next() % 3 == 0 { table = try MemtableTests.restored(blocks) }
            }
        }
        #expect(try read([MetricRun(table.pin(), tenant: .default)].compactMap { $0 }) == model.kept())
        for (pin, then) in pins {
            #expect(try read([MetricRun(pin, tenant: .default)].compactMap { $0 }) == then.kept())
        }
    }

    @Test func selectorsAndDeletesDecideWhatIsSeen() throws {
        var generator = SeededGenerator(seed: 68)
        var model = ExemplarModel()
        let table = MetricMemtable()
        for tick in 0..<100 {
            try MemtableTests.apply(Self.record(tick, &generator, &model), UInt64(tick + 1), to: table)
        }
        let segment = try flushed(table)
        for run in [MetricRun(segment), try #require(MetricRun(table.pin(), tenant: .default))] {
            let snapshot = MetricSnapshot([run])
            let sets = [[Matcher("half", equals: "odd")], [Matcher("i", equals: "2")], [Matcher("i", equals: "3")]]
            let found = try snapshot.exemplars(ExemplarRequest(sets: sets, range: .everything))
            let wanted = model.kept().filter { $0.series["half"] == "odd" || $0.series["i"] == "2" }
            #expect(found == wanted)
            #expect(try snapshot.exemplars(ExemplarRequest(sets: [], range: .everything)).isEmpty)
            #expect(throws: QueryBudget.Exceeded.self) {
                try snapshot.exemplars(
                    ExemplarRequest(sets: [[]], range: .everything, budget: QueryBudget(samplesMax: 5)))
            }
        }
        let tombstone = Tombstone(
            tenant: .default, matchers: [Matcher("half", equals: "odd")], range: TimeRange(0, 600_000), offset: 900)
        let wanted = ExemplarModel().kept() + model.kept().filter { $0.series["half"] == "even" }
        let range = TimeRange(0, 599_999)
        func clipped(_ all: [SeriesExemplars]) -> [SeriesExemplars] {
            all.map { one in
                SeriesExemplars(
                    series: one.series, exemplars: one.exemplars.filter { range.contains($0.timestamp) })
            }.filter { !$0.exemplars.isEmpty }
        }
        #expect(try read([MetricRun(segment, tombstones: [tombstone])], in: range) == clipped(wanted))
        #expect(
            try read([MetricRun(try merged([segment], tier: 1, tombstones: [tombstone]))], in: range)
                == clipped(wanted))
    }

    @Test func aSeriesIsFoundOverManyBlocks() throws {
        let out = MemoryWriter()
        let writer = try MetricSegmentWriter(out, tier: 0)
        var model = ExemplarModel()
        for i in 0..<400 {
            let labels = Labels(["__name__": "m", "i": "\(1000 + i)"])
            let exemplars = (0..<(i == 200 ? 4000 : i % 3 * 20)).map { Self.exemplar(Int64($0) * 60_000, 2) }
            for exemplar in exemplars { model.add(labels, exemplar) }
            let rows = RowBuffer()
            rows.append(0, 1)
            try labels.storage.withUnsafeBytes {
                try writer.add($0, rows: rows, histograms: [], exemplars: exemplars)
            }
        }
        _ = try writer.finish(metadata: [])
        let segment = try format.open(MemoryObject(out.bytes))
        #expect(segment.directory.blockCount(.exemplars) > 6)
        try segment.verify { Issue.record("\($0)") }
        #expect(try read([MetricRun(segment)]) == model.kept())
        for i in [0, 1, 199, 200, 201, 399] {
            var set = ExemplarSet()
            try segment.addExemplars(i, in: TimeRange(60_000, 600_000), to: &set) { Issue.record("\($0)") }
            let wanted = i == 200 ? 10 : i % 3 == 0 ? 0 : 10
            #expect(set.kept().count == wanted)
        }
    }

    @Test func nearlyAllOfAnExemplarIsItsIds() throws {
        var generator = SeededGenerator(seed: 69)
        var builder = ExemplarBlock.Builder()
        let hex = Array("0123456789abcdef")
        for i in 0..<1000 {
            let trace = String((0..<32).map { _ in hex[Int(generator.next() % 16)] })
            builder.append(
                Exemplar(labels: Labels(["trace_id": trace]), value: 0.25, timestamp: Int64(i) * 15_000), series: i / 8)
        }
        var block = ByteBuffer()
        builder.finish(scratch: ColumnScratch(), into: &block)
        #expect(block.count < 1000 * 18, "\(block.count)")
    }

    @Test func damagedBlocksThrowOrDiffer() throws {
        var generator = SeededGenerator(seed: 70)
        var builder = ExemplarBlock.Builder()
        for i in 0..<60 { builder.append(Self.exemplar(Int64(i), generator.next() % 4), series: i / 5) }
        #expect(try ExemplarBlock.Key(builder.key.encode()) == builder.key)
        var block = ByteBuffer()
        builder.finish(scratch: ColumnScratch(), into: &block)
        let bytes = block.array()
        func decode(_ bytes: [UInt8], _ items: Int = 60) throws -> ExemplarBlock {
            try bytes.withUnsafeBytes { try ExemplarBlock($0, items: 0..<items, seriesCount: 12) }
        }
        #expect(try decode(bytes).exemplars(of: 3) == 15..<20)
        for length in bytes.indices { #expect(throws: DecodeError.self) { try decode(Array(bytes.prefix(length))) } }
        #expect(throws: DecodeError.self) { try decode(bytes, 0) }
        #expect(throws: DecodeError.self) { try decode(bytes, 1 << 20) }
        for _ in 0..<4000 {
            var damaged = bytes
            for _ in 0...(generator.next() % 3) {
                damaged[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            guard let found = try? decode(damaged) else { continue }
            for at in found.series.indices { _ = found.exemplar(at, in: .everything) }
        }
    }

    @Test func damagedRecordsThrowOrDiffer() throws {
        var generator = SeededGenerator(seed: 71)
        var model = ExemplarModel()
        var record = Self.record(0, &generator, &model)
        while record[0] == 1 { record = Self.record(1, &generator, &model) }
        for length in record.indices {
            let table = MetricMemtable()
            #expect(throws: DecodeError.self) {
                try MemtableTests.apply(Array(record.prefix(length)), 1, to: table)
            }
            #expect(table.rowCount == 0)
        }
        for at in record.indices {
            for bit in 0..<8 {
                var damaged = record
                damaged[at] ^= 1 << UInt8(bit)
                let table = MetricMemtable()
                if (try? MemtableTests.apply(damaged, 1, to: table)) != nil {
                    _ = try read([MetricRun(table.pin(), tenant: .default)].compactMap { $0 })
                }
            }
        }
    }

    @Test(arguments: [0, 1]) func everyFlippedByteIsFound(tier: Int) throws {
        var generator = SeededGenerator(seed: 72)
        var model = ExemplarModel()
        let table = MetricMemtable()
        for tick in 0..<20 {
            try MemtableTests.apply(Self.record(tick, &generator, &model), UInt64(tick + 1), to: table)
        }
        let out = MemoryWriter()
        _ = try format.merge(
            [flushed(table)], clip: .everything, tombstones: [], tier: tier, into: out,
            damage: { Issue.record("\($0)") }, yield: {})
        let truth = model.kept()
        for at in out.bytes.indices {
            var damaged = out.bytes
            damaged[at] ^= UInt8(truncatingIfNeeded: 1 << (at % 8))
            guard let segment = try? format.open(MemoryObject(damaged)) else { continue }
            var verified = 0
            try segment.verify { _ in verified += 1 }
            #expect(verified > 0, "byte \(at)")
            let snapshot = MetricSnapshot([MetricRun(segment)])
            let found = try snapshot.exemplars(ExemplarRequest(sets: [[]], range: .everything))
            #expect(found.allSatisfy { truth.contains($0) }, "byte \(at)")
        }
    }
}
