import Bedrock
import Formats
import Instruments
import Model
import Receivers
import Transport

/// All receivers of metrics on a real server, with a sink in memory.
struct TestReceiver {
    let sink = MemorySink()
    let registry = InstrumentRegistry()
    let ledger: LossLedger
    let server: HTTPServer
    let client = HTTPClient()

    init(
        memory: Int = 64 << 20, remoteWrite: RemoteWriteReceiver.Options = .init(),
        importing: ImportReceiver.Options = .init(), otlp: OTLPMetricsReceiver.Options = .init()
    ) throws {
        ledger = LossLedger(registry: registry)
        let context = ReceiverContext(
            sink: sink, registry: registry, ledger: ledger,
            memory: MemoryBudget(byteCountMax: memory).account("receivers"),
            clock: FixedClock())
        server = HTTPServer(
            HTTPServerOptions(),
            routes: RemoteWriteReceiver(context, options: remoteWrite).routes
                + ImportReceiver(context, options: importing).routes
                + OTLPMetricsReceiver(context, options: otlp).routes)
        try server.start()
    }

    func post(
        _ path: String, _ body: [UInt8],
        _ headers: HTTPHeaders = ["Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"]
    ) throws -> (status: Int, text: String, headers: HTTPHeaders) {
        let response = try client.call(HTTPCall(.post, server.url + path, headers: headers, body: body))
        return (response.status, String(decoding: response.body, as: UTF8.self), response.headers)
    }

    /// Snappy over a remote-write request of `batch`.
    static func body(_ batch: MetricBatch) -> [UInt8] {
        var message = ByteBuffer()
        RemoteWriteEncoder.encode(batch, into: &message)
        return compressed(message.array())
    }

    static func compressed(_ message: [UInt8]) -> [UInt8] {
        var body = ByteBuffer()
        message.withUnsafeBytes { Snappy.compress($0, into: &body) }
        return body.array()
    }

    static func batch(_ labels: Labels, _ samples: [Sample] = [Sample(1000, 1.5)]) -> MetricBatch {
        let batch = MetricBatch()
        batch.beginSeries(labels)
        for sample in samples { batch.append(timestamp: sample.timestamp, value: sample.value) }
        return batch
    }
}

struct FixedClock: ClockSource {
    func now() -> Int64 { 1_700_000_000_000 }
    func monotonicNanoseconds() -> UInt64 { 1 }
}
