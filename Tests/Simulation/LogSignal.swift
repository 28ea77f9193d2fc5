import Bedrock
import LSM
import LSMKit
import LogStore
import Model

/// The log store in the simulation: a row is a line; key and shard make the stream. Equal lines are all kept.
struct LogSignal: SimulatedSignal {
    let format = LogFormat(cache: BlockCache(byteCountMax: 1 << 20))
    let keyLabel = "key"
    let keepsRepeats = true

    func append(_ rows: [Row], shard: Int, to payload: inout ByteBuffer) {
        let batch = LogBatch()
        for row in rows {
            batch.beginStream(Labels(["key": row.key, "shard": "\(shard)"]))
            let metadata = row.value % 3 == 0 ? Labels(["value": "\(row.value)"]) : .empty
            batch.append(timestamp: row.time * 1_000_000, line: "value=\(row.value)", metadata: metadata)
        }
        LogRecord.encode(batch, streams: Array(batch.streams.indices), into: &payload)
    }

    func served(_ engine: SignalEngine<LogFormat>) throws -> [Place: [Row]] {
        var served: [Place: [Row]] = [:]
        for tenant in simulatedTenants {
            let selection = try LogEngineSource(engine).snapshot(tenant: tenant)
                .select(LogRequest(matchers: [], range: .everything))
            var rows = [[Row]](repeating: [], count: selection.streams.count)
            for part in 0..<selection.partCount { try read(selection, part, into: &rows) }
            for (stream, labels) in selection.streams.enumerated() where !rows[stream].isEmpty {
                let place = Place(shard: Int(labels["shard"] ?? "") ?? -1, tenant: tenant)
                let sorted = rows[stream].enumerated().sorted {
                    ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
                }
                served[place, default: []] += sorted.map(\.element)
            }
        }
        return served
    }

    private func read(_ selection: any LogSelection, _ part: Int, into rows: inout [[Row]]) throws {
        let block = try selection.open(part)
        let matching = try block.matchingRows()
        let times = try block.times()
        let lines = LineArena()
        let metadata = LineArena()
        try block.readLines(matching, into: lines)
        try block.readMetadata(matching, into: metadata)
        let runs = selection.runs(part)
        for (position, number) in matching.enumerated() {
            guard let run = runs.first(where: { $0.rows.contains(Int(number)) }) else { continue }
            let text = String(decoding: lines[position], as: UTF8.self)
            var value = UInt64(text.dropFirst("value=".count)) ?? .max
            // Metadata that is not the row's own is as wrong as a wrong line.
            let wanted = value % 3 == 0 ? Labels(["value": "\(value)"]) : .empty
            if Labels(canonical: metadata[position]) != wanted { value = .max }
            rows[run.stream].append(
                Row(selection.streams[run.stream]["key"] ?? "", times[Int(number)] / 1_000_000, value))
        }
    }
}
