import Bedrock
import LSM
import LSMKit
import Model

/// A segment format as the simulation sees it: rows in, rows out.
protocol SimulatedSignal {
    associatedtype Format: SegmentFormat
    var format: Format { get }
    /// Label that carries a row's key.
    var keyLabel: String { get }
    func append(_ rows: [Row], to payload: inout ByteBuffer)
    /// By key, time and arrival.
    func rows(_ shard: ShardSnapshot<Format>, _ tenant: Tenant, damage: (SegmentDamage) -> Void) throws -> [Row]
}

struct RowSignal: SimulatedSignal {
    let format = RowFormat()
    let keyLabel = "key"

    func append(_ rows: [Row], to payload: inout ByteBuffer) { RowCoding.append(rows, to: &payload) }

    func rows(_ shard: ShardSnapshot<RowFormat>, _ tenant: Tenant, damage: (SegmentDamage) -> Void) throws -> [Row] {
        try shard.rows(tenant, damage: damage)
    }
}

/// An engine as clients see it.
final class EngineTarget<Signal: SimulatedSignal>: WriteTarget {
    private let engine: SignalEngine<Signal.Format>
    private let signal: Signal

    init(_ engine: SignalEngine<Signal.Format>, _ signal: Signal) {
        self.engine = engine
        self.signal = signal
    }

    var shardCount: Int { engine.shardCount }

    func write(
        _ rows: [Row], shard: Int, tenant: Tenant, producer: BatchOrigin.Producer?,
        done: @escaping @Sendable (Result<Void, WriteError>) -> Void
    ) {
        let record = WriteRecord(tenant: tenant, producer: producer)
        record.withPayload { signal.append(rows, to: &$0) }
        engine.submit(record, shard: shard, done: done)
    }

    func delete(key: String, done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        // One tenant alone would leave the oracle's picture in halves.
        let both = BothAnswers(done)
        for tenant in [Tenant.default, Tenant("other")] {
            engine.delete(
                tenant: tenant, matchers: [Matcher(signal.keyLabel, equals: key)], range: .everything, done: both.answer
            )
        }
    }
}
