import LSM
import MetricStore
import Model

/// Where samples go, and what is known there of their series. Thread-safe.
public protocol MetricShards: RecordShards {
    /// Series of a tenant that are in memory.
    func activeSeries(_ tenant: Tenant) -> Int
    /// Whether the series with these canonical label bytes is in memory.
    func holds(_ labels: UnsafeRawBufferPointer, tenant: Tenant, shard: Int) -> Bool
}

extension EngineShards: MetricShards where Format == MetricFormat {
    func activeSeries(_ tenant: Tenant) -> Int {
        engine.snapshot().shards.reduce(0) { $0 + ($1.memtables.last?.seriesCount(of: tenant) ?? 0) }
    }

    func holds(_ labels: UnsafeRawBufferPointer, tenant: Tenant, shard: Int) -> Bool {
        engine.snapshot().shards[shard].memtables.last?.holds(labels, tenant: tenant) ?? false
    }
}
