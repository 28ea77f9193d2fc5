import Formats
import LogQL
import Model
import Transport

extension QueryAPI {
    /// Hours that label names and values are looked for in, as Loki's default.
    private static let labelSeconds: Int64 = 6 * 3600

    func lokiLabelRoutes(_ logs: any LogSource) -> [HTTPRoute] {
        let both: [HTTPMethod] = [.get, .post]
        let names: @Sendable (LokiCall, inout JSONWriter) throws -> Void = { call, writer in
            let range = try call.parameters.range(sinceSeconds: Self.labelSeconds)
            let sets = try call.matcherSets()
            let found =
                range.isEmpty
                ? []
                : try call.snapshot().labelNames(matching: sets, range: range, cancellation: call.cancellation)
            writer.success { $0.strings(found) }
        }
        return [
            loki(both, "labels", logs, names),
            // Its name in Loki's first versions, which some clients still use.
            loki(both, "label", logs, names),
            loki(both, "label/*/values", logs) { call, writer in
                let range = try call.parameters.range(sinceSeconds: Self.labelSeconds)
                let sets = try call.matcherSets()
                let name = call.parameters.text("*")
                let found =
                    range.isEmpty
                    ? []
                    : try call.snapshot().labelValues(
                        name, matching: sets, range: range, cancellation: call.cancellation)
                writer.success { $0.strings(found) }
            },
            loki(both, "series", logs) { call, writer in
                let range = try call.parameters.range()
                var sets: [[Matcher]] = []
                let texts = call.parameters.request.parameters("match[]") + call.parameters.request.parameters("match")
                for text in texts where text != "{}" {
                    sets.append(try LokiCall.logQuery(text, for: "series").matchers)
                }
                let found =
                    range.isEmpty
                    ? [] : try call.snapshot().streams(matching: sets, range: range, cancellation: call.cancellation)
                call.call.note { $0.seriesSelected = found.count }
                writer.success { writer in
                    writer.beginArray()
                    for labels in found { writer.labels(labels) }
                    writer.endArray()
                }
            },
        ]
    }
}
