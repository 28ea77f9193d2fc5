import Bedrock
import Formats
import MetricStore
import Model

/// `obsbench store FILE`: the metric store by itself, over recorded scrapes.
///
/// FILE holds expositions as received, each behind a line `#SCRAPE <milliseconds> <job>`. One second of the recording becomes fifteen, as a
/// usual scrape interval.
enum StoreCommand {
    static func run(_ path: String, slowdown: Int64 = 15) throws {
        let file = try PosixFileSystem().open(path, .read).map()
        var benchmark = StoreBenchmark(try batches(file.bytes, slowdown: slowdown))
        try benchmark.run()
        for measure in benchmark.measures {
            let value = (measure.value * 1000).rounded() / 1000
            print("\(measure.name): \(value) \(measure.unit)")
        }
    }

    private static func batches(_ bytes: UnsafeRawBufferPointer, slowdown: Int64) throws -> [MetricBatch] {
        let mark = Array("#SCRAPE ".utf8)
        var starts: [Int] = []
        var at = 0
        while at < bytes.count,
            let found = mark.withUnsafeBytes({ UnsafeRawBufferPointer(rebasing: bytes[at...]).firstOffset(of: $0) })
        {
            starts.append(at + found)
            at += found + mark.count
        }
        var first: Int64?
        return try starts.indices.map { i in
            let part = UnsafeRawBufferPointer(
                rebasing: bytes[starts[i]..<(i + 1 < starts.count ? starts[i + 1] : bytes.count)])
            let newline = part.firstIndex(of: UInt8(ascii: "\n")) ?? part.count - 1
            let words = String(decoding: part[..<newline], as: UTF8.self).split(separator: " ")
            let time = words.count > 1 ? Int64(words[1]) ?? 0 : 0
            let base = first ?? time
            first = base
            let scrape = MetricBatch()
            try scrape.append(
                exposition: UnsafeRawBufferPointer(rebasing: part[(newline + 1)...]), format: .classic,
                now: base + (time - base) * slowdown)
            return withTargetLabels(scrape, job: words.count > 2 ? String(words[2]) : "job")
        }
    }

    /// The batch as a scrape would have made it.
    private static func withTargetLabels(_ scrape: MetricBatch, job: String) -> MetricBatch {
        let batch = MetricBatch()
        for i in scrape.entries.indices {
            var builder = LabelsBuilder(scrape.labels(i))
            builder.set("job", job)
            builder.set("instance", "host-0001:9100")
            batch.beginSeries(builder.labels())
            let entry = scrape.entries[i]
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                batch.append(timestamp: scrape.timestamps[row], value: scrape.values[row])
            }
        }
        return batch
    }
}
