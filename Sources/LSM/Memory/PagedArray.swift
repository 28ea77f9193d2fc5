import Synchronization

/// An array that only grows and whose elements never move: pages of doubling size.
///
/// One thread appends; others may read elements below a `count` they have read, without locks. Elements must be trivial to destroy.
package final class PagedArray<Element: ~Copyable>: @unchecked Sendable {
    @usableFromInline static var firstPageShift: Int { 6 }
    @usableFromInline static var pagesMax: Int { 32 }

    @usableFromInline let pages: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>
    @usableFromInline let published = Atomic<Int>(0)
    /// The writer's own count.
    @usableFromInline var used = 0
    @usableFromInline var pageCount = 0

    @inlinable package init() {
        pages = .allocate(capacity: Self.pagesMax)
        pages.initialize(repeating: nil, count: Self.pagesMax)
    }

    @inlinable deinit {
        for i in 0..<pageCount { pages[i]?.deallocate() }
        pages.deallocate()
    }

    /// Elements appended so far; what lies below is visible to the caller.
    @inlinable package var count: Int { published.load(ordering: .acquiring) }

    /// Bytes of all pages; for the writer.
    @inlinable package var byteCount: Int {
        pageCount == 0 ? 0 : ((1 << (Self.firstPageShift + pageCount)) - 64) * MemoryLayout<Element>.stride
    }

    /// Appends an element and makes it visible. Returns its index.
    @inlinable @discardableResult package func append(_ element: consuming Element) -> Int {
        let index = used
        let (page, offset) = Self.position(index)
        precondition(page < Self.pagesMax, "paged array is full at \(index) elements")
        if page == pageCount {
            pages[page] = .allocate(capacity: 1 << (Self.firstPageShift + page))
            pageCount += 1
        }
        if let base = pages[page] { (base + offset).initialize(to: element) }
        used += 1
        published.store(used, ordering: .releasing)
        return index
    }

    /// The address of element `index`, which must be below `count`.
    @inlinable @inline(__always) package func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
        let (page, offset) = Self.position(index)
        // A page below the published count is always there.
        return pages[page].unsafelyUnwrapped + offset
    }

    @inlinable @inline(__always) static func position(_ index: Int) -> (page: Int, offset: Int) {
        let shifted = index + (1 << firstPageShift)
        let page = Int.bitWidth - 1 - shifted.leadingZeroBitCount - firstPageShift
        return (page, shifted - (1 << (firstPageShift + page)))
    }
}
