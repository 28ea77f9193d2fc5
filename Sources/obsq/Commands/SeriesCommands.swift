import Bedrock
import Client
import Formats
import Model

let labelsCommand = Command(
    "labels", "[NAME]", "names of labels, or the values of one",
    flags: TimeArgument.rangeFlags + [
        Flag("--match", "SELECTOR", "only of series that match"), Flag("--limit", "N", "at most so many"),
    ],
    run: { invocation in
        guard invocation.arguments.count <= 1 else { throw UsageError("labels wants at most one name") }
        let range = try chosenRange(invocation)
        let selectors = invocation.value("--match").map { [$0] } ?? []
        let limit = try invocation.value("--limit").map(wholeNumber)
        let session = try Session(invocation)
        let name = invocation.arguments.first
        let values = try await session.ask(query: selectors.first) { client throws(ClientError) in
            guard let name else { return try await client.labelNames(matching: selectors, range: range) }
            return try await client.labelValues(name, matching: selectors, range: range, limit: limit)
        }
        if invocation.has("--json") {
            invocation.output.line(JSONValue.array(values.map { .string($0) }).text)
        } else {
            for value in values { invocation.output.line(value) }
        }
        return .done
    })

let seriesCommand = Command(
    "series", "SELECTOR…", "label sets of series",
    flags: TimeArgument.rangeFlags + [Flag("--limit", "N", "at most so many"), Flag("--count", nil, "only how many")],
    run: { invocation in
        guard !invocation.arguments.isEmpty else {
            throw UsageError("series wants a selector such as 'up{job=\"node\"}'")
        }
        let range = try chosenRange(invocation)
        let limit = try invocation.value("--limit").map(wholeNumber)
        let session = try Session(invocation)
        let selectors = invocation.arguments
        let found = try await session.ask(query: selectors.first) { client throws(ClientError) in
            try await client.series(matching: selectors, range: range, limit: limit)
        }
        if invocation.has("--count") {
            invocation.output.line("\(found.count)")
        } else if invocation.has("--json") {
            let rows = found.map { labels in
                JSONValue.object(JSONObject(labels.list.map { (key: $0.name, value: .string($0.value)) }))
            }
            invocation.output.line(JSONValue.array(rows).text)
        } else {
            for labels in found { invocation.output.line("\(labels)") }
        }
        return .done
    })

/// Nil, which is everything, unless a flag says otherwise.
private func chosenRange(_ invocation: Invocation) throws -> TimeRange? {
    guard ["--since", "--start", "--end"].contains(where: { invocation.has($0) }) else { return nil }
    return try TimeArgument.range(invocation, now: SystemClock().now())
}
