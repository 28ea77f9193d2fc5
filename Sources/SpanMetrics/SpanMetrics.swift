import Bedrock
import Instruments
import Model
import Synchronization

/// Makes metrics of all spans that pass: stands in front of a `SpanSink`, takes in each batch once that sink has accepted it, and writes the values
/// to a `MetricSink` every `flushMilliseconds`. Put before any sampling, so that rates are true. Thread-safe; a `ThreadRunner` steps it.
public final class SpanMetrics: SpanSink, Worker {
    private struct TenantMetrics {
        var red: RedMetrics
        var graph: ServiceGraph
    }

    private let next: any SpanSink
    private let target: any MetricSink
    private let options: SpanMetricsOptions
    private let clock: any ClockSource
    private let tenants = Mutex<[Tenant: TenantMetrics]>([:])
    private let lastFlush: Mutex<Int64>
    private let dimensionKeys: [[UInt8]]
    private let spans: Counter
    private let refused: Counter

    public let name = "span-metrics"

    public init(
        before next: any SpanSink, into target: any MetricSink, options: SpanMetricsOptions, clock: any ClockSource,
        registry: InstrumentRegistry
    ) {
        self.next = next
        self.target = target
        self.options = options
        self.clock = clock
        lastFlush = Mutex(clock.now())
        dimensionKeys = options.dimensions.map { Array($0.utf8) }
        spans = registry.counter("obs_span_metrics_spans_total", help: "Spans that metrics were made of.")
        refused = registry.counter(
            "obs_span_metrics_write_failures_total",
            help: "Writes of span metrics that the store refused; the next one holds all values again.")
        registry.observe("obs_span_metrics_series", help: "Label sets of spans.") { [weak self] in
            Double(self?.sum { $0.red.seriesCount } ?? 0)
        }
        registry.observe("obs_span_metrics_edges", help: "Edges of the service graph.") { [weak self] in
            Double(self?.sum { $0.graph.edgeCount } ?? 0)
        }
        registry.observe(
            "obs_span_metrics_overflow_spans_total",
            help: "Spans without metrics, as their label set was one too many.",
            kind: .counter
        ) { [weak self] in Double(self?.sum { $0.red.overflow } ?? 0) }
        registry.observe(
            "obs_span_metrics_unpaired_spans_total",
            help: "Client and server spans that are in no edge: their other side never came, or there was no room.",
            kind: .counter
        ) { [weak self] in Double(self?.sum { $0.graph.unpaired + $0.graph.dropped } ?? 0) }
    }

    private func sum(_ part: (TenantMetrics) -> Int) -> Int {
        tenants.withLock { $0.values.reduce(0) { $0 + part($1) } }
    }

    public func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        next.write(batch, origin: origin) { [self] result in
            if case .success = result { observe(batch, tenant: origin.tenant) }
            done(result)
        }
    }

    /// Takes in a batch without passing it on.
    public func observe(_ batch: SpanBatch, tenant: Tenant) {
        guard !batch.isEmpty else { return }
        let now = clock.now()
        spans.add(batch.rowCount)
        batch.withArena { arena in
            let services = BatchServices(batch, arena: arena, dimensions: dimensionKeys)
            tenants.withLock { tenants in
                if tenants[tenant] == nil {
                    guard tenants.count < options.tenantsMax else { return }
                    tenants[tenant] = TenantMetrics(red: RedMetrics(options), graph: ServiceGraph(options))
                }
                tenants[tenant]?.red.observe(batch, arena: arena, services: services, now: now)
                tenants[tenant]?.graph.observe(batch, arena: arena, services: services, now: now)
            }
        }
    }

    /// Writes all values, stamped now.
    public func flush() {
        let now = clock.now()
        lastFlush.withLock { $0 = now }
        for tenant in tenants.withLock({ Array($0.keys) }) {
            let batch = MetricBatch()
            tenants.withLock { tenants in
                tenants[tenant]?.graph.expire(now: now)
                tenants[tenant]?.red.write(into: batch, now: now)
                tenants[tenant]?.graph.write(into: batch, now: now)
            }
            guard !batch.isEmpty else { continue }
            Self.describe(batch)
            let refused = refused
            target.write(batch, origin: BatchOrigin(tenant: tenant)) { [batch] result in
                withExtendedLifetime(batch) { if case .failure = result { refused.increment() } }
            }
        }
    }

    private static func describe(_ batch: MetricBatch) {
        batch.append(
            MetricMetadata(
                family: "traces_spanmetrics_calls", kind: .counter, help: "Spans by service, name, kind and status."))
        batch.append(
            MetricMetadata(
                family: "traces_spanmetrics_latency", kind: .histogram, help: "Duration of spans.", unit: "seconds"))
        batch.append(
            MetricMetadata(family: "traces_service_graph_request", kind: .counter, help: "Requests between services."))
        batch.append(
            MetricMetadata(
                family: "traces_service_graph_request_failed", kind: .counter, help: "Failed requests between services."
            ))
        for side in ["client", "server"] {
            batch.append(
                MetricMetadata(
                    family: "traces_service_graph_request_\(side)_seconds", kind: .histogram,
                    help: "Duration of requests between services as the \(side) sees it.", unit: "seconds"))
        }
    }

    public func step() -> StepOutcome {
        let left = lastFlush.withLock { $0 } + options.flushMilliseconds - clock.now()
        guard left <= 0 else { return .idle(nanoseconds: UInt64(min(left, options.flushMilliseconds)) * 1_000_000) }
        flush()
        return .progressed
    }
}
