import LSM

/// Memory of row pages, by capacity class. Pages that a writer replaced come back only when no reader can be in them any more.
///
/// Used by the writer alone.
struct PagePool {
    private struct Retired {
        let page: RowPage
        let tick: UInt32
    }

    private var free: [[UnsafeMutableRawPointer]] = Array(repeating: [], count: 48)
    /// In order of their ticks; the front part up to `retiredStart` is reclaimed.
    private var retired: [Retired] = []
    private var retiredStart = 0
    /// Bytes that wait for being used again.
    private(set) var freeBytes = 0

    mutating func make(capacity: Int, chunks: UnsafePointer<MemoryChunk>?, arena: SlabArena) -> RowPage {
        let kind = Self.kind(capacity)
        if let base = free[kind].popLast() {
            freeBytes -= RowPage.byteCount(capacity: capacity)
            return RowPage(base, capacity: capacity, chunks: chunks)
        }
        let base = arena.allocate(RowPage.byteCount(capacity: capacity))
        return RowPage(base, capacity: capacity, chunks: chunks)
    }

    /// Says that `page` is no longer linked, from the record `tick` on.
    mutating func retire(_ page: RowPage, tick: UInt32) { retired.append(Retired(page: page, tick: tick)) }

    /// Takes back pages that were unlinked by the record `tick` or before.
    mutating func reclaim(through tick: UInt32) {
        while retiredStart < retired.count, retired[retiredStart].tick <= tick {
            let page = retired[retiredStart].page
            free[Self.kind(page.capacity)].append(page.base)
            freeBytes += RowPage.byteCount(capacity: page.capacity)
            retiredStart += 1
        }
        if retiredStart == retired.count {
            retired.removeAll(keepingCapacity: true)
            retiredStart = 0
        } else if retiredStart > 4096 && retiredStart * 2 > retired.count {
            retired.removeFirst(retiredStart)
            retiredStart = 0
        }
    }

    private static func kind(_ capacity: Int) -> Int { capacity.trailingZeroBitCount }
}
