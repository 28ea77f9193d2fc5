import Bedrock
import LSM
import LSMKit
import Model
import TraceStore

/// The trace store in the simulation: a row is a span; key and shard make the trace. Of spans of one time the last counts.
struct TraceSignal: SimulatedSignal {
    let format = TraceFormat(cache: BlockCache(byteCountMax: 1 << 20))
    let keyLabel = "key"
    let keepsRepeats = false

    func append(_ rows: [Row], shard: Int, to payload: inout ByteBuffer) {
        let batch = SpanBatch()
        let scope = batch.append(SpanBatch.Scope())
        for row in rows {
            var resource = SpanBatch.Resource()
            resource.attributes = batch.write {
                $0.append(attribute: "key", .string(row.key))
                $0.append(attribute: "shard", .int(Int64(shard)))
            }
            var key = row.key
            let hash = key.withUTF8 { Hash128(of: UnsafeRawBufferPointer($0), seed: UInt64(shard)) }
            var span = SpanBatch.Row(
                traceID: TraceID(high: hash.high, low: hash.low),
                spanID: SpanID(UInt64(bitPattern: row.time) | 1 << 63),
                start: row.time * 1_000_000, end: row.time * 1_000_000, resource: batch.append(resource), scope: scope)
            span.attributes = batch.write { $0.append(attribute: "value", .string("\(row.value)")) }
            batch.append(span)
        }
        SpanRecord.encode(batch, rows: batch.rows.indices.map { Int32($0) }, into: &payload)
    }

    func served(_ engine: SignalEngine<TraceFormat>) throws -> [Place: [Row]] {
        let fields: [SpanField] = [
            .attribute(.resource, "key"), .attribute(.resource, "shard"), .attribute(.span, "value"),
        ]
        var served: [Place: [Row]] = [:]
        for tenant in simulatedTenants {
            let snapshot = try SpanEngineSource(engine).snapshot(tenant: tenant)
            let selection = try snapshot.select(
                SpanRequest(filters: [.everything], range: .everything, grouping: .wholeTraces, fields: fields))
            for part in 0..<selection.partCount {
                let block = try selection.open(part)
                let (keys, shards, values) = (
                    try block.column(fields[0]), try block.column(fields[1]), try block.column(fields[2])
                )
                let starts = try block.starts()
                for row in 0..<block.rowCount {
                    guard case .string(let key) = keys.value(row), case .int(let shard) = shards.value(row),
                        case .string(let value) = values.value(row)
                    else { continue }
                    served[Place(shard: Int(shard), tenant: tenant), default: []].append(
                        Row(key, starts[row] / 1_000_000, UInt64(value) ?? .max))
                }
            }
        }
        // By key; within one, spans must come by time as they are.
        return served.mapValues { rows in
            rows.enumerated().sorted { ($0.element.key, $0.offset) < ($1.element.key, $1.offset) }.map(\.element)
        }
    }
}
