import Bedrock
import Instruments
import Model
import Transport

/// What receivers share: where batches go, the pool they come from, and who counts. Thread-safe.
public struct ReceiverContext: Sendable {
    public let sink: any MetricSink
    public let pool: BatchPool<MetricBatch>
    public let registry: InstrumentRegistry
    public let ledger: LossLedger
    public let clock: any ClockSource
    /// Memory of batches between decoding and the sink's answer; full: 503.
    public let memory: MemoryAccount

    /// - Parameter memory: by default an own budget of 256 MiB.
    public init(
        sink: any MetricSink, registry: InstrumentRegistry, ledger: LossLedger,
        pool: BatchPool<MetricBatch> = BatchPool(),
        memory: MemoryAccount = MemoryBudget(byteCountMax: 256 << 20).account("receivers"),
        clock: any ClockSource = SystemClock()
    ) {
        self.sink = sink
        self.registry = registry
        self.ledger = ledger
        self.pool = pool
        self.memory = memory
        self.clock = clock
    }
}

extension ReceiverContext {
    /// Hands a batch to the sink, within the memory allowed, and gives it back to the pool.
    ///
    /// - Parameters:
    ///   - refusedBefore: samples that were left out while decoding, and why the first of them.
    ///   - answer: called once with what to respond, and the receipt unless the batch was refused.
    func write(
        _ batch: MetricBatch, origin: BatchOrigin, refusedBefore: (samples: Int, first: String?) = (0, nil),
        answer: @escaping @Sendable (HTTPResponse, WriteReceipt?) -> Void
    ) {
        submit(batch, origin: origin) { result in
            switch result {
            case .success(let receipt): answer(WriteAnswer.taken(receipt, refusedBefore: refusedBefore), receipt)
            case .failure(let error): answer(WriteAnswer.refused(error), nil)
            }
        }
    }

    /// The same without words for the answer. `done` is called once, from any thread.
    func submit(
        _ batch: MetricBatch, origin: BatchOrigin,
        done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        if batch.isEmpty {
            pool.give(batch)
            return done(.success(WriteReceipt(accepted: 0)))
        }
        let bytes = batch.byteCount
        guard memory.tryGrow(by: bytes) else {
            pool.give(batch)
            return done(.failure(.overloaded("too many writes are being worked on", retryAfterSeconds: 1)))
        }
        sink.write(batch, origin: origin) { [memory, pool] result in
            memory.shrink(by: bytes)
            pool.give(batch)
            done(result)
        }
    }
}
