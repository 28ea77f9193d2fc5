import Bedrock
import LSM
import Model

@testable import MetricStore

/// An object in memory, for tests.
final class MemoryObject: ObjectReader, @unchecked Sendable {
    let name: String
    let bytes: [UInt8]

    init(_ bytes: [UInt8], name: String = "metrics/0/test") {
        self.bytes = bytes
        self.name = name
    }

    var size: Int { bytes.count }

    func bytes(_ range: Range<Int>) throws -> ObjectBytes {
        let copy = bytes[range].withUnsafeBytes { HeapBytes($0) }
        return ObjectBytes(copy.bytes, owner: copy)
    }
}

final class MemoryWriter: ObjectWriter {
    private(set) var bytes: [UInt8] = []
    var count: Int { bytes.count }
    func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
    func finish() {}
}

/// Rows of one series for a writer.
struct SeriesInput {
    var labels: Labels
    var timestamps: [Int64] = []
    var values: [Double] = []
    var histograms: [SeriesBatch.HistogramRow] = []
}

extension MetricSegment {
    static func write(_ series: [SeriesInput], tier: Int = 0, metadata: [MetricMetadata] = []) throws -> [UInt8] {
        let out = MemoryWriter()
        let writer = try MetricSegmentWriter(out, tier: tier)
        let rows = RowBuffer()
        for one in series.sorted(by: { $0.labels < $1.labels }) {
            rows.clear()
            rows.append(one.timestamps, one.values, count: one.timestamps.count)
            try one.labels.storage.withUnsafeBytes { try writer.add($0, rows: rows, histograms: one.histograms) }
        }
        _ = try writer.finish(metadata: metadata)
        return out.bytes
    }

    static func make(
        _ series: [SeriesInput], tier: Int = 0, metadata: [MetricMetadata] = [], name: String = "metrics/0/test"
    ) throws -> MetricSegment {
        try MetricFormat().open(MemoryObject(write(series, tier: tier, metadata: metadata), name: name))
    }

    /// Everything in it; damage goes to `report`.
    func contents(in range: TimeRange = .everything, _ report: (SegmentDamage) -> Void = { _ in }) throws
        -> SegmentContents
    {
        var contents = SegmentContents()
        let buffer = RowBuffer()
        let memo = TimestampMemo()
        for series in 0..<seriesCount {
            buffer.clear()
            do {
                let labels = try labels(series)
                try appendRows(series, in: range, memo: memo, to: buffer, damage: report)
                for row in 0..<buffer.count { contents.floats.add(labels, buffer.timestamps[row], buffer.values[row]) }
                for row in try histograms(series, in: range, damage: report) {
                    contents.histograms[labels, default: [:]][row.timestamp] = row.histogram
                }
            } catch let damage as SegmentDamage {
                report(damage)
            }
        }
        return contents
    }
}

struct SegmentContents: Equatable {
    var floats = SeriesOracle()
    var histograms: [Labels: [Int64: NativeHistogram]] = [:]

    init() {}

    init(_ series: [SeriesInput], in range: TimeRange = .everything) {
        for one in series {
            for (timestamp, value) in zip(one.timestamps, one.values) where range.contains(timestamp) {
                floats.add(one.labels, timestamp, value)
            }
            for row in one.histograms where range.contains(row.timestamp) {
                histograms[one.labels, default: [:]][row.timestamp] = row.histogram
            }
        }
    }

    /// Whether all of this is in `other`, as it is.
    func isPart(of other: SegmentContents) -> Bool {
        floats.rows.allSatisfy { labels, rows in rows.allSatisfy { other.floats.rows[labels]?[$0.key] == $0.value } }
            && histograms.allSatisfy { labels, rows in
                rows.allSatisfy { other.histograms[labels]?[$0.key] == $0.value }
            }
    }
}

/// Series as exporters have them: several metrics, a few label names, many values.
enum SeriesSamples {
    static func series(_ count: Int, rows: Int, _ generator: inout SeededGenerator, histograms: Int = 0)
        -> [SeriesInput]
    {
        var all: [SeriesInput] = []
        for i in 0..<count {
            var labels = LabelsBuilder()
            labels.set("__name__", "metric_\(i % 7)_total")
            labels.set("instance", "host-\(i % 11):9100")
            labels.set("id", "\(i)")
            if i % 3 == 0 { labels.set("Zone", "eu-\(i % 2)") }
            if i % 4 == 0 { labels.set("path", "/very/long/path/of/an/endpoint/\(i / 4)") }
            var one = SeriesInput(labels: labels.labels())
            let schedule = ColumnSamples.Schedule.allCases[i % 5]
            // Two schedules of each kind, so that many series share their timestamps.
            var clock = SeededGenerator(seed: UInt64(i % 10))
            one.timestamps = ColumnSamples.timestamps(schedule, count: rows, &clock)
            let kind = ColumnSamples.Kind.allCases[i % ColumnSamples.Kind.allCases.count]
            one.values = ColumnSamples.values(kind, count: rows, &generator)
            all.append(one)
        }
        for i in 0..<histograms {
            var one = SeriesInput(labels: Labels(["__name__": "latency", "path": "/\(i)"]))
            one.histograms = (0..<300).map { row in
                var histogram = MetricRecordTests.sampleHistogram(Double(row + i))
                if row > 200 { histogram.positiveSpans[1].offset = 5 }
                return SeriesBatch.HistogramRow(
                    timestamp: 1_700_000_000_000 + Int64(row) * 15_000, histogram: histogram)
            }
            all.append(one)
        }
        return all
    }
}
