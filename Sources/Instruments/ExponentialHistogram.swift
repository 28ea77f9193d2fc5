import Glibc
import Synchronization

/// Counts observations in buckets whose bounds grow by a constant factor (OpenTelemetry's exponential histogram, Prometheus' native one).
///
/// Recording never changes the layout: counters stand in pages, one a power of two, each of 64 buckets (scale 6, 1.1 % wide), made when an
/// observation first falls there. A snapshot merges neighbours until the buckets are as few as asked for. Thread-safe: an observation
/// is a table look-up and two relaxed atomic operations, without locks, and without allocation but for the first of its power of two.
public final class ExponentialHistogram: BoundInstrument, @unchecked Sendable {
    public static let kind = InstrumentKind.histogram

    /// What has been observed so far, at some scale.
    public struct Snapshot: Sendable, Equatable {
        /// Bounds are powers of 2^(2^-scale); bucket `i` is over base^i and up to base^(i+1).
        public var scale: Int
        public var zeroCount: UInt64
        /// Index of the first bucket, and counts from there on.
        public var positive: (offset: Int, counts: [UInt64])
        public var negative: (offset: Int, counts: [UInt64])
        public var sum: Double
        /// Nil without observations.
        public var min: Double?
        public var max: Double?

        public var count: UInt64 {
            positive.counts.reduce(0, &+) &+ negative.counts.reduce(0, &+) &+ zeroCount
        }

        public static func == (a: Snapshot, b: Snapshot) -> Bool {
            a.scale == b.scale && a.zeroCount == b.zeroCount && a.positive == b.positive && a.negative == b.negative
                && a.sum == b.sum && a.min == b.min && a.max == b.max
        }
    }

    /// Buckets of a page; its binary logarithm is the finest scale.
    static let scaleMax = 6
    private static let pageCount = 1 << scaleMax
    /// Values with other exponents count in the first or last page.
    static let exponentMin = -64
    static let exponentMax = 63
    private static let exponents = exponentMax - exponentMin + 1

    private typealias Page = UnsafeMutablePointer<Atomic<UInt64>>
    /// Pages by exponent, those of negative values behind those of positive ones; each slot goes from nil to a page once.
    private let pages: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>
    private let zeros = Atomic<UInt64>(0)
    private let sumBits = Atomic<UInt64>(0)
    private let minBits = Atomic<UInt64>(Double.infinity.bitPattern)
    private let maxBits = Atomic<UInt64>((-Double.infinity).bitPattern)

    package init() {
        pages = .allocate(capacity: Self.exponents * 2)
        for i in 0..<Self.exponents * 2 { (pages + i).initialize(to: Atomic(nil)) }
    }

    deinit {
        for i in 0..<Self.exponents * 2 {
            pages[i].load(ordering: .relaxed)?.deallocate()
        }
        pages.deinitialize(count: Self.exponents * 2)
        pages.deallocate()
    }

    /// Counts `value`; NaN and infinities change nothing and are counted by `InstrumentMisuse`.
    public func observe(_ value: Double) {
        guard value.isFinite else { return InstrumentMisuse.count() }
        sumBits.addDouble(value)
        if value < Double(bitPattern: minBits.load(ordering: .relaxed)) { minBits.lowerDouble(value) }
        if value > Double(bitPattern: maxBits.load(ordering: .relaxed)) { maxBits.raiseDouble(value) }
        let magnitude = value.magnitude
        guard magnitude >= Double.leastNormalMagnitude else {
            zeros.wrappingAdd(1, ordering: .relaxed)
            return
        }
        let bits = magnitude.bitPattern
        var exponent = Int(bits >> 52) - 1023
        let mantissa = bits & ((1 << 52) - 1)
        var slot = 0
        if mantissa == 0 {
            // Bounds belong to the bucket below them.
            exponent -= 1
            slot = Self.pageCount - 1
        } else {
            slot = Self.bounds.bucket(of: mantissa)
        }
        if exponent < Self.exponentMin { (exponent, slot) = (Self.exponentMin, 0) }
        if exponent > Self.exponentMax { (exponent, slot) = (Self.exponentMax, Self.pageCount - 1) }
        let index = exponent - Self.exponentMin + (value < 0 ? Self.exponents : 0)
        page(index)[slot].wrappingAdd(1, ordering: .relaxed)
    }

    @inline(__always)
    private func page(_ index: Int) -> Page {
        if let known = pages[index].load(ordering: .acquiring) {
            return known.assumingMemoryBound(to: Atomic<UInt64>.self)
        }
        return makePage(index)
    }

    @inline(never)
    private func makePage(_ index: Int) -> Page {
        let fresh = Page.allocate(capacity: Self.pageCount)
        for i in 0..<Self.pageCount { (fresh + i).initialize(to: Atomic(0)) }
        let (exchanged, known) = pages[index].compareExchange(
            expected: nil, desired: UnsafeMutableRawPointer(fresh), ordering: .acquiringAndReleasing)
        guard !exchanged, let known else { return fresh }
        fresh.deallocate()
        return known.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    // MARK: Reading

    /// All observations so far, at the finest scale (at most `scaleMax`) at which either side has at most `bucketsMax` buckets.
    public func snapshot(bucketsMax: Int = 160, scaleMax: Int = 6) -> Snapshot {
        var positive = side(0)
        var negative = side(Self.exponents)
        var scale = Self.scaleMax
        while scale > -10,
            scale > scaleMax || positive.counts.count > bucketsMax || negative.counts.count > bucketsMax
        {
            positive = Self.halved(positive)
            negative = Self.halved(negative)
            scale -= 1
        }
        let lowest = Double(bitPattern: minBits.load(ordering: .relaxed))
        let highest = Double(bitPattern: maxBits.load(ordering: .relaxed))
        return Snapshot(
            scale: scale, zeroCount: zeros.load(ordering: .relaxed), positive: positive, negative: negative,
            sum: Double(bitPattern: sumBits.load(ordering: .relaxed)), min: lowest.isFinite ? lowest : nil,
            max: highest.isFinite ? highest : nil)
    }

    private func side(_ from: Int) -> (offset: Int, counts: [UInt64]) {
        var counts: [UInt64] = []
        var offset = 0
        for exponent in 0..<Self.exponents {
            guard let raw = pages[from + exponent].load(ordering: .acquiring) else {
                if !counts.isEmpty { counts += [UInt64](repeating: 0, count: Self.pageCount) }
                continue
            }
            let page = raw.assumingMemoryBound(to: Atomic<UInt64>.self)
            if counts.isEmpty { offset = (exponent + Self.exponentMin) * Self.pageCount }
            for i in 0..<Self.pageCount { counts.append(page[i].load(ordering: .relaxed)) }
        }
        let first = counts.firstIndex { $0 != 0 } ?? counts.count
        let last = counts.lastIndex { $0 != 0 } ?? -1
        guard first <= last else { return (0, []) }
        return (offset + first, Array(counts[first...last]))
    }

    /// Each pair of neighbours as one bucket.
    private static func halved(_ side: (offset: Int, counts: [UInt64])) -> (offset: Int, counts: [UInt64]) {
        guard !side.counts.isEmpty else { return side }
        let offset = side.offset >> 1
        var counts = [UInt64](repeating: 0, count: ((side.offset + side.counts.count - 1) >> 1) - offset + 1)
        for (i, count) in side.counts.enumerated() { counts[((side.offset + i) >> 1) - offset] &+= count }
        return (offset, counts)
    }

    /// The upper bound of bucket `index` at `scale`.
    public static func upperBound(_ index: Int, scale: Int) -> Double {
        let exponent = Double(index + 1)
        if scale <= 0 { return exp2(exponent * Double(1 << -scale)) }
        return exp2(exponent / Double(1 << scale))
    }

    private static let bounds = MantissaBounds(scale: scaleMax)
}

/// Where the mantissa's bucket bounds lie: two to the power of i/64, as the lower 52 bits of doubles.
private struct MantissaBounds: @unchecked Sendable {
    // Written once, here.
    private let bounds: UnsafeMutablePointer<UInt64>
    private let first: UnsafeMutablePointer<UInt8>
    private static let indexBits: UInt64 = 7

    init(scale: Int) {
        let count = 1 << scale
        bounds = .allocate(capacity: count + 1)
        for i in 0..<count { bounds[i] = exp2(Double(i) / Double(count)).bitPattern & ((1 << 52) - 1) }
        bounds[count] = 1 << 52
        first = .allocate(capacity: 1 << Int(Self.indexBits))
        var bucket = 0
        for i in 0..<1 << Int(Self.indexBits) {
            let from = UInt64(i) << (52 - Self.indexBits)
            while bounds[bucket + 1] < from { bucket += 1 }
            first[i] = UInt8(bucket)
        }
    }

    /// The bucket whose lower bound is under `mantissa` and whose upper one isn't; `mantissa` isn't 0.
    @inline(__always)
    func bucket(of mantissa: UInt64) -> Int {
        var bucket = Int(first[Int(mantissa >> (52 - Self.indexBits))])
        while bounds[bucket + 1] < mantissa { bucket += 1 }
        return bucket
    }
}

extension Atomic where Value == UInt64 {
    borrowing func lowerDouble(_ value: Double) {
        var old = load(ordering: .relaxed)
        while value < Double(bitPattern: old) {
            let (exchanged, current) = weakCompareExchange(expected: old, desired: value.bitPattern, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }

    borrowing func raiseDouble(_ value: Double) {
        var old = load(ordering: .relaxed)
        while value > Double(bitPattern: old) {
            let (exchanged, current) = weakCompareExchange(expected: old, desired: value.bitPattern, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }
}
