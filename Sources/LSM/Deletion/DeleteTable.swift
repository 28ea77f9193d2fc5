import Model
import Synchronization

/// The deletes of one shard that have an id, as its workers and readers share them. Thread-safe.
final class DeleteTable: Sendable {
    private let records: Mutex<[UInt64: DeleteRecord]>

    init(_ records: [DeleteRecord]) {
        self.records = Mutex(Dictionary(records.map { ($0.tombstone.offset, $0) }) { $1 })
    }

    /// By offset.
    var all: [DeleteRecord] {
        records.withLock { $0.values.sorted { $0.tombstone.offset < $1.tombstone.offset } }
    }

    /// Those whose bytes may still be somewhere.
    var pending: [DeleteRecord] { all.filter { $0.goneAt == nil } }

    /// A delete that was applied to the shard, perhaps again.
    func note(_ tombstone: Tombstone) {
        guard !tombstone.id.isEmpty else { return }
        records.withLock { records in
            if records[tombstone.offset] == nil { records[tombstone.offset] = DeleteRecord(tombstone: tombstone) }
        }
    }

    func noteApplied(_ offsets: [UInt64]) {
        records.withLock { records in for offset in offsets { records[offset]?.isApplied = true } }
    }

    func noteGone(_ offsets: some Sequence<UInt64>, at time: Int64) {
        records.withLock { records in for offset in offsets { records[offset]?.goneAt = time } }
    }

    func forget(_ offsets: [UInt64]) {
        records.withLock { records in for offset in offsets { records[offset] = nil } }
    }
}

/// Deletes that are on their way into the shards, by id. Thread-safe.
final class PendingDeletes: Sendable {
    private let receipts = Mutex<[String: DeleteReceipt]>([:])

    var all: [DeleteReceipt] { receipts.withLock { Array($0.values) } }
    subscript(id: String) -> DeleteReceipt? { receipts.withLock { $0[id] } }
    func add(_ receipt: DeleteReceipt) { receipts.withLock { $0[receipt.id] = receipt } }
    func remove(_ id: String) { receipts.withLock { $0[id] = nil } }
}
