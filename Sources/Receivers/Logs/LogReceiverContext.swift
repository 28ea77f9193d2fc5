import Bedrock
import Formats
import Instruments
import Model
import Transport

/// What receivers of logs share: where batches go, the pool they come from, how they decode, and who counts. Thread-safe.
public struct LogReceiverContext: Sendable {
    public let sink: any Model.LogSink
    public let pool: BatchPool<LogBatch>
    public let registry: InstrumentRegistry
    public let ledger: LossLedger
    public let clock: any ClockSource
    /// Memory of batches between decoding and the sink's answer; full: 503.
    public let memory: MemoryAccount
    public let decoding: LogDecodeOptions

    /// - Parameter memory: by default an own budget of 256 MiB.
    public init(
        sink: any Model.LogSink, registry: InstrumentRegistry, ledger: LossLedger,
        decoding: LogDecodeOptions = LogDecodeOptions(),
        pool: BatchPool<LogBatch> = BatchPool(batchesMax: 4, batchBytesMax: 8 << 20),
        memory: MemoryAccount = MemoryBudget(byteCountMax: 256 << 20).account("receivers"),
        clock: any ClockSource = SystemClock()
    ) {
        self.sink = sink
        self.registry = registry
        self.ledger = ledger
        self.decoding = decoding
        self.pool = pool
        self.memory = memory
        self.clock = clock
    }
}

/// What became of a request of logs, before it is said in the words of its protocol.
struct LogOutcome {
    /// Rows now durable and visible.
    var stored = 0
    /// Rows left out, and why the first of them.
    var refused = 0
    var firstRefusal: String?

    var summary: String {
        "\(refused) entries were refused, \(stored) stored. The first: \(firstRefusal ?? "no reason given")"
    }
}

extension LogReceiverContext {
    /// Nanoseconds since the epoch, from a clock of milliseconds.
    func arrival() -> Int64 { clock.now() &* 1_000_000 }

    func instruments(_ protocolName: String) -> ReceiverInstruments {
        ReceiverInstruments(
            protocolName: protocolName, registry: registry, ledger: ledger, clock: clock, signal: .logs)
    }

    /// Hands a decoded batch to the sink, within the memory allowed, and gives it back to the pool.
    ///
    /// - Parameter answer: called once, from any thread.
    func write(
        _ batch: LogBatch, origin: BatchOrigin, report: LogDecodeReport, instruments: ReceiverInstruments,
        answer: @escaping @Sendable (Result<LogOutcome, WriteError>) -> Void
    ) {
        let finish: @Sendable (WriteReceipt) -> Void = { receipt in
            // Only for requests that are answered for good: what is retried isn't lost yet.
            for reason in LogRejection.allCases { instruments.lost(report.rejected(reason), reason.rawValue) }
            answer(
                .success(
                    LogOutcome(
                        stored: receipt.accepted, refused: receipt.rejected + report.rejectedTotal,
                        firstRefusal: report.firstRejection ?? receipt.firstRejection)))
        }
        if batch.isEmpty {
            pool.give(batch)
            return finish(WriteReceipt(accepted: 0))
        }
        let bytes = batch.byteCount
        guard memory.tryGrow(by: bytes) else {
            pool.give(batch)
            return answer(.failure(.overloaded("too many writes are being worked on", retryAfterSeconds: 1)))
        }
        sink.write(batch, origin: origin) { [memory, pool] result in
            memory.shrink(by: bytes)
            pool.give(batch)
            switch result {
            case .success(let receipt): finish(receipt)
            case .failure(let error): answer(.failure(error))
            }
        }
    }
}

/// Why a request of logs is refused before its batch exists.
struct LogRefusal: Error {
    let status: Int
    let text: String

    init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }

    init(_ error: LogDecodeError) {
        switch error {
        case .malformed: self.init(400, error.description)
        case .tooLarge: self.init(413, error.description)
        }
    }

    init(_ error: CompressionError) {
        switch error {
        case .corrupt: self.init(400, error.description)
        case .tooLarge: self.init(413, error.description)
        }
    }
}

/// Sizes that receivers of logs over HTTP allow.
public struct LogReceiverOptions: Sendable {
    /// Largest body, as sent and once the server undid its Content-Encoding, in bytes (413).
    public var bodyBytesMax = 16 << 20
    /// Largest message within a body that is compressed in itself (snappy), in bytes (413); checked before anything is allocated.
    public var decompressedBytesMax = 64 << 20

    public init() {}
}
