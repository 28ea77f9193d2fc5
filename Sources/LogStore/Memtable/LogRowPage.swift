import Synchronization

/// Rows of one stream in order of arrival: one allocation with a head and columns, linked to the page before.
///
/// The writer fills rows and publishes their count; readers see the rows below a count they loaded. Pages never change hands.
struct LogRowPage {
    static let capacityMin = 4
    static let capacityMax = 512
    private static let headBytes = 48
    private static let rowBytes = 8 + 8 + 4 + 4

    let base: UnsafeMutableRawPointer

    static func byteCount(capacity: Int) -> Int { headBytes + capacity * rowBytes }

    /// Lays out an empty page in `base`, which must have room for `capacity` rows.
    init(_ base: UnsafeMutableRawPointer, capacity: Int, previous: UInt) {
        self.base = base
        base.storeBytes(of: previous, as: UInt.self)
        base.storeBytes(of: UInt32(capacity), toByteOffset: 8, as: UInt32.self)
        (base + 12).initializeMemory(as: UInt32.self, to: 0)
        (base + 16).initializeMemory(as: Int64.self, to: .max)
        (base + 24).initializeMemory(as: Int64.self, to: .min)
        (base + 32).initializeMemory(as: Int.self, to: 0)
    }

    init?(address: UInt) {
        guard let base = UnsafeMutableRawPointer(bitPattern: address) else { return nil }
        self.base = base
    }

    var address: UInt { UInt(bitPattern: base) }
    var previous: LogRowPage? { LogRowPage(address: base.load(as: UInt.self)) }
    var capacity: Int { Int(base.load(fromByteOffset: 8, as: UInt32.self)) }

    private var published: UnsafeMutablePointer<Atomic<UInt32>> {
        (base + 12).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
    private var first: UnsafeMutablePointer<Atomic<Int64>> { (base + 16).assumingMemoryBound(to: Atomic<Int64>.self) }
    private var last: UnsafeMutablePointer<Atomic<Int64>> { (base + 24).assumingMemoryBound(to: Atomic<Int64>.self) }

    private var bytes: UnsafeMutablePointer<Atomic<Int>> { (base + 32).assumingMemoryBound(to: Atomic<Int>.self) }

    /// Rows there now.
    @inline(__always) var count: Int { Int(published.pointee.load(ordering: .acquiring)) }
    /// Of all rows counted, and perhaps of newer ones.
    var firstTime: Int64 { first.pointee.load(ordering: .relaxed) }
    var lastTime: Int64 { last.pointee.load(ordering: .relaxed) }

    /// Nanoseconds.
    @inline(__always) var times: UnsafeMutablePointer<Int64> {
        (base + Self.headBytes).assumingMemoryBound(to: Int64.self)
    }

    /// Addresses of the lines, each behind its length.
    @inline(__always) var lines: UnsafeMutablePointer<UInt> {
        (base + Self.headBytes + capacity * 8).assumingMemoryBound(to: UInt.self)
    }

    /// Where the metadata stands, relative to the line; 0: none.
    @inline(__always) var metadata: UnsafeMutablePointer<Int32> {
        (base + Self.headBytes + capacity * 16).assumingMemoryBound(to: Int32.self)
    }

    /// For each row the record that brought it; ascending.
    @inline(__always) var ticks: UnsafeMutablePointer<UInt32> {
        (base + Self.headBytes + capacity * 20).assumingMemoryBound(to: UInt32.self)
    }

    /// For the writer: fills the next row, which must be below the capacity, and makes it visible.
    @inline(__always) func append(time: Int64, line: UInt, lineBytes: Int, metadata offset: Int32, tick: UInt32) {
        let row = Int(published.pointee.load(ordering: .relaxed))
        times[row] = time
        lines[row] = line
        metadata[row] = offset
        ticks[row] = tick
        if time < first.pointee.load(ordering: .relaxed) { first.pointee.store(time, ordering: .relaxed) }
        if time > last.pointee.load(ordering: .relaxed) { last.pointee.store(time, ordering: .relaxed) }
        bytes.pointee.store(bytes.pointee.load(ordering: .relaxed) &+ lineBytes, ordering: .relaxed)
        published.pointee.store(UInt32(truncatingIfNeeded: row + 1), ordering: .releasing)
    }

    /// Bytes of the lines of the first `count` rows.
    func lineBytes(_ count: Int) -> Int {
        // A full page does not change any more.
        if count == capacity { return bytes.pointee.load(ordering: .relaxed) }
        var sum = 0
        for row in 0..<count { sum &+= LogRowRef(time: 0, line: lines[row], metadata: 0, arrival: 0).lineBytes.count }
        return sum
    }

    /// How many leading rows belong to records up to `tick`.
    func visibleCount(_ tick: UInt32) -> Int {
        var visible = count
        while visible > 0, ticks[visible - 1] > tick { visible -= 1 }
        return visible
    }
}

/// One row of a memtable, found again: bytes stay where the payload put them.
struct LogRowRef {
    var time: Int64
    var line: UInt
    var metadata: Int32
    /// Its place among the rows it was gathered with; of equal times the earlier comes first.
    var arrival: UInt32

    /// Bytes of the line; valid as long as the memtable.
    @inline(__always) var lineBytes: UnsafeRawBufferPointer { Self.prefixed(at: line, offset: 0) }

    /// Canonical label bytes, empty where there are none.
    @inline(__always) var metadataBytes: UnsafeRawBufferPointer {
        guard metadata != 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return Self.prefixed(at: line &+ UInt(bitPattern: Int(metadata)), offset: 1)
    }

    /// Reads what `LogRecordReader` found sound before.
    @inline(__always) private static func prefixed(at address: UInt, offset: Int) -> UnsafeRawBufferPointer {
        guard var at = UnsafeRawPointer(bitPattern: address) else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        var length = 0
        var shift = 0
        while true {
            let byte = Int(at.load(as: UInt8.self))
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        return UnsafeRawBufferPointer(start: at, count: length - offset)
    }
}
