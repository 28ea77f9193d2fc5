import Bedrock
import Formats
import Glibc
import Instruments
import Model
import Receivers
import Synchronization
import Transport

/// A sink of logs that keeps rows as text, or refuses as told.
final class MemoryLogSink: Model.LogSink {
    struct Row: Equatable, Sendable {
        var labels: String
        var time: Int64
        var line: [UInt8]
        var metadata: String
        var tenant: String
    }

    private struct State {
        var rows: [Row] = []
        var failure: WriteError?
        var held: [@Sendable () -> Void] = []
        var isHolding = false
    }

    private let state = Mutex(State())

    var rows: [Row] { state.withLock { $0.rows } }
    var lines: [String] { rows.map { String(decoding: $0.line, as: UTF8.self) } }

    /// Refuses from now on; nil accepts.
    func fail(_ error: WriteError?) { state.withLock { $0.failure = error } }

    /// Answers nothing until `release`.
    func hold() { state.withLock { $0.isHolding = true } }

    func release() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for answer in held { answer() }
    }

    func write(
        _ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        var rows: [Row] = []
        for (index, stream) in batch.streams.enumerated() {
            for row in stream.firstRow..<stream.firstRow + stream.rowCount {
                rows.append(
                    Row(
                        labels: batch.labels(index).description, time: batch.rows[row].timestamp,
                        line: batch.line(row), metadata: batch.metadata(row).description, tenant: origin.tenant.name))
            }
        }
        let count = rows.count
        let (failure, isHeld) = state.withLock { state -> (WriteError?, Bool) in
            if let failure = state.failure { return (failure, false) }
            state.rows += rows
            if state.isHolding { state.held.append { done(.success(WriteReceipt(accepted: count))) } }
            return (nil, state.isHolding)
        }
        if isHeld { return }
        done(failure.map { .failure($0) } ?? .success(WriteReceipt(accepted: count)))
    }

    func wait(for count: Int, seconds: Double = 5) -> Bool {
        for _ in 0..<Int(seconds * 200) {
            if rows.count >= count { return true }
            usleep(5000)
        }
        return rows.count >= count
    }
}

/// Always the same time of day; what waits for a while still waits no longer than that.
struct StandingClock: ClockSource {
    func now() -> Int64 { FixedClock().now() }
    func monotonicNanoseconds() -> UInt64 { SystemClock().monotonicNanoseconds() }
}

/// All receivers of logs on a real server, with a sink in memory.
struct LogTestReceiver {
    let sink = MemoryLogSink()
    let registry = InstrumentRegistry()
    let ledger: LossLedger
    let context: LogReceiverContext
    let server: HTTPServer
    let client = HTTPClient()

    init(memory: Int = 64 << 20, options: LogReceiverOptions = .init()) throws {
        ledger = LossLedger(registry: registry)
        context = LogReceiverContext(
            sink: sink, registry: registry, ledger: ledger,
            memory: MemoryBudget(byteCountMax: memory).account("receivers"), clock: StandingClock())
        server = HTTPServer(
            HTTPServerOptions(),
            routes: LokiPushReceiver(context, options: options).routes
                + OTLPLogsReceiver(context, options: options).routes + BulkReceiver(context, options: options).routes
                + JSONLinesReceiver(context, options: options).routes)
        try server.start()
    }

    func send(
        _ path: String, _ body: [UInt8], _ headers: HTTPHeaders, method: HTTPMethod = .post
    ) throws -> (status: Int, text: String, headers: HTTPHeaders) {
        let response = try client.call(HTTPCall(method, server.url + path, headers: headers, body: body))
        return (response.status, String(decoding: response.body, as: UTF8.self), response.headers)
    }
}
