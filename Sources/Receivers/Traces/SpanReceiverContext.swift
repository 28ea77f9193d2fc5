import Bedrock
import Formats
import Instruments
import Model
import Transport

/// What receivers of spans share: where batches go, the pool they come from, what they allow, and who counts. Thread-safe.
public struct SpanReceiverContext: Sendable {
    public let sink: any SpanSink
    public let pool: BatchPool<SpanBatch>
    public let registry: InstrumentRegistry
    public let ledger: LossLedger
    public let clock: any ClockSource
    /// Memory of batches between decoding and the sink's answer; full: 503.
    public let memory: MemoryAccount
    public let limits: SpanLimits

    /// - Parameter memory: by default an own budget of 256 MiB.
    public init(
        sink: any SpanSink, registry: InstrumentRegistry, ledger: LossLedger, limits: SpanLimits = SpanLimits(),
        pool: BatchPool<SpanBatch> = BatchPool(batchesMax: 4, batchBytesMax: 8 << 20),
        memory: MemoryAccount = MemoryBudget(byteCountMax: 256 << 20).account("receivers"),
        clock: any ClockSource = SystemClock()
    ) {
        self.sink = sink
        self.registry = registry
        self.ledger = ledger
        self.limits = limits
        self.pool = pool
        self.memory = memory
        self.clock = clock
    }

    func instruments(_ protocolName: String) -> ReceiverInstruments {
        ReceiverInstruments(
            protocolName: protocolName, registry: registry, ledger: ledger, clock: clock, signal: .traces)
    }
}

/// Sizes that receivers of spans over HTTP allow.
public struct SpanReceiverOptions: Sendable {
    /// Largest body, as sent and once the server undid its Content-Encoding, in bytes (413).
    public var bodyBytesMax = 16 << 20

    public init() {}
}

/// What became of a request of spans, before it is said in the words of its protocol.
struct SpanOutcome {
    /// Spans now durable and visible.
    var stored = 0
    /// Spans left out, and why the first of them.
    var refused = 0
    var firstRefusal: String?

    /// Empty when nothing was refused.
    var summary: String {
        if refused == 0 { return "" }
        return "\(refused) spans were refused, \(stored) stored. The first: \(firstRefusal ?? "no reason given")"
    }
}

/// Why a request of spans is refused before its batch exists.
struct SpanRefusal: Error {
    let status: Int
    let text: String

    init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }

    init(_ error: SpanDecodeError) {
        switch error {
        case .malformed: self.init(400, error.description)
        case .tooLarge: self.init(413, error.description)
        }
    }
}
