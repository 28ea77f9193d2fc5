import Synchronization

/// A sum that only grows. Adding is one relaxed atomic operation: no lock, no allocation. Thread-safe.
public final class Counter: BoundInstrument {
    public static let kind = InstrumentKind.counter

    private let whole = Atomic<UInt64>(0)
    /// The bits of a double; only `add(_: Double)` touches it.
    private let fraction = Atomic<UInt64>(0)

    package init() {}

    public func increment() { whole.wrappingAdd(1, ordering: .relaxed) }

    /// Adds `amount`; a negative one changes nothing and is counted by `InstrumentMisuse`.
    public func add(_ amount: Int) {
        guard amount >= 0 else { return InstrumentMisuse.count() }
        whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// Adds an amount with a fraction, such as seconds.
    public func add(_ amount: Double) {
        guard amount >= 0 else { return InstrumentMisuse.count() }
        fraction.addDouble(amount)
    }

    public var value: Double {
        Double(whole.load(ordering: .relaxed)) + Double(bitPattern: fraction.load(ordering: .relaxed))
    }

    /// The whole part and what `add(_: Double)` added beside it.
    package var parts: (whole: UInt64, fraction: Double) {
        (whole.load(ordering: .relaxed), Double(bitPattern: fraction.load(ordering: .relaxed)))
    }

    func collect(_ series: InstrumentSeries, into visitor: inout some InstrumentVisitor & ~Copyable) {
        visitor.sample(series, suffix: "", extra: nil, value: value)
    }
}

extension Atomic where Value == UInt64 {
    /// Adds to the double whose bits this holds.
    @inline(__always)
    borrowing func addDouble(_ amount: Double) {
        var old = load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, current) = weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }
}
