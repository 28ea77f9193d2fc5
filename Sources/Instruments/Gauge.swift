import Synchronization

/// A value that goes up and down. Thread-safe, without locks or allocations.
public final class Gauge: BoundInstrument {
    public static let kind = InstrumentKind.gauge

    private let bits = Atomic<UInt64>(0)

    package init() {}

    public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    public func set(_ value: Int) { set(Double(value)) }

    /// Adds `amount`, which may be negative.
    public func add(_ amount: Double) { bits.addDouble(amount) }
    public func increment() { add(1) }
    public func decrement() { add(-1) }

    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func collect(_ series: InstrumentSeries, into visitor: inout some InstrumentVisitor & ~Copyable) {
        visitor.sample(series, suffix: "", extra: nil, value: value)
    }
}
