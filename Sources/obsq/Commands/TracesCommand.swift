import Bedrock
import Client
import Formats
import Model

let tracesCommand = Command(
    "traces", "['{ … }']", "find traces by a TraceQL query, or by flags",
    flags: TraceQuestion.flags + TimeArgument.rangeFlags + [
        Flag("--limit", "N", "at most so many traces (default 20)"),
        Flag("--spans", "N", "show so many matched spans of each (default none)"),
        Flag("--ids", nil, "print nothing but trace ids"),
    ],
    examples: [
        "traces --errors --service checkout",
        "traces '{ resource.service.name = \"cart\" && duration > 1s }' --since 6h",
        "traces --min 500ms --ids | head -1 | xargs obsq trace",
    ],
    run: { invocation in
        let question = try TraceQuestion(invocation)
        let milliseconds = try TimeArgument.range(invocation, now: SystemClock().now())
        let (start, startOverflows) = milliseconds.start.multipliedReportingOverflow(by: 1_000_000)
        let (end, endOverflows) = milliseconds.end.multipliedReportingOverflow(by: 1_000_000)
        guard !startOverflows, !endOverflows else { throw UsageError("the range is beyond what nanoseconds can say") }
        let range = SpanTimeRange(start, end)
        let limit = try invocation.value("--limit").map(wholeNumber) ?? 20
        let spans = try invocation.value("--spans").map(wholeNumber) ?? 0
        let session = try Session(invocation)
        if invocation.has("--json") {
            let body = try await session.askTraces(question.query) { client throws(ClientError) in
                try await client.searchDocument(
                    question.query, range: range, limit: max(limit, 1), spansPerSet: max(spans, 1))
            }
            invocation.output.line(String(decoding: body, as: UTF8.self))
            return .done
        }
        let answer = try await session.askTraces(question.query) { client throws(ClientError) in
            try await client.search(question.query, range: range, limit: max(limit, 1), spansPerSet: max(spans, 1))
        }
        if invocation.has("--ids") {
            for trace in answer.traces { invocation.output.line(TraceListWriter.whole(trace.id)) }
            return .done
        }
        if answer.traces.isEmpty {
            invocation.output.note("no traces in that time; asked for \(question.query)")
            return .done
        }
        TraceListWriter(output: invocation.output, spansMax: spans).write(answer)
        return .done
    })

/// Prints found traces, newest last so that they stand beside the prompt.
struct TraceListWriter {
    let output: Output
    let spansMax: Int

    /// All 32 digits; servers may leave leading zeros out.
    static func whole(_ id: String) -> String { TraceID(hex: id)?.description ?? id }

    func write(_ answer: TraceSearchAnswer) {
        let traces = answer.traces.sorted { $0.start < $1.start }
        var table = TextTable(
            ["start", "trace", "duration", "spans", "errors", "matched", "root"], alignRight: [2, 3, 4, 5])
        for trace in traces {
            table.add([
                LogTime.text(trace.start, digits: 3), Self.whole(trace.id),
                ShortDuration.text(Int64(trace.milliseconds) * 1_000_000), String(trace.spans), String(trace.errors),
                String(trace.matched),
                trace.rootName.isEmpty ? trace.rootService : "\(trace.rootService): \(trace.rootName)",
            ])
        }
        let lines = table.lines(output)
        output.line(lines[0])
        for (trace, line) in zip(traces, lines.dropFirst()) {
            output.line(trace.errors > 0 ? output.styled(line, .red) : line)
            for span in trace.shown.prefix(spansMax) {
                let attributes = span.attributes.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
                output.line(
                    output.styled(
                        "    \(span.id)  \(ShortDuration.text(span.duration).leftPadded(7))  \(span.name)  \(attributes)",
                        .dim))
            }
        }
    }
}
