import Bedrock
import LSM
import LSMKit
import MetricStore
import Model

/// The metric store in the simulation: a row is a sample with an exemplar; key, shard and tenant make the series. Every third value is a
/// native histogram of so many observations, so that both kinds come to one series, and to one timestamp.
struct MetricSignal: SimulatedSignal {
    let format = MetricFormat(cache: BlockCache(byteCountMax: 1 << 20))
    let keyLabel = "__name__"
    let keepsRepeats = false

    /// Exemplars don't fit the rows they came with.
    struct ExemplarProblem: Error, CustomStringConvertible {
        let description: String
    }

    func append(_ rows: [Row], shard: Int, to payload: inout ByteBuffer) {
        let batch = MetricBatch()
        for row in rows {
            batch.beginSeries(Labels(["__name__": row.key, "shard": "\(shard)"]))
            if row.value % 3 == 0 {
                batch.append(timestamp: row.time, histogram: Self.histogram(row.value))
            } else {
                batch.append(timestamp: row.time, value: Double(row.value))
            }
            batch.append(Self.exemplar(row))
        }
        MetricRecord.encode(batch, into: &payload)
    }

    private static func histogram(_ value: UInt64) -> NativeHistogram {
        // Layouts that differ now and then.
        let first = Int32(value % 4)
        return NativeHistogram(
            schema: 1, count: Double(value), sum: Double(value) * 1.5,
            positiveSpans: [.init(offset: first, length: 2)], positiveBuckets: [1, Double(value) - 1])
    }

    private static func exemplar(_ row: Row) -> Exemplar {
        Exemplar(labels: Labels(["trace_id": "\(row.value)"]), value: Double(row.value), timestamp: row.time)
    }

    func served(_ engine: SignalEngine<MetricFormat>) throws -> [Place: [Row]] {
        var served: [Place: [Row]] = [:]
        for tenant in simulatedTenants {
            let snapshot = MetricSource(engine).snapshot(tenant: tenant)
            let selection = try snapshot.select(
                SeriesRequest(matchers: [try Matcher("__name__", .regex, ".+")], range: .everything))
            let batch = SeriesBatch()
            try selection.read(0..<selection.count, into: batch)
            let found = try snapshot.exemplars(ExemplarRequest(sets: [[]], range: .everything))
            let exemplars = Dictionary(uniqueKeysWithValues: found.map { ($0.series, $0.exemplars) })
            for index in 0..<selection.count {
                let labels = selection.labels(index)
                var rows: [Row] = []
                let place = Place(shard: Int(labels["shard"] ?? "") ?? -1, tenant: tenant)
                for (time, value) in zip(batch.times(index), batch.floats(index)) {
                    rows.append(Row(labels["__name__"] ?? "", time, UInt64(value)))
                }
                for row in batch.histogramRows(index) {
                    let value = UInt64(row.histogram.count)
                    guard row.histogram == Self.histogram(value) else {
                        throw ExemplarProblem(description: "histogram \(row.histogram) of \(labels) is another")
                    }
                    rows.append(Row(labels["__name__"] ?? "", row.timestamp, value))
                }
                rows.sort()
                try check(exemplars[labels] ?? [], rows, labels)
                served[place, default: []] += rows
            }
            let known = Set((0..<selection.count).map { selection.labels($0) })
            if let stray = found.first(where: { !known.contains($0.series) }) {
                throw ExemplarProblem(description: "exemplars of \(stray.series), which has no row")
            }
        }
        return served
    }

    /// Each row's exemplar is there, unless eight newer ones of its five minutes are; and none is there at a time without a row.
    private func check(_ exemplars: [Exemplar], _ rows: [Row], _ labels: Labels) throws {
        let known = Set(exemplars)
        for row in rows where !known.contains(Self.exemplar(row)) {
            let newer = exemplars.filter { $0.timestamp / 300_000 == row.time / 300_000 && $0.timestamp >= row.time }
            guard newer.count == 8 else {
                throw ExemplarProblem(description: "the exemplar of \(row) in \(labels) is missing")
            }
        }
        let times = Set(rows.map(\.time))
        if let stray = exemplars.first(where: { !times.contains($0.timestamp) }) {
            throw ExemplarProblem(description: "exemplar \(stray) of \(labels) has no row")
        }
    }
}
