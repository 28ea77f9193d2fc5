import Bedrock
import Synchronization

/// One buffer of a `BodyPool`. One owner at a time.
final class PooledBuffer: @unchecked Sendable {
    var bytes: ByteBuffer
    /// What the pool's budget counts it as.
    fileprivate(set) var charged: Int

    fileprivate init(capacity: Int) {
        bytes = ByteBuffer(capacity: capacity)
        charged = bytes.allocatedBytes
    }
}

/// Buffers for request bodies, reused, with a budget for those in use. Thread-safe.
///
/// Memory grows with the bytes that have come, not with what a client announces.
final class BodyPool: Sendable {
    /// Kept buffers are sorted by the largest of these they reach; bigger than the last one they go back to the system.
    private static let classBytes = [4 << 10, 64 << 10, 512 << 10, 4 << 20]
    /// The biggest class that an announced length alone gets.
    private static let announcedClassMax = 2
    private static let keptBytesMax = 32 << 20

    private struct Kept {
        var buffers: [[PooledBuffer]] = Array(repeating: [], count: BodyPool.classBytes.count)
        var bytes = 0
    }

    private let budgetBytes: Int
    private let used = Atomic<Int>(0)
    private let kept = Mutex(Kept())

    init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    /// Bytes of the buffers in use.
    var usedBytes: Int { used.load(ordering: .relaxed) }

    /// An empty buffer, with room for `hint` bytes (less when that is much); nil when the budget is exhausted.
    func take(hint: Int) -> PooledBuffer? {
        let index = min(Self.classBytes.firstIndex { $0 >= hint } ?? .max, Self.announcedClassMax)
        let buffer = kept.withLock { kept -> PooledBuffer? in
            guard let buffer = kept.buffers[index].popLast() else { return nil }
            kept.bytes -= buffer.charged
            return buffer
        }
        if let buffer { return charge(buffer.charged) ? buffer : nil }
        return charge(Self.classBytes[index]) ? PooledBuffer(capacity: Self.classBytes[index]) : nil
    }

    /// Appends to a buffer that `take` gave; false when the budget is exhausted.
    func append(_ source: UnsafeRawBufferPointer, to buffer: PooledBuffer) -> Bool {
        let needed = buffer.bytes.count + source.count
        if needed > buffer.charged {
            let grown = max(needed, buffer.charged * 2)
            guard charge(grown - buffer.charged) else { return false }
            buffer.bytes.reserve(grown - buffer.bytes.count)
            buffer.charged = grown
        }
        buffer.bytes.append(source)
        return true
    }

    /// Counts what a buffer grew to by itself, as in decompression; false when that is over the budget.
    func recharge(_ buffer: PooledBuffer) -> Bool {
        let difference = buffer.bytes.allocatedBytes - buffer.charged
        guard difference == 0 || charge(difference) else { return false }
        buffer.charged = buffer.bytes.allocatedBytes
        return true
    }

    func give(_ buffer: PooledBuffer) {
        used.subtract(buffer.charged, ordering: .relaxed)
        buffer.bytes.clear()
        buffer.charged = buffer.bytes.allocatedBytes
        let size = buffer.charged
        guard size <= Self.classBytes[Self.classBytes.count - 1],
            let index = Self.classBytes.lastIndex(where: { $0 <= size })
        else { return }
        kept.withLock { kept in
            guard kept.bytes + size <= Self.keptBytesMax else { return }
            kept.bytes += size
            kept.buffers[index].append(buffer)
        }
    }

    /// The bytes of `buffer` as a request body, which gives the buffer back when it is dropped.
    func body(_ buffer: PooledBuffer) -> HTTPBody {
        let bytes = buffer.bytes.mutableBytes
        return HTTPBody(adopting: bytes, count: bytes.count) { [self] _ in give(buffer) }
    }

    private func charge(_ bytes: Int) -> Bool {
        if used.add(bytes, ordering: .relaxed).newValue <= budgetBytes { return true }
        used.subtract(bytes, ordering: .relaxed)
        return false
    }
}
