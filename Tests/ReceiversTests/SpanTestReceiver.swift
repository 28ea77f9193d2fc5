import Bedrock
import Formats
import Instruments
import Model
import Receivers
import Synchronization
import Transport

/// A sink of spans that keeps copies, or refuses as told.
final class MemorySpanSink: SpanSink {
    private let state = Mutex((batches: [SpanBatch](), tenants: [String](), failure: WriteError?.none))

    /// All spans so far, copied.
    var spans: SpanBatch {
        let all = SpanBatch()
        for batch in state.withLock({ $0.batches }) { all.append(batch) }
        return all
    }

    var tenants: [String] { state.withLock { $0.tenants } }

    /// Refuses from now on; nil accepts.
    func fail(_ error: WriteError?) { state.withLock { $0.failure = error } }

    func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        let copy = SpanBatch()
        copy.append(batch)
        let failure = state.withLock { state in
            if state.failure == nil {
                state.batches.append(copy)
                state.tenants.append(origin.tenant.name)
            }
            return state.failure
        }
        done(failure.map { .failure($0) } ?? .success(WriteReceipt(accepted: batch.rowCount)))
    }
}

/// All receivers of spans on a real server, with a sink in memory.
struct SpanTestReceiver {
    let sink = MemorySpanSink()
    let registry = InstrumentRegistry()
    let ledger: LossLedger
    let server: HTTPServer
    let client = HTTPClient()

    init(memory: Int = 64 << 20, options: SpanReceiverOptions = .init()) throws {
        ledger = LossLedger(registry: registry)
        let context = SpanReceiverContext(
            sink: sink, registry: registry, ledger: ledger,
            memory: MemoryBudget(byteCountMax: memory).account("receivers"), clock: StandingClock())
        server = HTTPServer(
            HTTPServerOptions(),
            routes: OTLPTracesReceiver(context, options: options).routes
                + ZipkinReceiver(context, options: options).routes + JaegerReceiver(context, options: options).routes)
        try server.start()
    }

    func send(
        _ path: String, _ body: [UInt8], _ headers: HTTPHeaders
    ) throws -> (status: Int, body: [UInt8], text: String, headers: HTTPHeaders) {
        let response = try client.call(HTTPCall(.post, server.url + path, headers: headers, body: body))
        return (
            response.status, Array(response.body), String(decoding: response.body, as: UTF8.self), response.headers
        )
    }
}
