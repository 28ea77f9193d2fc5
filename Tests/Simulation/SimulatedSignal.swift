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
    /// Whether rows of equal key and time are all kept; otherwise the last one counts.
    var keepsRepeats: Bool { get }
    func append(_ rows: [Row], shard: Int, to payload: inout ByteBuffer)
    /// What readers get: by key, time and arrival.
    func served(_ engine: SignalEngine<Format>) throws -> [Place: [Row]]
}

/// The tenants that clients write for.
let simulatedTenants = [Tenant.default, Tenant("other")]

struct RowSignal: SimulatedSignal {
    let format = RowFormat()
    let keyLabel = "key"
    let keepsRepeats = true

    func append(_ rows: [Row], shard: Int, to payload: inout ByteBuffer) { RowCoding.append(rows, to: &payload) }

    func served(_ engine: SignalEngine<RowFormat>) throws -> [Place: [Row]] {
        var served: [Place: [Row]] = [:]
        for shard in engine.snapshot().shards {
            for tenant in simulatedTenants {
                served[Place(shard: shard.index, tenant: tenant)] = try shard.rows(tenant) { engine.damage.report($0) }
            }
        }
        return served
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
        record.withPayload { signal.append(rows, shard: shard, to: &$0) }
        engine.submit(record, shard: shard, done: done)
    }

    func delete(key: String, done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        // One tenant alone would leave the oracle's picture in halves.
        let both = BothAnswers(done)
        for tenant in simulatedTenants {
            engine.delete(
                tenant: tenant, matchers: [Matcher(signal.keyLabel, equals: key)], range: .everything, done: both.answer
            )
        }
    }
}
