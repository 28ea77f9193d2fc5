import Bedrock
import Instruments

@_exported import class Instruments.Counter
@_exported import class Instruments.Gauge
@_exported import class Instruments.UpDownCounter

/// Makes the instruments of one scope. Thread-safe.
///
/// Instruments are bound: keep them, and recording is a few atomic operations, without locks or allocations. Asking for a name again gives
/// the same instruments.
public struct Meter: Sendable {
    public let scope: InstrumentationScope
    let registry: MetricRegistry
    let cardinalityLimit: Int

    private func describe(
        _ name: String, _ unit: String, _ description: String, _ kind: MetricDescription.Kind
    ) -> MetricDescription {
        MetricDescription(name: name, unit: unit, text: description, kind: kind, scope: scope)
    }

    // MARK: One series

    /// A sum that only grows.
    public func counter(
        _ name: String, unit: String = "", description: String = "", attributes: Attributes = [:]
    ) -> Counter { counters(name, unit: unit, description: description).bind(attributes) }

    /// A sum that grows and falls.
    public func upDownCounter(
        _ name: String, unit: String = "", description: String = "", attributes: Attributes = [:]
    ) -> UpDownCounter { upDownCounters(name, unit: unit, description: description).bind(attributes) }

    /// A value that is set.
    public func gauge(
        _ name: String, unit: String = "", description: String = "", attributes: Attributes = [:]
    ) -> Gauge { gauges(name, unit: unit, description: description).bind(attributes) }

    /// A distribution of values.
    public func histogram(
        _ name: String, unit: String = "", description: String = "", attributes: Attributes = [:],
        aggregation: HistogramAggregation = .standard
    ) -> Distribution {
        histograms(name, unit: unit, description: description, aggregation: aggregation).bind(attributes)
    }

    // MARK: Series by attributes

    public func counters(_ name: String, unit: String = "", description: String = "") -> InstrumentSet<Counter> {
        registry.instruments(describe(name, unit, description, .counter)) { _ in Counter() }
    }

    public func upDownCounters(
        _ name: String, unit: String = "", description: String = ""
    ) -> InstrumentSet<UpDownCounter> {
        registry.instruments(describe(name, unit, description, .upDownCounter)) { _ in UpDownCounter() }
    }

    public func gauges(_ name: String, unit: String = "", description: String = "") -> InstrumentSet<Gauge> {
        registry.instruments(describe(name, unit, description, .gauge)) { _ in Gauge() }
    }

    public func histograms(
        _ name: String, unit: String = "", description: String = "", aggregation: HistogramAggregation = .standard
    ) -> InstrumentSet<Distribution> {
        registry.instruments(describe(name, unit, description, .histogram), aggregation: aggregation) {
            Distribution($0)
        }
    }

    // MARK: Series by typed labels

    /// Counters told apart by labels: `meter.counters("requests", labels: Label<String>("method"), Label<Int>("code"))` is then called as
    /// `requests("GET", 200).increment()`.
    public func counters<each Value: LabelValue>(
        _ name: String, unit: String = "", description: String = "", labels: repeat Label<each Value>
    ) -> Labelled<Counter, repeat each Value> {
        Labelled(counters(name, unit: unit, description: description), repeat each labels)
    }

    public func upDownCounters<each Value: LabelValue>(
        _ name: String, unit: String = "", description: String = "", labels: repeat Label<each Value>
    ) -> Labelled<UpDownCounter, repeat each Value> {
        Labelled(upDownCounters(name, unit: unit, description: description), repeat each labels)
    }

    public func gauges<each Value: LabelValue>(
        _ name: String, unit: String = "", description: String = "", labels: repeat Label<each Value>
    ) -> Labelled<Gauge, repeat each Value> {
        Labelled(gauges(name, unit: unit, description: description), repeat each labels)
    }

    public func histograms<each Value: LabelValue>(
        _ name: String, unit: String = "", description: String = "", aggregation: HistogramAggregation = .standard,
        labels: repeat Label<each Value>
    ) -> Labelled<Distribution, repeat each Value> {
        Labelled(
            histograms(name, unit: unit, description: description, aggregation: aggregation), repeat each labels)
    }

    // MARK: Asynchronous

    /// A sum read by `callback` at each export; it is called on a thread of the telemetry's or of a scrape's, and must be quick.
    public func observableCounter(
        _ name: String, unit: String = "", description: String = "",
        _ callback: @escaping @Sendable (inout MetricObserver) -> Void
    ) { observe(describe(name, unit, description, .counter), callback) }

    public func observableUpDownCounter(
        _ name: String, unit: String = "", description: String = "",
        _ callback: @escaping @Sendable (inout MetricObserver) -> Void
    ) { observe(describe(name, unit, description, .upDownCounter), callback) }

    public func observableGauge(
        _ name: String, unit: String = "", description: String = "",
        _ callback: @escaping @Sendable (inout MetricObserver) -> Void
    ) { observe(describe(name, unit, description, .gauge), callback) }

    private func observe(_ description: MetricDescription, _ callback: @escaping ObservedMetric.Callback) {
        registry.add(
            ObservedMetric(description, seriesMax: cardinalityLimit, clock: registry.clock, callback))
    }
}
