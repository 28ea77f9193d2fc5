import Model
import Synchronization

/// Batches that have grown already, to be filled again. Thread-safe.
public final class BatchPool: Sendable {
    private let free = Mutex<[MetricBatch]>([])
    /// Batches kept at most.
    public let batchesMax: Int
    /// A batch that grew beyond this is let go rather than kept.
    public let batchBytesMax: Int

    public init(batchesMax: Int = 16, batchBytesMax: Int = 8 << 20) {
        self.batchesMax = batchesMax
        self.batchBytesMax = batchBytesMax
    }

    /// An empty batch.
    public func take() -> MetricBatch { free.withLock { $0.popLast() } ?? MetricBatch() }

    /// Takes `batch` back; its giver touches it no more.
    public func give(_ batch: MetricBatch) {
        guard batch.byteCount <= batchBytesMax else { return }
        batch.clear()
        free.withLock { if $0.count < batchesMax { $0.append(batch) } }
    }
}
