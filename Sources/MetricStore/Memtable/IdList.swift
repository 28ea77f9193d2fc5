import LSM
import Synchronization

/// Ascending ids of one posting list, in a block that is replaced by a larger one when it is full.
///
/// One thread appends, any number read. Readers load the count before the block, so that the block holds at least that many ids.
/// A list of one, by far the most frequent, lives in the word that otherwise points to the block.
struct IdList: ~Copyable {
    /// 0: empty; odd: the only id, shifted left by one; even: address of the block.
    private let word = Atomic<UInt>(0)
    private let published = Atomic<UInt32>(0)
    private var capacity: UInt32 = 0

    /// For the writer. `arena` must live as long as the list's readers.
    mutating func append(_ id: UInt32, arena: SlabArena) {
        let count = published.load(ordering: .relaxed)
        if count == 0 {
            word.store(UInt(id) << 1 | 1, ordering: .releasing)
        } else {
            if count == 1 || count == capacity { grow(count, arena) }
            let block = Self.block(word.load(ordering: .relaxed))
            block.unsafelyUnwrapped[Int(count)] = id
        }
        published.store(count + 1, ordering: .releasing)
    }

    private mutating func grow(_ count: UInt32, _ arena: SlabArena) {
        let larger = max(4, capacity * 2)
        let block = arena.allocate(Int(larger) * 4).bindMemory(to: UInt32.self, capacity: Int(larger))
        let old = word.load(ordering: .relaxed)
        if count == 1 && old & 1 == 1 {
            block[0] = UInt32(truncatingIfNeeded: old >> 1)
        } else if let from = Self.block(old) {
            block.update(from: from, count: Int(count))
        }
        capacity = larger
        word.store(UInt(bitPattern: block), ordering: .releasing)
    }

    var count: Int { Int(published.load(ordering: .acquiring)) }

    /// Calls `body` with the ids that were there at this moment.
    func withIds<R>(_ body: (UnsafeBufferPointer<UInt32>) throws -> R) rethrows -> R {
        let count = Int(published.load(ordering: .acquiring))
        let word = word.load(ordering: .acquiring)
        if count == 0 { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        if word & 1 == 1 {
            return try withUnsafePointer(to: UInt32(truncatingIfNeeded: word >> 1)) {
                try body(UnsafeBufferPointer(start: $0, count: 1))
            }
        }
        return try body(UnsafeBufferPointer(start: Self.block(word), count: count))
    }

    @inline(__always) private static func block(_ word: UInt) -> UnsafeMutablePointer<UInt32>? {
        UnsafeMutablePointer(bitPattern: word)
    }
}
