import CObs
import Synchronization

/// Memory for spans and log records: blocks of one size out of one reservation, so that recording never allocates and everything together has
/// a ceiling. Thread-safe and lock-free.
///
/// Free blocks are kept in stripes, one for a few threads each, as stacks linked by number; the head carries a tag that changes with every
/// operation, so that a block that went and came back isn't taken for one that stayed.
final class RecordPool: @unchecked Sendable {
    static let blockBytes = 512
    static let payloadBytes = blockBytes - MemoryLayout<Block>.stride
    static let stripeCount = 8

    /// What begins every block. Its bytes follow.
    struct Block {
        /// The next free block, or the next of a record's; 0: none.
        var next: UInt32
        /// Bytes in use behind this.
        var used: UInt32
    }

    private struct Stripe: ~Copyable {
        let free = Atomic<UInt64>(0)
        // On a cache line of its own, with its neighbour's.
        let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    }

    private let base: UnsafeMutableRawPointer?
    /// Where blocks are counted from; never used when there is no memory, as then no block is given out.
    let start: UnsafeMutableRawPointer
    private let blockCount: UInt32
    private let stripes: UnsafeMutablePointer<Stripe>
    /// Blocks never used before begin here; block 0 is never used.
    private let fresh = Atomic<UInt32>(1)

    init(bytes: Int) {
        let wanted = min(max(bytes / Self.blockBytes, 64), 1 << 26)
        base = cobs_reserve(UInt64(wanted * Self.blockBytes))
        start = base ?? UnsafeMutableRawPointer(bitPattern: 8).unsafelyUnwrapped
        blockCount = base == nil ? 1 : UInt32(wanted)
        stripes = .allocate(capacity: Self.stripeCount)
        for i in 0..<Self.stripeCount { (stripes + i).initialize(to: Stripe()) }
    }

    deinit {
        if let base { cobs_release(base, UInt64(blockCount) * UInt64(Self.blockBytes)) }
        stripes.deinitialize(count: Self.stripeCount)
        stripes.deallocate()
    }

    /// The stripe of the calling thread.
    @inline(__always)
    static func stripe() -> Int { Int(cobs_thread()) & (stripeCount - 1) }

    @inline(__always)
    func block(_ index: UInt32) -> UnsafeMutablePointer<Block> {
        // Only numbers that this pool gave out come here.
        (start + Int(index) * Self.blockBytes).assumingMemoryBound(to: Block.self)
    }

    @inline(__always)
    func payload(_ index: UInt32) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(block(index) + 1)
    }

    /// An empty block, or 0 when all are in use.
    @inline(__always)
    func take(_ stripe: Int) -> UInt32 {
        var index = pop(stripe)
        if index == 0 { index = takeElsewhere(stripe) }
        if index != 0 { block(index).pointee = Block(next: 0, used: 0) }
        return index
    }

    @inline(__always)
    private func pop(_ stripe: Int) -> UInt32 {
        var head = stripes[stripe].free.load(ordering: .acquiring)
        while true {
            let index = UInt32(truncatingIfNeeded: head)
            if index == 0 { return 0 }
            // May be another owner's by now; the tag then makes the exchange fail.
            let next = Self.next(block(index)).pointee.load(ordering: .relaxed)
            let desired = (head & 0xFFFF_FFFF_0000_0000) &+ 0x1_0000_0000 | UInt64(next)
            let (exchanged, current) = stripes[stripe].free.weakCompareExchange(
                expected: head, desired: desired, successOrdering: .acquiringAndReleasing,
                failureOrdering: .acquiring)
            if exchanged { return index }
            head = current
        }
    }

    @inline(never)
    private func takeElsewhere(_ stripe: Int) -> UInt32 {
        var index = fresh.load(ordering: .relaxed)
        while index < blockCount {
            let (exchanged, current) = fresh.weakCompareExchange(
                expected: index, desired: index + 1, ordering: .relaxed)
            if exchanged { return index }
            index = current
        }
        for i in 1..<Self.stripeCount {
            let index = pop((stripe + i) & (Self.stripeCount - 1))
            if index != 0 { return index }
        }
        return 0
    }

    /// Gives back a chain of blocks, linked from `first`.
    func give(_ first: UInt32, _ stripe: Int) {
        var last = first
        while block(last).pointee.next != 0 { last = block(last).pointee.next }
        var head = stripes[stripe].free.load(ordering: .relaxed)
        while true {
            Self.next(block(last)).pointee.store(UInt32(truncatingIfNeeded: head), ordering: .relaxed)
            let desired = (head & 0xFFFF_FFFF_0000_0000) &+ 0x1_0000_0000 | UInt64(first)
            let (exchanged, current) = stripes[stripe].free.weakCompareExchange(
                expected: head, desired: desired, successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return }
            head = current
        }
    }

    /// A block's link as an atomic: it is read by threads that don't own the block.
    @inline(__always)
    static func next(_ block: UnsafeMutablePointer<Block>) -> UnsafeMutablePointer<Atomic<UInt32>> {
        UnsafeMutableRawPointer(block).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
}
