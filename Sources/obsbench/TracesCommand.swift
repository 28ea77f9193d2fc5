import Bedrock
import Formats
import Model
import TraceStore

/// `obsbench traces FILE`: the trace store by itself, over a corpus of OTLP requests.
enum TracesCommand {
    static func run(_ path: String, batches: Int) throws {
        let corpus = try Corpus(path)
        var decoder = OTLPTracesDecoder()
        let benchmark = TraceStoreBenchmark()
        let batch = SpanBatch()
        var decoding = 0.0
        var spans = 0
        try corpus.forEach(limit: batches) { record in
            batch.clear()
            let start = threadCPUNanoseconds()
            _ = try decoder.decode(protobuf: record.body, into: batch)
            decoding += threadCPUNanoseconds() - start
            spans += batch.rowCount
            try benchmark.add(batch)
        }
        try benchmark.finish()
        for measure in benchmark.measures {
            print("\(measure.name): \((measure.value * 1000).rounded() / 1000) \(measure.unit)")
        }
        print("CPU, decode: \((decoding / Double(max(spans, 1))).rounded() / 1000) µs/span")
        print("peak memory, all of it: \(ProcessUsage.now().peakBytes >> 20) MiB")
    }
}
