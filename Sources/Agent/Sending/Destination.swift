import Model

/// What became of a batch that was sent.
public enum DeliveryOutcome: Sendable, Equatable {
    /// Taken for good. Some samples may have been refused for reasons of their own, which the receiver counts.
    case delivered(rejected: Int, firstRejection: String?)
    /// It would be refused again: given up, and counted under `reason` (`http_400`, `invalid`, …).
    case refused(reason: String, text: String)
    /// Not now. `afterSeconds`: as the receiver asks.
    case retry(text: String, afterSeconds: Double?)
}

/// Where batches go: a remote-write receiver, or a sink in this process. Thread-safe.
public protocol Destination: Sendable {
    /// For logs and metrics; without secrets.
    var name: String { get }
    /// Sends a batch, whose owner it becomes; `done` is called exactly once, from any thread.
    func send(_ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (DeliveryOutcome) -> Void)
}
