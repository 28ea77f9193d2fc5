import Bedrock
import Client
import Formats
import Model

let traceCommand = Command(
    "trace", "ID", "draw a trace: who called whom, when, what all waited for",
    flags: [
        Flag("--max", "N", "at most so many spans, the most telling ones; 0 shows all (default 200)"),
        Flag("--depth", "N", "at most so many levels; 0 shows all (default 0)"),
        Flag("--attributes", nil, "show the attributes of spans and events"),
        Flag("--no-logs", nil, "leave out the logs of the trace"),
    ],
    examples: ["trace 5b8efff798038103d269b633813fc60c", "trace 5b8efff7… --attributes --max 50"],
    run: { invocation in
        let text = try invocation.only("one trace id")
        guard let id = TraceID(hex: text), !id.isZero else {
            throw UsageError("\"\(text)\" is no trace id: 1 to 32 hexadecimal digits")
        }
        let spansMax = try invocation.value("--max").map(wholeNumber) ?? 200
        let depthMax = try invocation.value("--depth").map(wholeNumber) ?? 0
        let session = try Session(invocation)
        if invocation.has("--json") {
            let body = try await session.askTraces { client throws(ClientError) in try await client.traceDocument(id) }
            guard let body else { throw Failure("there is no trace \(id)", .no) }
            invocation.output.line(String(decoding: body, as: UTF8.self))
            return .done
        }
        let body = try await session.askTraces { client throws(ClientError) in try await client.trace(id) }
        guard let body else { throw Failure("there is no trace \(id)", .no) }
        let batch = SpanBatch()
        do {
            _ = try body.withUnsafeBytes { bytes in
                var limits = SpanLimits()
                limits.spanBytesMax = .max
                var decoder = OTLPTracesDecoder(limits: limits)
                return try decoder.decode(protobuf: bytes, into: batch)
            }
        } catch {
            throw Failure("the server's answer can't be read: \(error)", .refused)
        }
        let tree = TraceTree(batch)
        var writer = WaterfallWriter(
            output: invocation.output, view: TraceView(tree, spansMax: spansMax, depthMax: depthMax),
            width: max(invocation.output.width, 60))
        writer.showsAttributes = invocation.has("--attributes")
        if !invocation.has("--no-logs") { writer.logs = await TraceLogs.read(tree, id, session) }
        writer.write()
        return .done
    })

/// The logs that carry a trace's id.
enum TraceLogs {
    private static let linesMax = 200
    /// Around the trace, as clocks differ and lines may be written late.
    private static let margin: Int64 = 60_000_000_000

    /// None where the server has no logs, or can't be asked for all streams.
    static func read(_ tree: TraceTree, _ id: TraceID, _ session: Session) async -> [TraceLogLine] {
        let (start, startOverflow) = tree.start.subtractingReportingOverflow(margin)
        let (end, endOverflow) = tree.end.addingReportingOverflow(margin)
        let range = LogTimeRange(startOverflow ? .min : start, endOverflow ? .max : end)
        let request = LogPageRequest("{} | trace_id=\"\(id)\"", range: range, limit: linesMax, direction: .forward)
        guard let (table, _) = try? await session.logs.entries(request) else { return [] }
        return (0..<table.count).map { row in
            func value(_ name: String) -> String? {
                table.metadata(row)[name] ?? table.parsed(row)[name] ?? table.labels(row)[name]
            }
            return TraceLogLine(
                time: table.rows[row].timestamp, span: value("span_id").flatMap { SpanID(hex: $0) },
                level: value("level") ?? value("severity_text") ?? value("detected_level") ?? "",
                text: table.text(row))
        }
    }
}
