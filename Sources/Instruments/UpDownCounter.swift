import Synchronization

/// A sum that grows and falls, such as requests in flight. Thread-safe, without locks or allocations.
public final class UpDownCounter: BoundInstrument {
    public static let kind = InstrumentKind.gauge

    private let whole = Atomic<Int64>(0)
    /// The bits of a double; only `add(_: Double)` touches it.
    private let fraction = Atomic<UInt64>(0)

    package init() {}

    public func increment() { whole.wrappingAdd(1, ordering: .relaxed) }
    public func decrement() { whole.wrappingSubtract(1, ordering: .relaxed) }
    public func add(_ amount: Int) { whole.wrappingAdd(Int64(amount), ordering: .relaxed) }

    /// Adds an amount with a fraction; NaN changes nothing and is counted by `InstrumentMisuse`.
    public func add(_ amount: Double) {
        guard !amount.isNaN else { return InstrumentMisuse.count() }
        fraction.addDouble(amount)
    }

    public var value: Double {
        let (whole, fraction) = parts
        return Double(whole) + fraction
    }

    package var parts: (whole: Int64, fraction: Double) {
        (whole.load(ordering: .relaxed), Double(bitPattern: fraction.load(ordering: .relaxed)))
    }
}
