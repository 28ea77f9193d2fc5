import Synchronization

/// The newest rows of one series, raw and in order of arrival, with the sealed chunks that came before them.
///
/// A page is one allocation: head, then timestamps, values and ticks as columns. The writer fills rows and publishes their
/// count; readers see the rows below a count they loaded. Nothing else of a page changes after it became visible, so one pointer gives a
/// reader chunks and rows that belong together.
struct RowPage {
    /// Capacities are powers of two from here on.
    static let capacityMin = 4
    private static let headBytes = 16
    private static let rowBytes = 8 + 8 + 4

    let base: UnsafeMutableRawPointer

    static func byteCount(capacity: Int) -> Int { headBytes + capacity * rowBytes }

    /// Lays out an empty page in `base`, which must have room for `capacity` rows.
    init(_ base: UnsafeMutableRawPointer, capacity: Int, chunks: UnsafePointer<MemoryChunk>?) {
        self.base = base
        base.storeBytes(of: UInt(bitPattern: chunks), as: UInt.self)
        base.storeBytes(of: UInt32(capacity), toByteOffset: 8, as: UInt32.self)
        (base + 12).initializeMemory(as: UInt32.self, to: 0)
    }

    init?(address: UInt) {
        guard let base = UnsafeMutableRawPointer(bitPattern: address) else { return nil }
        self.base = base
    }

    var address: UInt { UInt(bitPattern: base) }
    /// The chunk sealed last before these rows.
    var chunks: UnsafePointer<MemoryChunk>? { UnsafePointer(bitPattern: base.load(as: UInt.self)) }
    var capacity: Int { Int(base.load(fromByteOffset: 8, as: UInt32.self)) }

    private var published: UnsafeMutablePointer<Atomic<UInt32>> {
        (base + 12).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Rows visible to the caller.
    @inline(__always) var count: Int { Int(published.pointee.load(ordering: .acquiring)) }

    @inline(__always) var timestamps: UnsafeMutablePointer<Int64> {
        (base + Self.headBytes).assumingMemoryBound(to: Int64.self)
    }

    @inline(__always) var values: UnsafeMutablePointer<Double> {
        (base + Self.headBytes + capacity * 8).assumingMemoryBound(to: Double.self)
    }

    /// For each row the record that brought it; ascending.
    @inline(__always) var ticks: UnsafeMutablePointer<UInt32> {
        (base + Self.headBytes + capacity * 16).assumingMemoryBound(to: UInt32.self)
    }

    /// For the writer: fills row `count`, which must be below the capacity, and makes it visible.
    @inline(__always) func append(timestamp: Int64, value: Double, tick: UInt32) {
        let row = Int(published.pointee.load(ordering: .relaxed))
        timestamps[row] = timestamp
        values[row] = value
        ticks[row] = tick
        published.pointee.store(UInt32(truncatingIfNeeded: row + 1), ordering: .releasing)
    }

    /// For the writer: takes over the rows of `other` from `first` on, before this page is visible.
    func copyRows(of other: RowPage, from first: Int, count: Int) {
        timestamps.update(from: other.timestamps + first, count: count)
        values.update(from: other.values + first, count: count)
        ticks.update(from: other.ticks + first, count: count)
        published.pointee.store(UInt32(count), ordering: .relaxed)
    }

    /// How many leading rows belong to records up to `tick`.
    func visibleCount(_ tick: UInt32) -> Int {
        var visible = count
        while visible > 0, ticks[visible - 1] > tick { visible -= 1 }
        return visible
    }
}

/// A run of rows of one series, sorted, without repeats, encoded. Immutable; linked to the one sealed before.
struct MemoryChunk {
    let previous: UnsafePointer<MemoryChunk>?
    /// A `TimestampColumn` and a `ValueColumn`.
    let timestamps: UnsafeRawBufferPointer
    let values: UnsafeRawBufferPointer
    let minTime: Int64
    let maxTime: Int64
    let count: UInt32
    /// Records that brought the first and the last of the rows.
    let firstTick: UInt32
    let lastTick: UInt32
    /// The record during which it was sealed.
    let sealTick: UInt32
}

/// An exemplar, linked to the one of the same series that arrived before.
struct ExemplarNode {
    let previous: UnsafePointer<ExemplarNode>?
    let timestamp: Int64
    let value: Double
    /// Canonical.
    let labels: UnsafeRawBufferPointer
    let tick: UInt32
}

/// One sample as a native histogram, linked to the one of the same series that arrived before.
struct HistogramNode {
    let previous: UnsafePointer<HistogramNode>?
    let timestamp: Int64
    /// The latest timestamp of this one and all before it.
    let maxTime: Int64
    /// A `HistogramRecord`; empty: a float took the place of the histogram at this timestamp.
    let bytes: UnsafeRawBufferPointer
    let tick: UInt32
}

extension UnsafePointer<HistogramNode> {
    /// The newest node at a timestamp, at or before this one.
    func newest(at timestamp: Int64) -> UnsafePointer<HistogramNode>? {
        var next: UnsafePointer<HistogramNode>? = self
        while let node = next, node.pointee.maxTime >= timestamp {
            if node.pointee.timestamp == timestamp { return node }
            next = node.pointee.previous
        }
        return nil
    }
}
