import Bedrock
import Synchronization

/// The instruments of one process, or of one test. Thread-safe.
///
/// Names are `obs_<room>_<noun>_<unit>`, counters end in `_total`. Asking for a name again gives the same family; asking for it with other
/// labels or another kind is a programmer's error.
public final class InstrumentRegistry: Sendable {
    /// A value computed when someone looks.
    public struct Observation: Sendable {
        public var labelValues: [String]
        public var value: Double

        public init(_ value: Double, labels labelValues: [String] = []) {
            self.value = value
            self.labelValues = labelValues
        }
    }

    /// Most label sets of a family, unless it is given its own limit.
    public let seriesPerFamilyMax: Int
    private let families = Mutex<[String: any CollectableFamily]>([:])

    public init(seriesPerFamilyMax: Int = 1000) { self.seriesPerFamilyMax = seriesPerFamilyMax }

    // MARK: Instruments

    /// A counter with fixed label values.
    public func counter(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Counter {
        counters(name, help: help, labels: labels.map(\.key)).bind(labels.map(\.value))
    }

    /// A family of counters, bound to label values by `bind`.
    public func counters(_ name: String, help: String, labels: [String], seriesMax: Int? = nil) -> InstrumentFamily<
        Counter
    > {
        precondition(name.hasSuffix("_total"), "the counter \(name) must end in _total")
        return family(name, help, labels, seriesMax) { Counter() }
    }

    /// A gauge with fixed label values.
    public func gauge(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        gauges(name, help: help, labels: labels.map(\.key)).bind(labels.map(\.value))
    }

    public func gauges(_ name: String, help: String, labels: [String], seriesMax: Int? = nil) -> InstrumentFamily<Gauge>
    {
        family(name, help, labels, seriesMax) { Gauge() }
    }

    /// A histogram with fixed label values.
    public func histogram(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        bounds: [Double] = Histogram.Bounds.seconds
    ) -> Histogram {
        histograms(name, help: help, labels: labels.map(\.key), bounds: bounds).bind(labels.map(\.value))
    }

    public func histograms(
        _ name: String, help: String, labels: [String], bounds: [Double] = Histogram.Bounds.seconds,
        seriesMax: Int? = nil
    ) -> InstrumentFamily<Histogram> {
        family(name, help, labels, seriesMax) { Histogram(bounds: bounds) }
    }

    /// A value that `read` computes whenever the registry is collected; it must be quick and must not block.
    public func observe(
        _ name: String, help: String, kind: InstrumentKind = .gauge, _ read: @escaping @Sendable () -> Double
    ) {
        observe(name, help: help, kind: kind, labels: []) { [Observation(read())] }
    }

    /// As `observe`, with any number of label sets. `kind` is `.gauge` or `.counter`.
    public func observe(
        _ name: String, help: String, kind: InstrumentKind = .gauge, labels: [String],
        _ read: @escaping @Sendable () -> [Observation]
    ) {
        precondition(kind != .histogram, "\(name): histograms cannot be computed on collection")
        check(name, labels)
        let added = families.withLock { families -> Bool in
            if families[name] != nil { return false }
            families[name] = ObservedFamily(name: name, help: help, kind: kind, labelNames: labels, observe: read)
            return true
        }
        precondition(added, "\(name) is observed twice")
    }

    // MARK: Reading

    /// Hands every family to `visitor`, sorted by name.
    public func collect(into visitor: inout some InstrumentVisitor & ~Copyable) {
        let sorted = families.withLock { $0.values.sorted { $0.name < $1.name } }
        for family in sorted { family.collect(into: &visitor) }
    }

    /// Names of all families, sorted.
    public var names: [String] { families.withLock { $0.keys.sorted() } }

    // MARK: Families

    private func family<I: CollectableInstrument>(
        _ name: String, _ help: String, _ labels: [String], _ seriesMax: Int?, _ make: @escaping @Sendable () -> I
    ) -> InstrumentFamily<I> {
        check(name, labels)
        // Made outside the lock, as the overflow counter is a family, too.
        let overflows = name == Self.overflowName ? nil : self.overflows
        let fresh = InstrumentFamily<I>(
            name: name, help: help, labelNames: labels, seriesMax: seriesMax ?? seriesPerFamilyMax,
            overflowed: { overflows?.bind(name).increment() }, make: make)
        let known = families.withLock { families -> any CollectableFamily in
            if let known = families[name] { return known }
            families[name] = fresh
            return fresh
        }
        guard let typed = known as? InstrumentFamily<I>, typed.labelNames == labels else {
            preconditionFailure("\(name) is known already as a \(known.kind) with labels \(known.labelNames)")
        }
        return typed
    }

    private static let overflowName = "obs_instruments_overflow_total"

    private var overflows: InstrumentFamily<Counter> {
        counters(Self.overflowName, help: "Bindings beyond a family's limit of label sets.", labels: ["family"])
    }

    private func check(_ name: String, _ labels: [String]) {
        precondition(InstrumentName.isSafe(name, colons: true), "\(name) is no metric name")
        for label in labels {
            precondition(
                InstrumentName.isSafe(label, colons: false) && !label.hasPrefix("__") && label != "le",
                "\(label) is no label name")
        }
        precondition(Set(labels).count == labels.count, "\(name) has a label twice: \(labels)")
    }
}

/// Names that every reader of metrics understands.
public enum InstrumentName {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, with colons where `colons` says so.
    public static func isSafe(_ name: String, colons: Bool) -> Bool {
        guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
        return name.utf8.allSatisfy { isSafe($0, colons: colons) }
    }

    /// `name` with an underscore for each character that isn't safe, and one in front of a leading digit.
    public static func safe(_ name: String) -> String {
        var bytes: [UInt8] = name.unicodeScalars.map { scalar in
            guard scalar.isASCII else { return UInt8(ascii: "_") }
            let byte = UInt8(scalar.value)
            return isSafe(byte, colons: true) ? byte : UInt8(ascii: "_")
        }
        if bytes.isEmpty || (48...57).contains(bytes[0]) { bytes.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isSafe(_ c: UInt8, colons: Bool) -> Bool {
        (c | 0x20) &- 97 < 26 || c == UInt8(ascii: "_") || (48...57).contains(c) || (colons && c == UInt8(ascii: ":"))
    }
}
