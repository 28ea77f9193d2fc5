import Bedrock
import Formats
import LogQL
import Model
import Transport

extension QueryAPI {
    func lokiDetectionRoutes(_ logs: any LogSource) -> [HTTPRoute] {
        let both: [HTTPMethod] = [.get, .post]
        return [
            loki(both, "detected_labels", logs) { call, writer in
                let range = try call.parameters.properRange()
                let sets = try call.matcherSets()
                let snapshot = try call.snapshot()
                writer.beginObject()
                writer.key("detectedLabels")
                writer.beginArray()
                for name in try snapshot.labelNames(matching: sets, range: range, cancellation: call.cancellation) {
                    let values = try snapshot.labelValues(
                        name, matching: sets, range: range, cancellation: call.cancellation)
                    guard Self.isWorthShowing(name, values) else { continue }
                    writer.beginObject()
                    writer.member("label", name)
                    writer.member("cardinality", values.count)
                    writer.endObject()
                }
                writer.endArray()
                writer.endObject()
            },
            loki(both, "detected_fields", logs) { [self] call, writer in
                let limit = try call.parameters.count(
                    "limit", otherwise: call.parameters.options.detectionFieldsDefault)
                let fields = try detect(call)
                writer.beginObject()
                writer.key("fields")
                writer.beginArray()
                for (name, field) in fields.sorted().prefix(limit) { writer.field(name, field) }
                writer.endArray()
                writer.member("limit", limit)
                writer.endObject()
            },
            loki(both, "detected_field/*/values", logs) { [self] call, writer in
                let limit = try call.parameters.count(
                    "limit", otherwise: call.parameters.options.detectionFieldsDefault)
                let name = call.parameters.text("*")
                let values = try detect(call).fields[name]?.values.sorted(by: utf8Precedes) ?? []
                writer.beginObject()
                writer.key("values")
                writer.strings(Array(values.prefix(limit)))
                writer.member("limit", limit)
                writer.endObject()
            },
        ]
    }

    /// Identifiers say nothing to someone who looks around; the labels that all clusters have do.
    private static func isWorthShowing(_ name: String, _ values: [String]) -> Bool {
        if ["cluster", "namespace", "instance", "pod"].contains(name) { return true }
        return !values.allSatisfy { value in
            NumberText.parseFloat(value) != nil || (value.utf8.count == 36 && value.split(separator: "-").count == 5)
        }
    }

    /// Looks at the newest lines of the query.
    private func detect(_ call: LokiCall) throws -> FieldDetection {
        let parameters = call.parameters
        let range = try parameters.properRange()
        let lines = try parameters.count("line_limit", otherwise: parameters.options.detectionLinesDefault)
        guard lines <= parameters.options.detectionLinesMax else {
            throw LokiError.badRequest("line_limit is over \(parameters.options.detectionLinesMax)")
        }
        let page = try logEngine.streams(
            try call.logQuery(), range: range, limit: lines, direction: .backward, after: nil, source: call.logs,
            tenant: call.tenant, cancellation: call.cancellation)
        var detection = FieldDetection()
        for (index, entry) in page.entries.enumerated() {
            if index % 256 == 0 { try call.cancellation.check() }
            entry.withView { detection.add($0) }
        }
        return detection
    }
}

extension JSONWriter {
    fileprivate mutating func field(_ name: String, _ field: FieldDetection.Field) {
        beginObject()
        member("label", name)
        member("type", field.kind.rawValue)
        member("cardinality", field.values.count)
        key("parsers")
        if field.parsers.isEmpty { null() } else { strings(field.parsers.sorted()) }
        if !field.path.isEmpty {
            key("jsonPath")
            strings(field.path)
        }
        endObject()
    }
}
