import Bedrock
import Formats
import Glibc
import LogStore
import Model

/// `obsbench logs FILE`: the log store by itself, over a corpus of JSON lines, beside `zstd -9` over the bare lines in the same run.
enum LogsCommand {
    static func run(_ path: String, batches: Int) throws {
        let corpus = try Corpus(path)
        var decoder = JSONLinesDecoder()
        let fields = DocumentFields(time: ["_time"], message: ["_msg"], stream: ["app", "host", "level"])
        let benchmark = LogStoreBenchmark()
        let batch = LogBatch()
        var bare = ByteBuffer(capacity: 1 << 20)
        var zstdSeconds = 0.0
        var zstdBytes = 0
        var packed = ByteBuffer(capacity: 1 << 20)
        func pack() {
            let start = ProcessUsage.now().cpuSeconds
            packed.clear()
            Zstd.compress(bare.bytes, into: &packed, level: 9)
            zstdSeconds += ProcessUsage.now().cpuSeconds - start
            zstdBytes += packed.count
            bare.clear()
        }
        var lines = 0
        try corpus.forEach(limit: batches) { record in
            batch.clear()
            _ = try decoder.decode(record.body, fields: fields, arrival: 0, into: batch)
            lines += batch.rowCount
            // In the order of the corpus, not of the streams.
            appendMessages(record.body, to: &bare)
            if bare.count >= 64 << 20 { pack() }
            try benchmark.add(batch)
        }
        pack()
        try benchmark.finish()
        for measure in benchmark.measures {
            print("\(measure.name): \((measure.value * 1000).rounded() / 1000) \(measure.unit)")
        }
        print("zstd -9 over the bare lines: \(rounded(Double(zstdBytes) / Double(max(lines, 1)))) B/line")
        print("CPU, zstd -9: \(rounded(zstdSeconds * 1e6 / Double(max(lines, 1)))) µs/line, \(rounded(zstdSeconds)) s")
        print("peak memory, all of it: \(ProcessUsage.now().peakBytes >> 20) MiB")
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    /// The lines alone, each with its newline.
    private static func appendMessages(_ body: UnsafeRawBufferPointer, to bare: inout ByteBuffer) {
        let mark = Array("\"_msg\":\"".utf8)
        var at = 0
        mark.withUnsafeBytes { mark in
            while at < body.count, let found = UnsafeRawBufferPointer(rebasing: body[at...]).firstOffset(of: mark) {
                var end = at + found + mark.count
                while end < body.count, body[end] != UInt8(ascii: "\"") {
                    // Escaped characters count as the byte they stand for.
                    if body[end] == UInt8(ascii: "\\"), end + 1 < body.count { end += 1 }
                    bare.append(body[end])
                    end += 1
                }
                bare.append(UInt8(ascii: "\n"))
                at = end
            }
        }
    }
}
