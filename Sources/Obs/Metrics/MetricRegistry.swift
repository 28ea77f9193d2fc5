import Bedrock
import Instruments
import Synchronization

/// A metric as exports see it.
protocol CollectableMetric: AnyObject, Sendable {
    var description: MetricDescription { get }
    func collect(into visitor: inout some MetricVisitor & ~Copyable)
}

/// All metrics of one telemetry. Thread-safe.
final class MetricRegistry: Sendable {
    /// Most metrics; further ones record into nothing and are reported.
    static let metricsMax = 10_000

    let clock: TelemetryClock
    let problems: ProblemReporter
    private let views: [View]
    private let cardinalityLimit: Int
    private let metrics = Mutex<[Key: any CollectableMetric]>([:])
    /// Look-ups that ended in a series of overflow.
    let overflows = Counter()

    private struct Key: Hashable {
        let scope: InstrumentationScope
        let name: String
    }

    init(views: [View], cardinalityLimit: Int, clock: TelemetryClock, problems: ProblemReporter) {
        self.views = views
        self.cardinalityLimit = cardinalityLimit
        self.clock = clock
        self.problems = problems
    }

    /// The instruments of this name: the known ones, or new ones as views have them. Whoever asks for a known name with another kind gets
    /// instruments that work and are not exported, and the clash is reported.
    func instruments<I: MetricInstrument>(
        _ wanted: MetricDescription, aggregation: HistogramAggregation? = nil,
        _ make: @escaping @Sendable (HistogramAggregation) -> I
    ) -> InstrumentSet<I> {
        let view = views.first { $0.matches(wanted.name, scope: wanted.scope.name) }
        var description = wanted
        if let name = view?.name { description.name = name }
        if let text = view?.description { description.text = text }
        let layout = (view?.aggregation ?? aggregation ?? .standard).checked
        if wanted.kind == .histogram, case .exponential = layout { description.kind = .exponentialHistogram }
        if wanted.kind == .exponentialHistogram, case .explicit = layout { description.kind = .histogram }
        let fresh = InstrumentSet<I>(
            description, seriesMax: view?.cardinalityLimit ?? cardinalityLimit, kept: view?.keepsAttributes,
            clock: clock, overflows: overflows
        ) { make(layout) }
        if view?.drops == true { return fresh }
        if description.name.isEmpty {
            problems.report(.instrument, "an instrument of \(wanted.scope.name) has no name; it is not exported")
            return fresh
        }
        return adopt(fresh)
    }

    private func adopt<I: MetricInstrument>(_ fresh: InstrumentSet<I>) -> InstrumentSet<I> {
        let description = fresh.description
        let key = Key(scope: description.scope, name: description.name)
        let (known, isFull) = metrics.withLock { metrics -> ((any CollectableMetric)?, Bool) in
            if let known = metrics[key] { return (known, false) }
            guard metrics.count < Self.metricsMax else { return (nil, true) }
            metrics[key] = fresh
            return (nil, false)
        }
        if isFull {
            problems.report(.instrument, "over \(Self.metricsMax) metrics; \(description.name) is not exported")
        }
        guard let known else { return fresh }
        guard let same = known as? InstrumentSet<I>, same.description.kind == description.kind else {
            problems.report(
                .instrument,
                "\(description.name) is known already as a \(known.description.kind.rawValue), "
                    + "asked for as a \(description.kind.rawValue); the second is not exported")
            return fresh
        }
        if same.description != description {
            problems.report(
                .instrument, "\(description.name) is known already with another unit or description, which it keeps")
        }
        return same
    }

    /// Adds a metric that is computed when someone looks.
    func add(_ metric: ObservedMetric) {
        let description = metric.description
        let key = Key(scope: description.scope, name: description.name)
        if views.first(where: { $0.matches(description.name, scope: description.scope.name) })?.drops == true { return }
        let known = metrics.withLock { metrics -> (any CollectableMetric)? in
            if let known = metrics[key] { return known }
            if metrics.count < Self.metricsMax { metrics[key] = metric }
            return nil
        }
        guard let known else { return }
        if let same = known as? ObservedMetric, same.description.kind == description.kind {
            same.add(metric)
        } else {
            problems.report(
                .instrument,
                "\(description.name) is known already as a \(known.description.kind.rawValue), "
                    + "observed as a \(description.kind.rawValue); the second is not exported")
        }
    }

    /// All metrics, by scope and name.
    var sorted: [any CollectableMetric] {
        metrics.withLock { Array($0.values) }.sorted {
            let (a, b) = ($0.description, $1.description)
            return (a.scope.name, a.scope.version, a.name) < (b.scope.name, b.scope.version, b.name)
        }
    }
}

/// Takes the values of an asynchronous instrument.
public struct MetricObserver {
    fileprivate var values: [(attributes: Attributes, value: MetricNumber)] = []

    public mutating func observe(_ value: Int, _ attributes: Attributes = [:]) {
        values.append((attributes, .int(Int64(value))))
    }

    public mutating func observe(_ value: Double, _ attributes: Attributes = [:]) {
        values.append((attributes, .double(value)))
    }
}

/// A metric whose callbacks are asked whenever it is exported. Thread-safe.
final class ObservedMetric: CollectableMetric {
    typealias Callback = @Sendable (inout MetricObserver) -> Void

    let description: MetricDescription
    private let seriesMax: Int
    private let clock: TelemetryClock
    private let state: Mutex<State>

    private struct State {
        var callbacks: [Callback]
        var identities: [Attributes: SeriesIdentity] = [:]
    }

    init(_ description: MetricDescription, seriesMax: Int, clock: TelemetryClock, _ callback: @escaping Callback) {
        self.description = description
        self.seriesMax = seriesMax
        self.clock = clock
        state = Mutex(State(callbacks: [callback]))
    }

    /// Takes over the callbacks of `other`.
    func add(_ other: ObservedMetric) {
        let more = other.state.withLock { $0.callbacks }
        state.withLock { $0.callbacks += more }
    }

    func collect(into visitor: inout some MetricVisitor & ~Copyable) {
        var observer = MetricObserver()
        for callback in state.withLock({ $0.callbacks }) { callback(&observer) }
        guard !observer.values.isEmpty else { return }
        visitor.beginMetric(description)
        var seen: Set<Attributes> = []
        // Of two values for the same attributes the last counts.
        for (attributes, value) in observer.values.reversed() where seen.insert(attributes).inserted {
            guard let identity = identity(attributes) else { continue }
            visitor.number(identity, value)
        }
    }

    private func identity(_ attributes: Attributes) -> SeriesIdentity? {
        state.withLock { state in
            if let known = state.identities[attributes] { return known }
            guard state.identities.count < seriesMax else { return nil }
            let fresh = SeriesIdentity(
                attributes, kind: description.writerKind, start: clock.wallNanoseconds(),
                number: state.identities.count)
            state.identities[attributes] = fresh
            return fresh
        }
    }
}
