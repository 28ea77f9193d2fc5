import Bedrock
import Synchronization

/// Makes a request of all metrics whenever an interval has passed.
final class MetricSource: ExportSource, @unchecked Sendable {
    // All but the marks belong to the exporter's thread.
    let signal = TelemetrySignal.metrics
    private let registry: MetricRegistry
    private let resource: [UInt8]
    private let interval: UInt64
    private var encoder: MetricEncoder
    private var next: UInt64
    /// Collections begun and settled.
    private let begun = Atomic<UInt64>(0)
    private let settled = Atomic<UInt64>(0)

    init(_ registry: MetricRegistry, resource: [UInt8], options: TelemetryOptions) {
        self.registry = registry
        self.resource = resource
        interval = UInt64(max(0.001, options.metricIntervalSeconds) * 1e9)
        encoder = MetricEncoder(options.temporality)
        next = registry.clock.nanoseconds() &+ interval
    }

    func due(now: UInt64) -> UInt64 { next }

    func makeBatch(now: UInt64) -> ExportBatch? {
        next = now &+ interval
        let number = begun.load(ordering: .relaxed) + 1
        begun.store(number, ordering: .releasing)
        let (body, points) = encoder.encode(registry, resource: resource, time: registry.clock.wallNanoseconds())
        if points == 0 {
            settled.store(number, ordering: .releasing)
            return nil
        }
        return ExportBatch(body: body, recordCount: points)
    }

    func settle(isDelivered: Bool) {
        if isDelivered { encoder.acknowledge() }
        settled.store(begun.load(ordering: .relaxed), ordering: .releasing)
    }

    /// The collection after the one under way.
    func flushMark() -> UInt64 { begun.load(ordering: .acquiring) + 1 }

    func hasUnsent(until mark: UInt64) -> Bool { begun.load(ordering: .acquiring) < mark }

    func isSettled(until mark: UInt64) -> Bool { settled.load(ordering: .acquiring) >= mark }

    /// Cumulative values that were never sent are no records lost.
    func discard() -> Int { 0 }
}
