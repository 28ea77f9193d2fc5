import Model
import Synchronization

/// A batch that can be emptied and filled again.
public protocol ReusableBatch: AnyObject, Sendable {
    init()
    /// Rough size in memory, for budgets.
    var byteCount: Int { get }
    /// Forgets the rows, keeps the memory.
    func clear()
}

extension MetricBatch: ReusableBatch {}
extension LogBatch: ReusableBatch {}
extension SpanBatch: ReusableBatch {}

/// Batches that have grown already, to be filled again. Thread-safe.
public final class BatchPool<Batch: ReusableBatch>: Sendable {
    private let free = Mutex<[Batch]>([])
    /// Batches kept at most.
    public let batchesMax: Int
    /// A batch that grew beyond this is let go rather than kept.
    public let batchBytesMax: Int

    public init(batchesMax: Int = 16, batchBytesMax: Int = 8 << 20) {
        self.batchesMax = batchesMax
        self.batchBytesMax = batchBytesMax
    }

    /// An empty batch.
    public func take() -> Batch { free.withLock { $0.popLast() } ?? Batch() }

    /// Takes `batch` back; its giver touches it no more.
    public func give(_ batch: Batch) {
        guard batch.byteCount <= batchBytesMax else { return }
        batch.clear()
        free.withLock { if $0.count < batchesMax { $0.append(batch) } }
    }
}
