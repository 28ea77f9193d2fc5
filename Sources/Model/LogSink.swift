/// Takes log batches: the collector's shards, an agent's disk queue, a test's memory. The rules are `MetricSink`'s.
public protocol LogSink: Sendable {
    /// Takes `batch` over until `done`, and keeps nothing of it beyond that: receivers fill it again.
    /// Calls `done` exactly once, from any thread, when the batch is durable and visible, or refused.
    /// Returns at once; a full queue is answered through `done` with `.overloaded`.
    func write(
        _ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void)
}

/// What is being written now, for those who follow it. Thread-safe.
public protocol LogFeed: Sendable {
    /// Calls `receive` with every batch of the tenant that becomes durable from now on, until the returned subscription is dropped.
    ///
    /// `receive` is called on a writer's thread, from several at once: it must copy what it wants and return quickly; it may keep nothing
    /// of the batch.
    func follow(tenant: Tenant, _ receive: @escaping @Sendable (LogBatch) -> Void) -> any LogSubscription
}

/// Ends with its last reference.
public protocol LogSubscription: AnyObject, Sendable {}
