import Bedrock
import Client
import Formats
import Model

let queryCommand = Command(
    "query", "EXPR", "evaluate a PromQL expression at one time",
    flags: [
        Flag("--time", "TIME", "now, -1h, Unix seconds or RFC 3339 (default now)"),
        Flag("--limit", "N", "at most so many series"),
        Flag("--csv", nil, "print CSV"),
        Flag("--fail-on-empty", nil, "exit 1 when the answer is empty"),
    ],
    run: { invocation in
        let expression = try invocation.only("one expression")
        let now = SystemClock().now()
        let time = try invocation.value("--time").map { try TimeArgument.time($0, now: now) }
        let limit = try invocation.value("--limit").map(wholeNumber)
        let session = try Session(invocation)
        if invocation.has("--json") {
            let parameters = queryParameters(expression, time: time, limit: limit)
            let data = try await session.ask(query: expression) { client throws(ClientError) in
                try await client.document("/api/v1/query", parameters)
            }
            invocation.output.line(data.text)
            return invocation.has("--fail-on-empty") && data["result"]?.array?.isEmpty == true ? .no : .done
        }
        let answer = try await session.ask(query: expression) { client throws(ClientError) in
            try await client.query(expression, at: time, limit: limit)
        }
        report(answer, to: invocation.output)
        let table = ResultTable(answer.result)
        table.write(to: invocation.output, csv: invocation.has("--csv"))
        return invocation.has("--fail-on-empty") && table.isEmpty ? .no : .done
    })

func wholeNumber(_ text: String) throws -> Int {
    guard let number = Int(text), number >= 0 else { throw UsageError("\"\(text)\" is not a whole number") }
    return number
}

private func queryParameters(_ expression: String, time: Int64?, limit: Int?) -> [(name: String, value: String)] {
    var parameters = [(name: "query", value: expression)]
    if let time { parameters.append(("time", NumberText.text(Double(time) / 1000, .fixed))) }
    if let limit { parameters.append(("limit", String(limit))) }
    return parameters
}

/// Warnings and infos, on standard error.
func report(_ answer: QueryAnswer, to output: Output) {
    for warning in answer.warnings { output.note("warning: \(warning)") }
    for info in answer.infos { output.note("info: \(info)") }
}
