/// Working memory of the column encoders and decoders, reused from chunk to chunk so that none of them allocates.
///
/// One per thread; not thread-safe. Pointers taken from it are invalid after the next `reserve`.
public final class ColumnScratch {
    /// Whole numbers of a column: scaled decimals, timestamps or bit patterns.
    public private(set) var integers: UnsafeMutablePointer<Int64>
    /// Distances from the first number, divided by their common factor.
    public private(set) var distances: UnsafeMutablePointer<Int64>
    /// What gets packed.
    public private(set) var residuals: UnsafeMutablePointer<UInt64>
    /// Rows that are no decimals at the chunk's exponent.
    public private(set) var exceptions: UnsafeMutablePointer<Int32>
    /// Where a second encoding is tried.
    public var trial = ByteBuffer(capacity: 4096)
    private var capacity: Int

    public init(capacity: Int = 1024) {
        self.capacity = capacity
        integers = .allocate(capacity: capacity)
        distances = .allocate(capacity: capacity)
        residuals = .allocate(capacity: capacity)
        exceptions = .allocate(capacity: capacity)
    }

    deinit { release() }

    /// Room for columns of `count` rows; contents are lost when it has to grow.
    public func reserve(_ count: Int) {
        guard count > capacity else { return }
        release()
        capacity = max(count, capacity * 2)
        integers = .allocate(capacity: capacity)
        distances = .allocate(capacity: capacity)
        residuals = .allocate(capacity: capacity)
        exceptions = .allocate(capacity: capacity)
    }

    private func release() {
        integers.deallocate()
        distances.deallocate()
        residuals.deallocate()
        exceptions.deallocate()
    }
}
