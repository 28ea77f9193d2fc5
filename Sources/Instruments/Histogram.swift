import Bedrock
import Synchronization

/// Counts observations in buckets. Observing is a short search and two relaxed atomic operations: no lock, no allocation. Thread-safe.
public final class Histogram: BoundInstrument {
    public static let kind = InstrumentKind.histogram

    /// Upper bounds, ascending; one more bucket, up to +Inf, stands behind them.
    public let bounds: [Double]
    private let counts: AtomicCounts
    private let sumBits = Atomic<UInt64>(0)

    package init(bounds: [Double]) {
        precondition(
            zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 } && bounds.allSatisfy(\.isFinite),
            "histogram bounds must be finite and ascend: \(bounds)")
        self.bounds = bounds
        counts = AtomicCounts(bounds.count + 1)
    }

    public func observe(_ value: Double) {
        counts.increment(bucket(of: value))
        sumBits.addDouble(value)
    }

    /// Observes the seconds since `start`, both in monotonic nanoseconds.
    public func observe(secondsSince start: UInt64, now: UInt64) {
        observe(now > start ? Double(now - start) / 1e9 : 0)
    }

    public var count: UInt64 { (0...bounds.count).reduce(0) { $0 + counts[$1] } }
    public var sum: Double { Double(bitPattern: sumBits.load(ordering: .relaxed)) }

    /// Observations in each bucket, the one up to +Inf last.
    package var bucketCounts: [UInt64] { (0...bounds.count).map { counts[$0] } }

    /// Bounds are few: stepping through them beats a binary search.
    private func bucket(of value: Double) -> Int {
        bounds.withUnsafeBufferPointer { bounds in
            var i = 0
            while i < bounds.count, !(value <= bounds[i]) { i += 1 }
            return i
        }
    }

    func collect(_ series: InstrumentSeries, into visitor: inout some InstrumentVisitor & ~Copyable) {
        var total: UInt64 = 0
        for i in 0...bounds.count {
            total += counts[i]
            let bound = i < bounds.count ? bounds[i] : .infinity
            visitor.sample(
                series, suffix: "_bucket", extra: (name: "le", value: Self.boundText(bound)), value: Double(total))
        }
        visitor.sample(series, suffix: "_sum", extra: nil, value: sum)
        visitor.sample(series, suffix: "_count", extra: nil, value: Double(total))
    }

    /// The canonical form of `le`: never without a point or an exponent.
    package static func boundText(_ bound: Double) -> String {
        let text = NumberText.text(bound, .general)
        return !bound.isFinite || text.contains(".") || text.contains("e") ? text : text + ".0"
    }

    /// Common bounds.
    public enum Bounds {
        /// Request durations in seconds: 0.5 ms to 30 s.
        public static let seconds: [Double] = [
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
        ]
        /// Sizes in bytes: 256 B to 64 MiB, in steps of four.
        public static let bytes: [Double] = (0..<10).map { Double(256 << ($0 * 2)) }
    }
}

/// A fixed row of atomic counters.
private final class AtomicCounts: @unchecked Sendable {
    // The pointer never changes, and what it points to is atomic.
    private let base: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int

    init(_ count: Int) {
        self.count = count
        base = .allocate(capacity: count)
        for i in 0..<count { (base + i).initialize(to: Atomic(0)) }
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    @inline(__always)
    func increment(_ index: Int) {
        precondition(index >= 0 && index < count, "bucket \(index) of \(count)")
        base[index].wrappingAdd(1, ordering: .relaxed)
    }

    subscript(index: Int) -> UInt64 {
        precondition(index >= 0 && index < count, "bucket \(index) of \(count)")
        return base[index].load(ordering: .relaxed)
    }
}
