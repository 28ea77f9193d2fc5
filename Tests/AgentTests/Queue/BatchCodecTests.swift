import Bedrock
import Model
import Testing

@testable import Agent

@Suite struct BatchCodecTests {
    private func encoded(_ batch: MetricBatch) -> [UInt8] {
        var buffer = ByteBuffer()
        BatchCodec.encode(batch, into: &buffer)
        return buffer.array()
    }

    private func decoded(_ bytes: [UInt8]) throws -> MetricBatch {
        try bytes.withUnsafeBytes { try BatchCodec.decode($0) }
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func anyBatchSurvives(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let batch = MetricBatch()
        let odd = [0.0, -0.0, .infinity, -.infinity, .nan, StaleMarker.value, .leastNonzeroMagnitude, 1.5]
        for series in 0..<Int.random(in: 0...20, using: &random) {
            batch.beginSeries(Labels(["__name__": "m\(series)", "é": String(repeating: "x", count: series * 20)]))
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                batch.append(
                    timestamp: Int64.random(in: .min ... .max, using: &random),
                    value: odd.randomElement(using: &random) ?? 0)
            }
            if Bool.random(using: &random) {
                batch.append(
                    timestamp: 5,
                    histogram: NativeHistogram(
                        schema: -53, count: 3, sum: .nan, positiveSpans: [.init(offset: -2, length: 2)],
                        positiveBuckets: [1, 2], negativeSpans: [.init(offset: 7, length: 0)], customValues: [0.5, 1],
                        resetHint: .gauge))
            }
            for i in 0..<Int.random(in: 0...2, using: &random) where seed % 3 > 0 {
                let labels = i == 0 ? Labels.empty : Labels(["trace_id": "\(random.next())"])
                batch.append(
                    Exemplar(labels: labels, value: odd[i], timestamp: Int64.random(in: 0...9, using: &random)))
            }
        }
        batch.append(MetricMetadata(family: "f", kind: .counter, help: "says\nmuch", unit: "s"))
        let back = try decoded(encoded(batch))
        #expect(back.seriesCount == batch.seriesCount && back.metadata == batch.metadata)
        #expect(Array(back.timestamps) == Array(batch.timestamps))
        #expect(back.values.map(\.bitPattern) == batch.values.map(\.bitPattern))
        for i in 0..<batch.seriesCount { #expect(back.labels(i) == batch.labels(i)) }
        for (a, b) in zip(back.histograms, batch.histograms) {
            #expect(a.timestamp == b.timestamp && a.histogram.customValues == b.histogram.customValues)
            #expect(a.histogram.positiveSpans == b.histogram.positiveSpans && a.histogram.resetHint == .gauge)
            #expect(a.histogram.sum.bitPattern == b.histogram.sum.bitPattern)
        }
        #expect(exemplars(back) == exemplars(batch))
    }

    private func exemplars(_ batch: MetricBatch) -> [String] {
        batch.exemplars.map { row in
            let labels = batch.withLabels(row) { Labels(canonical: $0) }
            return "\(row.series) \(labels) \(row.value.bitPattern) \(row.timestamp)"
        }
    }

    @Test(arguments: [false, true]) func damagedRecordsAreErrors(exemplars: Bool) throws {
        var random = SeededGenerator(seed: 7)
        let batch = batch("a_name_long_enough", 3)
        if exemplars { batch.append(Exemplar(labels: Labels(["trace_id": "abc"]), value: 1, timestamp: 3)) }
        let good = encoded(batch)
        for cut in 0..<good.count { #expect(throws: (any Error).self) { try decoded(Array(good[..<cut])) } }
        for _ in 0..<2_000 {
            var bad = good
            bad[Int.random(in: 0..<bad.count, using: &random)] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
            _ = try? decoded(bad)
            // Behind the compression, too.
            var plain = ByteBuffer()
            try good.withUnsafeBytes {
                try Zstd.decompress(UnsafeRawBufferPointer(rebasing: $0[1...]), into: &plain, limit: 1 << 20)
            }
            var inside = plain.array()
            inside[Int.random(in: 0..<inside.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            var again = ByteBuffer()
            again.append(good[0])
            inside.withUnsafeBytes { Zstd.compress($0, into: &again, level: 1) }
            _ = try? decoded(again.array())
        }
    }
}
