import Bedrock
import LSM
import Model
import Testing

@testable import MetricStore

/// Rows of both kinds as they should be seen: per series and time the last one.
struct MixedModel {
    enum Value: Equatable {
        case float(UInt64)
        case histogram(NativeHistogram)
    }

    private(set) var rows: [Labels: [Int64: Value]] = [:]

    mutating func add(_ labels: Labels, _ time: Int64, _ value: Value) { rows[labels, default: [:]][time] = value }
}

extension NativeHistogram {
    /// Any consistent histogram: layouts that change, integers and fractions, custom bounds, no buckets at all.
    static func random(_ generator: inout SeededGenerator) -> NativeHistogram {
        var histogram = NativeHistogram(schema: Int32(generator.next() % 13) - 4)
        let scale = [1, 1, 0.125, 1e9, 0.1][Int(generator.next() % 5)]
        func buckets(_ spans: [NativeHistogram.Span]) -> [Double] {
            (0..<spans.reduce(0) { $0 + Int($1.length) }).map { _ in Double(generator.next() % 50) * scale }
        }
        func spans() -> [NativeHistogram.Span] {
            (0..<Int(generator.next() % 3)).map {
                .init(offset: Int32(generator.next() % 5) - ($0 == 0 ? 2 : 0), length: UInt32(generator.next() % 6))
            }
        }
        if generator.next() % 5 == 0 {
            histogram.schema = customSchema
            histogram.customValues = [-0.5, 0, 1e-3, 7.25]
            histogram.positiveSpans = [.init(offset: 1, length: 3)]
        } else {
            histogram.positiveSpans = spans()
            histogram.negativeSpans = generator.next() % 2 == 0 ? spans() : []
            histogram.zeroCount = Double(generator.next() % 9)
            histogram.zeroThreshold = generator.next() % 3 == 0 ? 0.001 : 1e-128
        }
        histogram.positiveBuckets = buckets(histogram.positiveSpans)
        histogram.negativeBuckets = buckets(histogram.negativeSpans)
        histogram.count = (histogram.positiveBuckets + histogram.negativeBuckets).reduce(histogram.zeroCount, +)
        histogram.sum = generator.next() % 7 == 0 ? .infinity : Double(Int64(bitPattern: generator.next()) >> 11) / 1000
        histogram.resetHint = NativeHistogram.ResetHint(rawValue: UInt8(generator.next() % 4)) ?? .unknown
        return histogram
    }

    static var stale: NativeHistogram { NativeHistogram(sum: StaleMarker.value) }
}

@Suite struct HistogramTests {
    private let format = MetricFormat()

    /// A few series whose rows are floats and histograms in turn, late ones, repeated and overwritten ones among them.
    static func record(_ tick: Int, _ generator: inout SeededGenerator, _ model: inout MixedModel) -> [UInt8] {
        let batch = MetricBatch()
        for i in 0..<6 where generator.next() % 5 != 0 {
            let labels = MemtableTests.labels(i)
            batch.beginSeries(labels)
            var histograms: [(Int64, NativeHistogram)] = []
            for _ in 0..<(generator.next() % 6 == 0 ? 4 : 1) {
                let late = generator.next() % 6 == 0 ? Int64(generator.next() % 30) : 0
                let time = (Int64(tick) - late) * 1000
                if i < 2 || (i < 4 && generator.next() % 3 == 0) {
                    var histogram = NativeHistogram.random(&generator)
                    if generator.next() % 4 == 0 { histogram = MetricRecordTests.sampleHistogram(Double(tick % 3)) }
                    histograms.append((time, histogram))
                    if generator.next() % 4 == 0 { histograms.append((time, histogram)) }
                } else {
                    let value = Double(generator.next() % 4)
                    batch.append(timestamp: time, value: value)
                    model.add(labels, time, .float(value.bitPattern))
                }
            }
            // Of one record a histogram wins, wherever it stands.
            for (time, histogram) in histograms {
                batch.append(timestamp: time, histogram: histogram)
                model.add(labels, time, .histogram(histogram))
            }
        }
        var buffer = ByteBuffer()
        MetricRecord.encode(batch, into: &buffer)
        return buffer.array()
    }

    private func read(_ runs: [MetricRun?], in range: TimeRange = .everything) throws -> MixedModel {
        let selection = try MetricSnapshot(runs.compactMap { $0 }) { Issue.record("\($0)") }
            .select(SeriesRequest(matchers: [], range: range))
        let batch = SeriesBatch()
        try selection.read(0..<selection.count, into: batch)
        var model = MixedModel()
        for i in 0..<selection.count {
            for (time, value) in zip(batch.times(i), batch.floats(i)) {
                model.add(selection.labels(i), time, .float(value.bitPattern))
            }
            let rows = batch.histogramRows(i)
            #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.timestamp < $1.timestamp })
            for row in rows {
                #expect(model.rows[selection.labels(i)]?[row.timestamp] == nil, "two rows at one time")
                model.add(selection.labels(i), row.timestamp, .histogram(row.histogram))
            }
        }
        return model
    }

    @Test(arguments: 81..<86) func theLastRowIsSeenWhateverItsKind(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var model = MixedModel()
        var table = MetricMemtable()
        var blocks: [[UInt8]] = []
        var segments: [MetricSegment] = []
        var pins: [(MemtablePin, MixedModel)] = []
        func flush() throws {
            let out = MemoryWriter()
            _ = try format.flush(table, tenant: .default, into: out)
            segments.append(try format.open(MemoryObject(out.bytes)))
            table = MetricMemtable(after: table)
            blocks = []
        }
        for tick in 0..<500 {
            try MemtableTests.apply(Self.record(tick, &generator, &model), UInt64(tick + 1), to: table)
            if generator.next() % 25 == 0 {
                var block = ByteBuffer()
                table.checkpoint(into: &block)
                blocks.append(block.array())
                if generator.next() % 3 == 0 { table = try MemtableTests.restored(blocks) }
            }
            if segments.isEmpty, tick % 37 == 36 { pins.append((table.pin(), model)) }
            if tick % 120 == 119 { try flush() }
            if tick % 61 == 60 {
                let runs = segments.map { MetricRun($0) } + [MetricRun(table.pin(), tenant: .default)]
                #expect(try read(runs).rows == model.rows)
            }
        }
        for (pin, then) in pins { #expect(try read([MetricRun(pin, tenant: .default)]).rows == then.rows) }
        try flush()
        let out = MemoryWriter()
        _ = try format.merge(
            segments, clip: .everything, tombstones: [], tier: 1, into: out, damage: { Issue.record("\($0)") },
            yield: {})
        let merged = try format.open(MemoryObject(out.bytes))
        try merged.verify { Issue.record("\($0)") }
        #expect(try read([MetricRun(merged)]).rows == model.rows)
        let range = TimeRange(100_000, 300_000)
        let inRange = model.rows.mapValues { $0.filter { range.contains($0.key) } }.filter { !$0.value.isEmpty }
        #expect(try read([MetricRun(merged)], in: range).rows == inRange)
    }

    @Test func exactRepeatsAddNothing() throws {
        let table = MetricMemtable()
        var record = ByteBuffer()
        MetricRecord.encode(MetricRecordTests.batch(), into: &record)
        try table.apply(record.bytes, tenant: .default, offset: 1)
        let (rows, bytes) = (table.rowCount, table.byteCount)
        let histograms = rows - 24
        #expect(histograms == 1)
        try table.apply(record.bytes, tenant: .default, offset: 2)
        // The floats came in another order than the repeat check looks at.
        #expect(table.rowCount == rows + 24)
        #expect(table.byteCount <= bytes + 24 * 64)
    }

    @Test func columnsBringBackAnyHistograms() throws {
        var generator = SeededGenerator(seed: 87)
        let scratch = ColumnScratch()
        for round in 0..<200 {
            let count = 1 + Int(generator.next() % UInt64(SegmentLayout.histogramRowsMax))
            var same = NativeHistogram.random(&generator)
            let rows = (0..<count).map { i in
                if generator.next() % 10 == 0 { same = .random(&generator) }
                same.count += Double(generator.next() % 5)
                for bucket in same.positiveBuckets.indices { same.positiveBuckets[bucket] += Double(bucket) }
                return SeriesBatch.HistogramRow(
                    timestamp: Int64(i) * 15_000 + Int64(generator.next() % 7), histogram: same)
            }
            var bytes = ByteBuffer()
            HistogramChunk.encode(rows[...], scratch: scratch, into: &bytes)
            let (back, number) = try HistogramChunk.decode(bytes.bytes)
            #expect(number == count)
            let range = TimeRange(Int64(generator.next() % 2_000_000), Int64(generator.next() % 8_000_000))
            let part = try HistogramChunk.decode(bytes.bytes, in: range)
            #expect(part.count == count)
            #expect(part.rows.map(\.timestamp) == rows.map(\.timestamp).filter { range.contains($0) })
            #expect(back.map(\.timestamp) == rows.map(\.timestamp), "round \(round)")
            #expect(back.map(\.histogram) == rows.map(\.histogram), "round \(round)")
        }
        let stale = [SeriesBatch.HistogramRow(timestamp: 1, histogram: .stale)]
        var bytes = ByteBuffer()
        HistogramChunk.encode(stale[...], scratch: scratch, into: &bytes)
        #expect(try HistogramChunk.decode(bytes.bytes).rows[0].histogram.isStale)
    }

    /// Layouts grow as new buckets come up, as those of real clients do: all in one group, and cheap.
    @Test func growingLayoutsCostLittle() throws {
        var rows: [SeriesBatch.HistogramRow] = []
        for i in 0..<500 {
            let buckets = 10 + i / 25
            let histogram = NativeHistogram(
                schema: 3, count: Double(buckets * i), sum: Double(i),
                positiveSpans: [
                    .init(offset: -Int32(buckets / 2), length: UInt32(buckets))
                ], positiveBuckets: [Double](repeating: Double(i), count: buckets))
            rows.append(.init(timestamp: Int64(i) * 15_000, histogram: histogram))
        }
        var bytes = ByteBuffer()
        HistogramChunk.encode(rows[...], scratch: ColumnScratch(), into: &bytes)
        #expect(bytes.count < 2000, "\(bytes.count)")
        #expect(try HistogramChunk.decode(bytes.bytes).rows.map(\.histogram) == rows.map(\.histogram))
    }

    @Test func passingOverARecordTakesWhatDecodingTakes() throws {
        var generator = SeededGenerator(seed: 89)
        for _ in 0..<3000 {
            var buffer = ByteBuffer()
            HistogramRecord.encode(.random(&generator), into: &buffer)
            var bytes = buffer.array()
            if generator.next() % 4 != 0 {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.next() % 4 == 0 { bytes.removeLast(Int(generator.next() % UInt64(bytes.count))) }
            bytes.withUnsafeBytes { raw in
                var (a, b) = (ByteReader(raw), ByteReader(raw))
                let decoded = try? HistogramRecord.decode(&a)
                let skipped: Void? = try? HistogramRecord.skip(&b)
                #expect((decoded == nil) == (skipped == nil))
                if decoded != nil { #expect(a.offset == b.offset) }
            }
        }
    }

    @Test func damagedColumnsThrowOrDiffer() throws {
        var generator = SeededGenerator(seed: 88)
        let rows = (0..<20).map { i in
            var histogram = MetricRecordTests.sampleHistogram(Double(i / 7))
            if i % 4 == 3 { histogram.positiveSpans[1].offset = 1 }
            if i > 15 { histogram.resetHint = .gauge }
            return SeriesBatch.HistogramRow(timestamp: Int64(i) * 15_000, histogram: histogram)
        }
        var buffer = ByteBuffer()
        HistogramChunk.encode(rows[...], scratch: ColumnScratch(), into: &buffer)
        let bytes = buffer.array()
        for length in 0..<bytes.count {
            _ = try? bytes.prefix(length).withUnsafeBytes { try HistogramChunk.decode($0) }
        }
        for _ in 0..<5000 {
            var damaged = bytes
            for _ in 0...(generator.next() % 3) {
                damaged[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            _ = try? damaged.withUnsafeBytes { try HistogramChunk.decode($0) }
        }
    }
}
