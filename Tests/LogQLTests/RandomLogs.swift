import Bedrock
import Kernels
import Model

@testable import LogQL

/// Random logs with everything that is awkward: equal times within and across streams and parts, rows out of order, metadata on some rows,
/// names that several categories have.
struct RandomLogs {
    struct Row {
        var stream: Labels
        var time: Int64
        var line: String
        var metadata: Labels
    }

    static let start: Int64 = 1_700_000_000_000_000_000
    let rows: [Row]

    init(_ random: inout SeededGenerator, count: Int, spanSeconds: Int64 = 600) {
        var rows: [Row] = []
        for _ in 0..<count {
            let stream = Labels([
                Label("app", ["a", "b", "c"].randomElement(using: &random) ?? ""),
                Label("host", "h\(Int.random(in: 0..<4, using: &random))"),
            ])
            // Few distinct times, and some on the very edges of windows.
            let time = Self.start + Int64.random(in: 0..<spanSeconds / 5, using: &random) * 5_000_000_000
            let level = ["info", "error", "debug"].randomElement(using: &random) ?? ""
            let line =
                "level=\(level) v=\(Int.random(in: 0..<9, using: &random)) app=x msg=\"payment \(Int.random(in: 0..<3, using: &random))\""
            let hasMetadata = Int.random(in: 0..<3, using: &random) == 0
            rows.append(
                Row(
                    stream: stream, time: time, line: line,
                    metadata: hasMetadata
                        ? Labels([Label("trace", "t\(Int.random(in: 0..<2, using: &random))"), Label("host", "m")])
                        : .empty))
        }
        self.rows = rows
    }

    func source(partRows: Int) -> MemoryLogSource {
        let source = MemoryLogSource(partRows: partRows)
        for row in rows { source.append(row.stream, timestamp: row.time, line: row.line, metadata: row.metadata) }
        return source
    }

    /// A row that a pipeline kept, and what it made of it.
    struct Found {
        var row: Row
        var line: [UInt8]
        var labels: Labels
        var sample: Double?
    }

    /// What each row becomes, one after another through the whole pipeline; nil where it is dropped.
    func processed(_ query: LogQuery) throws -> [Found?] {
        let pipeline = LogPipeline(try LogPipelinePlan(query.stages))
        var result: [Found?] = []
        for row in rows {
            var found: Found?
            if row.stream.match(query.matchers) {
                row.stream.storage.withUnsafeBytes { pipeline.setStream($0) }
                Array(row.line.utf8).withUnsafeBytes { line in
                    row.metadata.storage.withUnsafeBytes { metadata in
                        guard pipeline.process(timestamp: row.time, line: line, metadata: metadata) else { return }
                        var labels = ByteBuffer(capacity: 256)
                        pipeline.appendLabels(.all, to: &labels)
                        found = Found(
                            row: row, line: Array(pipeline.line), labels: Labels(canonical: labels.bytes),
                            sample: pipeline.sample)
                    }
                }
            }
            result.append(found)
        }
        return result
    }

    static let pipelines = [
        "", "|= `payment 1`", "!~ `payment [01]` |= `error`", "| host=\"h1\"", "| trace=~\"t.*\"",
        "| trace=\"\" | host!=\"h2\"",
        "| logfmt", "| logfmt | level=\"error\" |= `v=`", "| logfmt | v > 3 or level=\"info\"",
        "| logfmt | drop msg, v, app_extracted",
        "| line_format `{{.app}} {{.host}}` |= `a h`", "| logfmt | label_format lvl=level, z=`{{.v}}`",
        "|= `level` |> `<_>payment <_>`",
        "| trace=\"t1\" or host=\"h3\"", "| logfmt | keep level, trace",
    ]

    static func engine(_ threads: Int) -> LogQLEngine {
        var options = LogQLEngineOptions()
        options.pool = QueryPool(threads: threads)
        options.seriesMax = 100_000
        return LogQLEngine(options)
    }
}
