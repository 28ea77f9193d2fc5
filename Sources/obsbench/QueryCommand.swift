import Bedrock
import Collector
import Formats
import Instruments
import LSM
import MetricStore
import Model
import QueryServer
import Synchronization
import Transport

/// `obsbench query`: the query API over a data folder, JSON included, without sockets.
struct QueryCommand {
    let folder: String
    let queries: String
    let end: Int64?
    let runs: Int

    private struct Query {
        let name: String
        let url: String
    }

    func run() throws {
        let ledger = LossLedger(registry: InstrumentRegistry())
        var options = MetricStorage.Options()
        options.engine.retentionMilliseconds = 100 * 365 * 86_400_000
        options.ballastBytes = 0
        let storage = try MetricStorage(folder, options: options, ledger: ledger)
        defer { _ = storage.close(deadlineNanoseconds: 30_000_000_000) }
        let newest = try storage.source.metricSnapshot(tenant: .default).cardinality(limit: 1).timeRange?.end
        guard let end = end ?? newest.map({ $0 / 1000 }) else { throw SettingProblem("\(folder) holds no samples") }
        let api = QueryAPI(QueryDependencies(source: storage.source))
        defer { api.stop() }
        let caller = LocalCaller(routes: api.routes())
        let text = String(decoding: try PosixFileSystem().readAll(queries), as: UTF8.self)
        print("| query | bytes | p50 ms | p95 ms | CPU ms |\n|---|---|---|---|---|")
        for query in try text.split(separator: "\n").compactMap({ try parse(String($0), end: end) }) {
            let warm = try caller.call(HTTPCall(.get, query.url))
            guard warm.status == 200 else {
                print(
                    "| \(query.name) | \(warm.status) \(String(decoding: warm.body.prefix(120), as: UTF8.self)) | | | |"
                )
                continue
            }
            var times: [Double] = []
            let before = ProcessUsage.now()
            for _ in 0..<runs {
                let start = ProcessUsage.now()
                _ = try caller.call(HTTPCall(.get, query.url))
                times.append((ProcessUsage.now() - start).wall * 1000)
            }
            let cpu = (ProcessUsage.now() - before).cpu * 1000 / Double(runs)
            times.sort()
            let p95 = times[min(times.count - 1, (times.count * 95 + 99) / 100 - 1)]
            let cells = [Report.number(times[times.count / 2]), Report.number(p95), Report.number(cpu)]
            print("| \(query.name) | \(warm.body.count) | \(cells.joined(separator: " | ")) |")
        }
        Report.print([("peak memory MiB", Report.number(Double(ProcessUsage.now().peakBytes) / 1_048_576))])
    }

    /// A line `NAME | KIND | ARGUMENTS | EXPRESSION`; nil for comments.
    private func parse(_ line: String, end: Int64) throws -> Query? {
        if line.hasPrefix("#") || line.allSatisfy({ $0 == " " }) { return nil }
        let parts = line.split(separator: "|", maxSplits: 3, omittingEmptySubsequences: false).map { trimmed($0) }
        guard parts.count == 4 else { throw SettingProblem("not NAME | KIND | ARGUMENTS | EXPRESSION: \(line)") }
        let spans = parts[2].split(separator: " ").compactMap { try? PrometheusDuration.parse(String($0)) / 1000 }
        func url(_ path: String, _ parameters: [(name: String, value: String)]) -> Query {
            Query(name: parts[0], url: "http://local/api/v1/\(path)?" + PercentCoding.form(parameters))
        }
        let start = "\(end - (spans.first ?? 3600))"
        switch parts[1] {
        case "instant": return url("query", [("query", parts[3]), ("time", "\(end)")])
        case "range":
            let step = "\(spans.count > 1 ? spans[1] : 60)"
            return url("query_range", [("query", parts[3]), ("start", start), ("end", "\(end)"), ("step", step)])
        case "labels": return url("label/\(parts[3])/values", [("start", start), ("end", "\(end)")])
        case "series": return url("series", [("match[]", parts[3]), ("start", start), ("end", "\(end)")])
        default: throw SettingProblem("unknown kind \"\(parts[1])\" in: \(line)")
        }
    }

    private func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
