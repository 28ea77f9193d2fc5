/// Takes span batches: the collector's shards, an agent's sampler or disk queue, a test's memory. The rules are `MetricSink`'s.
public protocol SpanSink: Sendable {
    /// Takes `batch` over until `done`, and keeps nothing of it beyond that: receivers fill it again.
    /// Calls `done` exactly once, from any thread, when the batch is durable and visible, or refused.
    /// Returns at once; a full queue is answered through `done` with `.overloaded`.
    func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void)
}
