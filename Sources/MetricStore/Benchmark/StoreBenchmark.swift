import Bedrock
import LSM
import Model

/// Takes batches through the whole store in memory, and says what each step costs and what the rows become.
///
/// For `obsbench`: CPU time of the calling thread, no disk.
public struct StoreBenchmark {
    /// One figure.
    public struct Measure: Sendable {
        public var name: String
        public var value: Double
        public var unit: String
    }

    /// In the order of the steps.
    public private(set) var measures: [Measure] = []
    private let batches: [MetricBatch]
    private let samples: Double

    public init(_ batches: [MetricBatch]) {
        self.batches = batches
        samples = Double(max(1, batches.reduce(0) { $0 + $1.sampleCount }))
    }

    /// Runs all steps.
    /// - Throws: what the store throws; its own output doesn't.
    public mutating func run() throws {
        add("samples", samples, "")
        let records = encodeRecords()
        let table = try apply(records)
        let (flushed, flushSpent) = try Self.timed { try Self.flush(table) }
        add("flush to tier 0", flushSpent / samples, "ns/sample")
        let format = MetricFormat()
        let segment = try format.open(flushed)
        add("tier 0 size", Double(flushed.size) / samples, "B/sample")
        let (merged, mergeSpent) = try Self.timed { try Self.merge(format, segment) }
        add("merge to tier 1", mergeSpent / samples, "ns/sample")
        let compact = try format.open(merged)
        add("tier 1 size", Double(merged.size) / samples, "B/sample")
        for kind in SegmentLayout.Kind.allCases { addShare(kind, compact) }
        try decodeChunks(segment)
        try read("read tier 0", MetricRun(segment))
        try read("read tier 1", MetricRun(compact))
        if let run = MetricRun(table.pin(), tenant: .default) { try read("read memtable", run) }
    }

    private mutating func encodeRecords() -> [[UInt8]] {
        var records: [[UInt8]] = []
        var buffer = ByteBuffer(capacity: 1 << 20)
        var spent = 0.0
        for batch in batches {
            buffer.clear()
            let start = threadCPUNanoseconds()
            MetricRecord.encode(batch, into: &buffer)
            spent += threadCPUNanoseconds() - start
            records.append(buffer.array())
        }
        add("record encode", spent / samples, "ns/sample")
        add("record size", Double(records.reduce(0) { $0 + $1.count }) / samples, "B/sample")
        return records
    }

    private mutating func apply(_ records: [[UInt8]]) throws -> MetricMemtable {
        let table = MetricMemtable()
        // The first records, one per target, make the series; they are measured by themselves.
        let series = Double(max(1, batches.prefix(2).reduce(0) { $0 + $1.seriesCount }))
        for (i, part) in [0..<min(2, records.count), min(2, records.count)..<records.count].enumerated() {
            let rows = Double(max(1, batches[part].reduce(0) { $0 + $1.sampleCount }))
            let (_, spent) = try Self.timed {
                for n in part {
                    try records[n].withUnsafeBytes { try table.apply($0, tenant: .default, offset: UInt64(n + 1)) }
                }
            }
            add(i == 0 ? "memtable apply, new series" : "memtable apply", spent / rows, "ns/sample")
        }
        add("memtable memory", Double(table.byteCount) / series, "B/series")
        return table
    }

    private static func flush(_ table: MetricMemtable) throws -> BenchmarkObject {
        let out = BenchmarkObject()
        _ = try MetricFormat().flush(table, tenant: .default, into: out)
        return out
    }

    private static func merge(_ format: MetricFormat, _ segment: MetricSegment) throws -> BenchmarkObject {
        let out = BenchmarkObject()
        _ = try format.merge(
            [segment], clip: .everything, tombstones: [], tier: 1, into: out, damage: { _ in }, yield: {})
        return out
    }

    private mutating func decodeChunks(_ segment: MetricSegment) throws {
        var values = [Double](repeating: 0, count: TimestampColumn.rowsMax)
        var best = Double.infinity
        for _ in 0..<3 {
            best = min(best, try Self.timed { try Self.decodeAll(segment, &values) }.nanoseconds)
        }
        add("decode values", best / samples, "ns/sample")
    }

    private static func decodeAll(_ segment: MetricSegment, _ values: inout [Double]) throws {
        for number in 0..<segment.directory.blockCount(.chunkDirectory) {
            let group = try segment.chunkDirectory(segment.directory.position(.chunkDirectory, number))
            for chunk in group.chunks {
                let page = try segment.page(chunk.page)
                let bytes = UnsafeRawBufferPointer(rebasing: page.bytes[chunk.offset..<chunk.offset + chunk.byteCount])
                try ValueColumn.decode(bytes, count: chunk.rows, into: &values)
            }
        }
    }

    private mutating func read(_ name: String, _ run: MetricRun) throws {
        let snapshot = MetricSnapshot([run])
        let batch = SeriesBatch()
        for pass in ["cold", "warm"] {
            let (selection, selectSpent) = try Self.timed {
                try snapshot.select(SeriesRequest(matchers: [], range: .everything))
            }
            let (count, readSpent) = try Self.timed {
                var count = 0
                for start in stride(from: 0, to: selection.count, by: 256) {
                    try selection.read(start..<min(selection.count, start + 256), into: batch)
                    count += batch.rowCount + batch.histograms.count
                }
                return count
            }
            add("\(name), \(pass): select", selectSpent / Double(max(1, selection.count)), "ns/series")
            add("\(name), \(pass): read", readSpent / Double(max(1, count)), "ns/sample")
        }
    }

    // MARK: Figures

    private mutating func add(_ name: String, _ value: Double, _ unit: String) {
        measures.append(Measure(name: name, value: value, unit: unit))
    }

    private mutating func addShare(_ kind: SegmentLayout.Kind, _ segment: MetricSegment) {
        let bytes = segment.directory.blocks.filter { $0.kind == kind }.reduce(0) { $0 + $1.storedBytes }
        if bytes > 0 { add("  of it: \(kind.name)", Double(bytes) / samples, "B/sample") }
    }

    private static func timed<R>(_ body: () throws -> R) throws -> (R, nanoseconds: Double) {
        let start = threadCPUNanoseconds()
        let result = try body()
        return (result, threadCPUNanoseconds() - start)
    }

}

/// An object in memory, written and then read.
final class BenchmarkObject: ObjectWriter, ObjectReader, @unchecked Sendable {
    private var buffer = ByteBuffer(capacity: 1 << 20)
    let name = "benchmark"
    var count: Int { buffer.count }
    var size: Int { buffer.count }

    func append(_ bytes: UnsafeRawBufferPointer) { buffer.append(bytes) }
    func finish() {}
    func bytes(_ range: Range<Int>) -> ObjectBytes {
        ObjectBytes(UnsafeRawBufferPointer(rebasing: buffer.bytes[range]), owner: self)
    }
}
