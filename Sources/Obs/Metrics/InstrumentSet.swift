import Bedrock
import Instruments
import Model
import Synchronization

/// All instruments of one metric, told apart by attributes. Thread-safe; looking up a known attribute set takes no lock.
///
/// There are at most as many series as the metric's cardinality limit; beyond it, everything counts into one whose only attribute is
/// `otel.metric.overflow`, and `obs.sdk.metric.overflows` counts the look-ups that ended there.
public final class InstrumentSet<Instrument: BoundInstrument>: @unchecked Sendable {
    public let description: MetricDescription
    private let seriesMax: Int
    private let kept: Set<String>?
    private let make: @Sendable () -> Instrument
    private let clock: TelemetryClock
    private let overflows: Counter
    private let state = Mutex(State())
    /// Replaced by larger ones; entries are only added. Old tables live as long as this object, as someone may still be reading them.
    private let table = Atomic<UnsafeMutableRawPointer?>(nil)

    private struct State {
        var series: [(identity: SeriesIdentity, instrument: Instrument)] = []
        var byAttributes: [Attributes: Int] = [:]
        var overflow: Instrument?
        var tables: [KeyTable] = []
    }

    init(
        _ description: MetricDescription, seriesMax: Int, kept: Set<String>?, clock: TelemetryClock, overflows: Counter,
        make: @escaping @Sendable () -> Instrument
    ) {
        self.description = description
        self.seriesMax = max(1, seriesMax)
        self.kept = kept
        self.make = make
        self.clock = clock
        self.overflows = overflows
    }

    deinit {
        let tables = state.withLock { $0.tables }
        tables.last?.freeEntries()
        for table in tables { table.free() }
    }

    /// The instrument for these attributes. Takes a lock: bind once, keep the instrument.
    public func bind(_ attributes: Attributes = [:]) -> Instrument {
        let wanted = kept.map { kept in Attributes(attributes.entries.filter { kept.contains($0.key) }) } ?? attributes
        let (instrument, isOverflow) = state.withLock { bind(wanted, &$0) }
        if isOverflow { overflows.increment() }
        return instrument
    }

    /// The instrument that `bind(_:key:)` has given for this key before. Takes no lock.
    @usableFromInline
    func known(_ key: borrowing LabelKey) -> Instrument? {
        guard let raw = table.load(ordering: .acquiring),
            let known = KeyTable(raw).find(key.bytes, KeyTable.hash(key.bytes))
        else { return nil }
        return Unmanaged<Instrument>.fromOpaque(known).takeUnretainedValue()
    }

    /// As `bind`, found by `key` next time without a lock.
    @usableFromInline
    func bind(_ attributes: Attributes, key: borrowing LabelKey) -> Instrument {
        if key.isTooLong { return bind(attributes) }
        let key = key.bytes
        let hash = KeyTable.hash(key)
        let (instrument, isOverflow) = state.withLock { state -> (Instrument, Bool) in
            let (instrument, isOverflow) = bind(attributes, &state)
            // What overflowed isn't remembered: its keys have no end.
            if !isOverflow { remember(key, hash, instrument, &state) }
            return (instrument, isOverflow)
        }
        if isOverflow { overflows.increment() }
        return instrument
    }

    @usableFromInline var keepsAll: Bool { kept == nil }

    @usableFromInline func isKept(_ name: String) -> Bool { kept?.contains(name) ?? true }

    private func bind(_ attributes: Attributes, _ state: inout State) -> (Instrument, isOverflow: Bool) {
        if let known = state.byAttributes[attributes] { return (state.series[known].instrument, false) }
        if state.series.count < seriesMax { return (add(attributes, &state), false) }
        if let known = state.overflow { return (known, true) }
        let made = add(["otel.metric.overflow": true], &state)
        state.overflow = made
        return (made, true)
    }

    private func add(_ attributes: Attributes, _ state: inout State) -> Instrument {
        let made = make()
        let identity = SeriesIdentity(
            attributes, kind: description.writerKind, start: clock.wallNanoseconds(), number: state.series.count)
        state.byAttributes[attributes] = state.series.count
        state.series.append((identity, made))
        return made
    }

    private func remember(
        _ key: UnsafeRawBufferPointer, _ hash: UInt64, _ instrument: Instrument, _ state: inout State
    ) {
        // The series array keeps the instrument alive, as long as this object.
        let pointer = Unmanaged.passUnretained(instrument).toOpaque()
        if let last = state.tables.last, last.find(key, hash) != nil { return }
        if let last = state.tables.last, last.insert(key, hash, pointer) { return }
        let larger = KeyTable(capacity: (state.tables.last?.capacity ?? 8) * 2, copying: state.tables.last)
        _ = larger.insert(key, hash, pointer)
        state.tables.append(larger)
        table.store(larger.raw, ordering: .releasing)
    }

    var series: [(identity: SeriesIdentity, instrument: Instrument)] { state.withLock { $0.series } }
}

extension InstrumentSet: CollectableMetric where Instrument: MetricInstrument {
    func collect(into visitor: inout some MetricVisitor & ~Copyable) {
        let series = self.series
        guard !series.isEmpty else { return }
        visitor.beginMetric(description)
        for (identity, instrument) in series { instrument.visit(identity, &visitor) }
    }
}

/// An `InstrumentSet` with named, typed labels: the wrong number or type of values doesn't compile. Thread-safe.
///
/// A call with values seen before allocates nothing and takes no lock.
public struct Labelled<Instrument: BoundInstrument, each Value: LabelValue>: Sendable {
    @usableFromInline let set: InstrumentSet<Instrument>
    @usableFromInline let labels: (repeat Label<each Value>)
    @usableFromInline let keepsAll: Bool

    init(_ set: InstrumentSet<Instrument>, _ labels: repeat Label<each Value>) {
        self.set = set
        self.labels = (repeat each labels)
        keepsAll = set.keepsAll
    }

    /// The instrument for these label values.
    @inlinable
    public func callAsFunction(_ values: repeat each Value) -> Instrument {
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { room in
            var key = LabelKey(room)
            if keepsAll {
                repeat (each values).write(to: &key)
            } else {
                for (label, value) in repeat (each labels, each values) {
                    if set.isKept(label.name) { value.write(to: &key) }
                }
            }
            if !key.isTooLong, let known = set.known(key) { return known }
            var attributes = Attributes()
            for (label, value) in repeat (each labels, each values) {
                if set.isKept(label.name) { attributes[label.name] = value.attributeValue }
            }
            return set.bind(attributes, key: key)
        }
    }
}
