import Bedrock
import Synchronization

/// All instruments of one name, told apart by label values. Binding takes a lock, so bind once and keep the instrument. Thread-safe.
public final class InstrumentFamily<Instrument: BoundInstrument>: Sendable {
    /// The label value of the instrument that stands for all beyond the limit.
    public static var overflowValue: String { "overflow" }

    public let name: String
    public let help: String
    public let labelNames: [String]
    /// Most label sets this family may have.
    public let seriesMax: Int
    private let make: @Sendable () -> Instrument
    private let state = Mutex(State())
    private let overflowed: @Sendable () -> Void

    private struct State {
        var byValues: [[String]: Instrument] = [:]
        /// In the order of binding.
        var all: [(series: InstrumentSeries, instrument: Instrument)] = []
    }

    init(
        name: String, help: String, labelNames: [String], seriesMax: Int, overflowed: @escaping @Sendable () -> Void,
        make: @escaping @Sendable () -> Instrument
    ) {
        self.name = name
        self.help = help
        self.labelNames = labelNames
        self.seriesMax = seriesMax
        self.overflowed = overflowed
        self.make = make
    }

    /// The instrument for these label values, in the order of `labelNames`; the same one for the same values.
    ///
    /// Once the family has `seriesMax` of them, further values share one instrument whose values are all `overflow`, so that a label fed from
    /// outside cannot fill the memory.
    public func bind(_ values: String...) -> Instrument { bind(values) }

    public func bind(_ values: [String]) -> Instrument {
        precondition(values.count == labelNames.count, "\(name) has labels \(labelNames), bound to \(values)")
        let (instrument, isOverflow) = state.withLock { state -> (Instrument, Bool) in
            if let known = state.byValues[values] { return (known, false) }
            let isOverflow = state.all.count >= seriesMax
            let stored = isOverflow ? labelNames.map { _ in Self.overflowValue } : values
            if isOverflow, let known = state.byValues[stored] { return (known, true) }
            let made = make()
            state.byValues[stored] = made
            let series = InstrumentSeries(family: name, labels: zip(labelNames, stored).map { (name: $0, value: $1) })
            state.all.append((series, made))
            return (made, isOverflow)
        }
        if isOverflow { overflowed() }
        return instrument
    }

    var bound: [(series: InstrumentSeries, instrument: Instrument)] { state.withLock { $0.all } }
}

/// A family as the registry sees it.
protocol CollectableFamily: Sendable {
    var name: String { get }
    var labelNames: [String] { get }
    var kind: InstrumentKind { get }
    func collect(into visitor: inout some InstrumentVisitor & ~Copyable)
}

extension InstrumentFamily: CollectableFamily where Instrument: CollectableInstrument {
    var kind: InstrumentKind { Instrument.kind }

    func collect(into visitor: inout some InstrumentVisitor & ~Copyable) {
        let all = bound
        guard !all.isEmpty else { return }
        visitor.beginFamily(name, kind: kind, help: help)
        for (series, instrument) in all { instrument.collect(series, into: &visitor) }
    }
}

/// A family whose values are computed when someone looks.
struct ObservedFamily: CollectableFamily {
    let name: String
    let help: String
    let kind: InstrumentKind
    let labelNames: [String]
    let observe: @Sendable () -> [InstrumentRegistry.Observation]

    func collect(into visitor: inout some InstrumentVisitor & ~Copyable) {
        let observations = observe()
        guard !observations.isEmpty else { return }
        visitor.beginFamily(name, kind: kind, help: help)
        for observation in observations {
            precondition(
                observation.labelValues.count == labelNames.count,
                "\(name) has labels \(labelNames), observed \(observation)")
            let labels = zip(labelNames, observation.labelValues).map { (name: $0, value: $1) }
            visitor.sample(
                InstrumentSeries(family: name, labels: labels), suffix: "", extra: nil, value: observation.value)
        }
    }
}
