import Bedrock
import Model

/// Which stream of a batch each row belongs to, for protocols whose rows come in any order of streams. Not thread-safe.
struct StreamTable {
    private var known: [Hash128: Int32] = [:]
    private var streamOfRow: ContiguousArray<Int32> = []
    private var current: Int32 = -1

    mutating func clear() {
        known.removeAll(keepingCapacity: true)
        streamOfRow.removeAll(keepingCapacity: true)
        current = -1
    }

    /// Makes the stream of these canonical labels the one of the next row.
    /// - Returns: whether it is new in the batch.
    mutating func select(_ labels: UnsafeRawBufferPointer, in batch: LogBatch) -> Bool {
        if current >= 0, holds(current, labels, batch) { return false }
        let hash = Hash128(of: labels)
        if let stream = known[hash], holds(stream, labels, batch) {
            current = stream
            return false
        }
        current = Int32(batch.streams.count)
        known[hash] = current
        batch.beginStream(canonical: labels)
        return true
    }

    /// Notes a row of the selected stream; nothing for protocols that select none.
    @inline(__always)
    mutating func addRow() {
        if current >= 0 { streamOfRow.append(current) }
    }

    func group(_ batch: LogBatch) {
        streamOfRow.withUnsafeBufferPointer { if $0.count == batch.rowCount { batch.group(by: $0) } }
    }

    private func holds(_ stream: Int32, _ labels: UnsafeRawBufferPointer, _ batch: LogBatch) -> Bool {
        batch.withLabels(Int(stream)) { compareBytes($0, labels) == 0 }
    }
}
