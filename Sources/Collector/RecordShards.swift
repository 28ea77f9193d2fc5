import LSM
import Model

/// Where a collector's records go: the shards of an engine, or a double. Thread-safe.
public protocol RecordShards: Sendable {
    var shardCount: Int { get }
    /// Takes over all of `records`, or refuses all; `done` is called once, from any thread, when they are durable and visible, or refused.
    func submit(
        _ records: [(shard: Int, record: WriteRecord)], done: @escaping @Sendable (Result<Void, WriteError>) -> Void)
}

/// An engine's shards as a collector sees them.
struct EngineShards<Format: SegmentFormat>: RecordShards {
    let engine: SignalEngine<Format>

    init(_ engine: SignalEngine<Format>) { self.engine = engine }

    var shardCount: Int { engine.shardCount }

    func submit(
        _ records: [(shard: Int, record: WriteRecord)], done: @escaping @Sendable (Result<Void, WriteError>) -> Void
    ) { engine.submit(records, done: done) }
}

extension BatchOrigin {
    /// The producer as shards know it. Which rows a shard gets depends on how many there are: a retry after that number changed is none.
    func producer(shardCount: Int) -> Producer? {
        producer.map { Producer(name: "\($0.name)/\(shardCount)", lane: $0.lane, sequence: $0.sequence) }
    }
}
