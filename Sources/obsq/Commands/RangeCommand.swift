import Bedrock
import Client
import Dashboards
import Formats
import Model
import TerminalUI

let rangeCommand = Command(
    "range", "EXPR", "evaluate a PromQL expression over a span of time",
    flags: TimeArgument.rangeFlags + [
        Flag("--step", "SPAN", "distance of points (default: about 120 of them)"),
        Flag("--graph", nil, "draw it"),
        Flag("--height", "LINES", "of the graph (default 16)"),
        Flag("--unit", "UNIT", "Grafana's name of the value's unit, for the graph"),
        Flag("--limit", "N", "at most so many series"),
        Flag("--csv", nil, "print CSV"),
    ],
    run: { invocation in
        let expression = try invocation.only("one expression")
        let range = try TimeArgument.range(invocation, now: SystemClock().now())
        let output = invocation.output
        let points = Int64(invocation.has("--graph") ? max(40, (output.width - 12) * 2) : 120)
        let step =
            try invocation.value("--step").map(TimeArgument.span)
            ?? TimeArgument.niceStep((range.end - range.start) / points)
        let limit = try invocation.value("--limit").map(wholeNumber)
        let session = try Session(invocation)
        // Steps stand on multiples of the step, so that a graph drawn again shows the same points.
        let start = invocation.has("--start") ? range.start : range.start / step * step
        if invocation.has("--json") {
            func seconds(_ t: Int64) -> String { NumberText.text(Double(t) / 1000, .fixed) }
            var parameters = [
                (name: "query", value: expression), (name: "start", value: seconds(start)),
                (name: "end", value: seconds(range.end)), (name: "step", value: seconds(step)),
            ]
            if let limit { parameters.append(("limit", String(limit))) }
            let data = try await session.ask(query: expression) { [parameters] client throws(ClientError) in
                try await client.document("/api/v1/query_range", parameters)
            }
            output.line(data.text)
            return .done
        }
        let answer = try await session.ask(query: expression) { client throws(ClientError) in
            try await client.range(expression, start: start, end: range.end, step: step, limit: limit)
        }
        report(answer, to: output)
        guard invocation.has("--graph"), case .matrix(let table) = answer.result else {
            ResultTable(answer.result).write(to: output, csv: invocation.has("--csv"))
            return .done
        }
        if table.isEmpty {
            output.note("no data")
        } else {
            let height = try invocation.value("--height").map(wholeNumber) ?? 16
            var graph = RangeGraph(table, start: start, end: range.end, step: step)
            graph.unit = UnitFormat(invocation.value("--unit"))
            output.raw(graph.text(width: output.width, height: height, colour: output.colour))
        }
        return .done
    })
