import Synchronization

/// A sum that only grows. Adding is one relaxed atomic operation: no lock, no allocation. Thread-safe.
public final class Counter: BoundInstrument {
    public static let kind = InstrumentKind.counter

    private let whole = Atomic<UInt64>(0)
    /// The bits of a double; only `add(_: Double)` touches it.
    private let fraction = Atomic<UInt64>(0)

    init() {}

    public func increment() { whole.wrappingAdd(1, ordering: .relaxed) }

    /// Adds `amount`; a negative one is a programmer's error.
    public func add(_ amount: Int) {
        precondition(amount >= 0, "a counter cannot fall by \(amount)")
        whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// Adds an amount with a fraction, such as seconds.
    public func add(_ amount: Double) {
        precondition(amount >= 0, "a counter cannot grow by \(amount)")
        fraction.addDouble(amount)
    }

    public var value: Double {
        Double(whole.load(ordering: .relaxed)) + Double(bitPattern: fraction.load(ordering: .relaxed))
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
