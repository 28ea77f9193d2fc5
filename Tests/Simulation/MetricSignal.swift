import Bedrock
import LSM
import LSMKit
import MetricStore
import Model

/// The metric store in the simulation: a row is a sample; key, shard and tenant make the series.
struct MetricSignal: SimulatedSignal {
    let format = MetricFormat(cache: BlockCache(byteCountMax: 1 << 20))
    let keyLabel = "__name__"
    let keepsRepeats = false

    func append(_ rows: [Row], shard: Int, to payload: inout ByteBuffer) {
        let batch = MetricBatch()
        for row in rows {
            batch.beginSeries(Labels(["__name__": row.key, "shard": "\(shard)"]))
            batch.append(timestamp: row.time, value: Double(row.value))
        }
        MetricRecord.encode(batch, into: &payload)
    }

    func served(_ engine: SignalEngine<MetricFormat>) throws -> [Place: [Row]] {
        var served: [Place: [Row]] = [:]
        for tenant in simulatedTenants {
            let snapshot = MetricSource(engine).snapshot(tenant: tenant)
            let selection = try snapshot.select(
                SeriesRequest(matchers: [try Matcher("__name__", .regex, ".+")], range: .everything))
            let batch = SeriesBatch()
            try selection.read(0..<selection.count, into: batch)
            for index in 0..<selection.count {
                let labels = selection.labels(index)
                let place = Place(shard: Int(labels["shard"] ?? "") ?? -1, tenant: tenant)
                for (time, value) in zip(batch.times(index), batch.floats(index)) {
                    served[place, default: []].append(Row(labels["__name__"] ?? "", time, UInt64(value)))
                }
            }
        }
        return served
    }
}
