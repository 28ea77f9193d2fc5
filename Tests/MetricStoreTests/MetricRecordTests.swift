import Bedrock
import LSM
import Model
import Testing

@testable import MetricStore

@Suite struct MetricRecordTests {
    static func batch() -> MetricBatch {
        let batch = MetricBatch()
        for cpu in 0..<4 {
            for mode in ["idle", "user", "system"] {
                batch.beginSeries(
                    Labels([
                        "__name__": "node_cpu_seconds_total", "cpu": "\(cpu)", "mode": mode, "instance": "h1:9100",
                        "job": "node",
                    ]))
                batch.append(timestamp: 1_700_000_000_000, value: Double(cpu) + 0.25)
                batch.append(timestamp: 1_700_000_015_000, value: StaleMarker.value)
            }
        }
        batch.beginSeries(Labels(["__name__": "latency", "job": "api"]))
        batch.append(timestamp: 1_700_000_000_123, histogram: sampleHistogram(1))
        batch.beginSeries(Labels(["__name__": "empty"]))
        batch.append(MetricMetadata(family: "latency", kind: .histogram, help: "How long.", unit: "seconds"))
        return batch
    }

    static func sampleHistogram(_ scale: Double) -> NativeHistogram {
        NativeHistogram(
            schema: 3, count: 10 * scale, sum: 12.5 * scale, zeroThreshold: 1e-128, zeroCount: 1 * scale,
            positiveSpans: [.init(offset: -2, length: 2), .init(offset: 3, length: 1)],
            positiveBuckets: [1 * scale, 2 * scale, 3 * scale], negativeSpans: [.init(offset: 0, length: 1)],
            negativeBuckets: [0.5 * scale], resetHint: .notReset)
    }

    private func read(_ bytes: UnsafeRawBufferPointer, into batch: MetricBatch) throws {
        var reader = try MetricRecordReader(bytes)
        while try reader.nextSeries() {
            batch.beginSeries(canonical: reader.labels)
            for _ in 0..<reader.rowCount {
                let row = try reader.nextRow()
                batch.append(timestamp: row.timestamp, value: row.value)
            }
            for _ in 0..<reader.histogramCount {
                let row = try reader.nextHistogram()
                var item = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[row.bytes]))
                batch.append(timestamp: row.timestamp, histogram: try HistogramRecord.decode(&item))
                guard item.isAtEnd else { throw DecodeError("a histogram ends early", at: row.bytes.upperBound) }
            }
        }
        while let item = try reader.nextMetadata() { batch.append(item) }
    }

    @Test func everythingComesBack() throws {
        let batch = Self.batch()
        var record = ByteBuffer()
        MetricRecord.encode(batch, into: &record)
        let back = MetricBatch()
        try read(record.bytes, into: back)
        #expect(back.seriesCount == batch.seriesCount)
        for i in 0..<batch.seriesCount { #expect(back.labels(i) == batch.labels(i)) }
        #expect(back.timestamps == batch.timestamps)
        #expect(back.values.map(\.bitPattern) == batch.values.map(\.bitPattern))
        #expect(back.histograms.map(\.histogram) == batch.histograms.map(\.histogram))
        #expect(back.histograms.map(\.timestamp) == batch.histograms.map(\.timestamp))
        #expect(back.metadata == batch.metadata)
        // Series after the first of a metric cost little more than their rows.
        #expect(record.count < 700, "\(record.count) bytes")
    }

    @Test func aPartHoldsItsSeriesOnly() throws {
        let batch = Self.batch()
        var record = ByteBuffer()
        MetricRecord.encode(batch, entries: [11, 3, 12], metadata: false, into: &record)
        let back = MetricBatch()
        try read(record.bytes, into: back)
        #expect((0..<3).map { back.labels($0) } == [11, 3, 12].map { batch.labels($0) })
        #expect(back.metadata.isEmpty)
        record.clear()
        MetricRecord.encode(batch, entries: [Int](), metadata: false, into: &record)
        try read(record.bytes, into: MetricBatch())
    }

    @Test func damagedRecordsThrowOrDiffer() {
        var record = ByteBuffer()
        MetricRecord.encode(Self.batch(), into: &record)
        let bytes = record.array()
        for length in 0..<bytes.count {
            #expect(throws: DecodeError.self) {
                try bytes.prefix(length).withUnsafeBytes { try read($0, into: MetricBatch()) }
            }
        }
        for at in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[at] ^= 1 << UInt8(bit)
                damaged.withUnsafeBytes { raw in _ = try? read(raw, into: MetricBatch()) }
            }
        }
    }

    @Test func onlyCanonicalLabelSetsPass() {
        let good = Labels(["a": "1", "b": "2"]).storage
        let bad: [[UInt8]] = [
            [1], [1, 97], [1, 97, 5, 49], [1, 97, 0], [0, 1, 49], good + good,
            Labels(["b": "2"]).storage + Labels(["a": "1"]).storage,
        ]
        #expect(good.withUnsafeBytes { isCanonical($0) })
        #expect([UInt8]().withUnsafeBytes { isCanonical($0) })
        for bytes in bad { #expect(bytes.withUnsafeBytes { !isCanonical($0) }, "\(bytes)") }
    }
}
