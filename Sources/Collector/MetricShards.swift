import LSM
import MetricStore
import Model

/// Where the collector's records go: the shards of the metric engine, or a double. Thread-safe.
public protocol MetricShards: Sendable {
    var shardCount: Int { get }
    /// Takes over `record`; `done` is called once, from any thread, when it is durable and visible, or refused.
    func submit(_ record: WriteRecord, shard: Int, done: @escaping @Sendable (Result<Void, WriteError>) -> Void)
    /// Series of a tenant that are in memory.
    func activeSeries(_ tenant: Tenant) -> Int
    /// Whether the series with these canonical label bytes is in memory.
    func holds(_ labels: UnsafeRawBufferPointer, tenant: Tenant, shard: Int) -> Bool
}
