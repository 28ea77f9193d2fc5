/// What an instrument measures.
public enum InstrumentKind: String, Sendable {
    case counter, gauge, histogram
}

/// The label values that an instrument is bound to.
public struct InstrumentSeries: Sendable {
    public let family: String
    public let labels: [(name: String, value: String)]
    /// The labels as expositions write them, between the braces.
    let text: String

    init(family: String, labels: [(name: String, value: String)]) {
        self.family = family
        self.labels = labels
        text = TextExposition.labels(labels)
    }
}

/// Receives the state of a registry: for each family, its samples.
public protocol InstrumentVisitor: ~Copyable {
    mutating func beginFamily(_ name: String, kind: InstrumentKind, help: String)
    /// One sample. Its name is the family's with `suffix`; `extra` is a label beyond the series' own (a histogram's `le`).
    mutating func sample(
        _ series: InstrumentSeries, suffix: StaticString, extra: (name: String, value: String)?, value: Double)
}

/// An instrument bound to label values.
public protocol BoundInstrument: AnyObject, Sendable {
    static var kind: InstrumentKind { get }
}

/// What the registry needs of its own instruments.
protocol CollectableInstrument: BoundInstrument {
    func collect(_ series: InstrumentSeries, into visitor: inout some InstrumentVisitor & ~Copyable)
}

extension Counter: CollectableInstrument {}
extension Gauge: CollectableInstrument {}
extension Histogram: CollectableInstrument {}
