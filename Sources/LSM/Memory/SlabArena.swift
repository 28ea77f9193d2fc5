import Synchronization

/// Memory that is only handed out, and given back all at once when the arena is released. Addresses never move.
///
/// One thread allocates; readers may use what they were given for as long as they hold the arena.
package final class SlabArena: @unchecked Sendable {
    private static let slabBytesMin = 16 << 10
    private static let slabBytesMax = 1 << 20

    @usableFromInline var slabs: [UnsafeMutableRawPointer] = []
    @usableFromInline var next: UnsafeMutableRawPointer?
    @usableFromInline var left = 0
    @usableFromInline let handedOut = Atomic<Int>(0)

    package init() {}

    deinit { for slab in slabs { slab.deallocate() } }

    /// Bytes handed out. Thread-safe.
    package var byteCount: Int { handedOut.load(ordering: .relaxed) }

    /// `byteCount` bytes at an address divisible by 8, not initialised.
    @inlinable package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = (max(byteCount, 1) + 7) & ~7
        handedOut.add(size, ordering: .relaxed)
        if size <= left, let start = next {
            next = start + size
            left -= size
            return start
        }
        return allocateSlab(size)
    }

    @usableFromInline func allocateSlab(_ size: Int) -> UnsafeMutableRawPointer {
        // Slabs double, so that a small table stays small.
        let ordinary = min(Self.slabBytesMax, Self.slabBytesMin << min(slabs.count, 6))
        guard size <= ordinary / 4 else {
            // Large pieces get a slab of their own, and the current one stays in use.
            let slab = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
            slabs.append(slab)
            return slab
        }
        let slab = UnsafeMutableRawPointer.allocate(byteCount: ordinary, alignment: 16)
        slabs.append(slab)
        next = slab + size
        left = ordinary - size
        return slab
    }

    /// A copy of `bytes`.
    @inlinable package func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let target = allocate(bytes.count)
        if let source = bytes.baseAddress { target.copyMemory(from: source, byteCount: bytes.count) }
        return UnsafeRawBufferPointer(start: target, count: bytes.count)
    }
}
