import Bedrock
import Formats
import Model
import TraceQL
import Transport

extension QueryAPI {
    func tempoTagRoutes(_ prefix: String, _ spans: any SpanSource) -> [HTTPRoute] {
        [
            tempo(prefix + "search/tags", spans) { [self] call, writer in
                let names = try tagNames(call, scope: try Self.scope(call.parameters))
                writer.beginObject()
                writer.key("tagNames")
                writer.strings(Array(Set(names.map(\.name))).sorted())
                writer.noMetrics()
                writer.endObject()
            },
            tempo(prefix + "v2/search/tags", spans) { [self] call, writer in try scopedTags(call, &writer) },
            tempo(prefix + "search/tag/*/values", spans) { [self] call, writer in
                let values = try tagValues(call)
                writer.beginObject()
                writer.key("tagValues")
                writer.strings(Array(Set(values.map(\.tempoText))).sorted())
                writer.noMetrics()
                writer.endObject()
            },
            tempo(prefix + "v2/search/tag/*/values", spans) { [self] call, writer in
                let values = try tagValues(call)
                writer.beginObject()
                writer.key("tagValues")
                writer.beginArray()
                for value in values {
                    writer.beginObject()
                    writer.member("type", value.tempoType)
                    writer.member("value", value.tempoText)
                    writer.endObject()
                }
                writer.endArray()
                writer.noMetrics()
                writer.endObject()
            },
        ]
    }

    // MARK: Names

    private static func scope(_ parameters: TempoParameters) throws(TempoError) -> AttributeScope? {
        switch parameters.text("scope") {
        case "", "none": return nil
        case "span": return .span
        case "resource": return .resource
        case "event": return .event
        case "link": return .link
        case "instrumentation": return .instrumentation
        // Intrinsics are no attributes.
        case "intrinsic": return .any
        default: throw .badRequest("invalid scope: \(quoted(parameters.text("scope")))")
        }
    }

    private func tagNames(
        _ call: TempoCall, scope: AttributeScope?
    ) throws -> [(scope: AttributeScope, name: String)] {
        if scope == .any { return [] }
        return try call.snapshot().attributeNames(
            scope: scope, range: try call.parameters.tagRange(),
            limit: try call.parameters.count(
                "limit", otherwise: dependencies.traceOptions.valuesMax, most: dependencies.traceOptions.valuesMax),
            cancellation: call.cancellation)
    }

    private func scopedTags(_ call: TempoCall, _ writer: inout JSONWriter) throws {
        let wanted = try Self.scope(call.parameters)
        let names = try tagNames(call, scope: wanted)
        writer.beginObject()
        writer.key("scopes")
        writer.beginArray()
        for (scope, word) in TraceScopes.words {
            let own = names.filter { $0.scope == scope }.map(\.name)
            guard !own.isEmpty else { continue }
            writer.beginObject()
            writer.member("name", word)
            writer.key("tags")
            writer.strings(own)
            writer.endObject()
        }
        if wanted == nil || wanted == .any {
            writer.beginObject()
            writer.member("name", "intrinsic")
            writer.key("tags")
            writer.strings(TraceScopes.intrinsics.map(\.name))
            writer.endObject()
        }
        writer.endArray()
        writer.noMetrics()
        writer.endObject()
    }

    // MARK: Values

    private func tagValues(_ call: TempoCall) throws -> [SpanValue] {
        let name = call.parameters.text("*")
        guard let field = TraceScopes.field(name) else {
            throw TempoError.badRequest(
                "invalid tag: \(quoted(name)) is neither an intrinsic nor scoped, such as span.http.route")
        }
        switch field {
        case .intrinsic(.kind): return SpanKind.allCases.map(SpanValue.kind)
        case .intrinsic(.status): return SpanStatus.allCases.map(SpanValue.status)
        default: break
        }
        let limit = dependencies.traceOptions.valuesMax
        let values = try call.snapshot().values(
            of: field, where: try tagFilter(call), range: try call.parameters.tagRange(),
            limit: try call.parameters.count("limit", otherwise: limit, most: limit), cancellation: call.cancellation)
        return values.filter { $0 != .nil }
    }

    /// The spans whose values are wanted: those that `q` asks for.
    private func tagFilter(_ call: TempoCall) throws -> SpanFilter { TagQuery.filter(of: call.parameters.text("q")) }
}

extension TempoParameters {
    /// Times of tags; everything where nothing is said.
    func tagRange() throws(TempoError) -> SpanTimeRange { try hint() }
}

/// Scopes and intrinsics in TraceQL's words.
enum TraceScopes {
    static let words: [(AttributeScope, String)] = [
        (.resource, "resource"), (.span, "span"), (.event, "event"), (.link, "link"),
        (.instrumentation, "instrumentation"),
    ]

    static let intrinsics: [(name: String, field: SpanIntrinsic)] = [
        ("duration", .duration), ("event:name", .eventName), ("event:timeSinceStart", .eventTimeSinceStart),
        ("instrumentation:name", .scopeName), ("instrumentation:version", .scopeVersion), ("kind", .kind),
        ("link:spanID", .linkSpanID), ("link:traceID", .linkTraceID), ("name", .name), ("rootName", .rootName),
        ("rootServiceName", .rootServiceName), ("span:duration", .duration), ("span:id", .spanID), ("span:kind", .kind),
        ("span:name", .name), ("span:parentID", .parentID), ("span:status", .status),
        ("span:statusMessage", .statusMessage), ("status", .status), ("statusMessage", .statusMessage),
        ("trace:duration", .traceDuration), ("trace:id", .traceID), ("trace:rootName", .rootName),
        ("trace:rootService", .rootServiceName), ("traceDuration", .traceDuration),
    ]

    /// The field that a tag's name means; nil when it is none. Older requests leave the scope out, and say `service.name` bare.
    static func field(_ name: String) -> SpanField? {
        if let known = intrinsics.first(where: { $0.name == name }) { return .intrinsic(known.field) }
        if name == "root.name" { return .intrinsic(.rootName) }
        if name == "root.service.name" { return .intrinsic(.rootServiceName) }
        for (scope, word) in words where name.hasPrefix(word + ".") {
            let rest = name.dropFirst(word.count + 1)
            return rest.isEmpty ? nil : .attribute(scope, unquoted(rest))
        }
        if name.hasPrefix(".") { return name.count > 1 ? .attribute(.any, unquoted(name.dropFirst())) : nil }
        return name.isEmpty || name.contains(":") ? nil : .attribute(.any, name)
    }

    private static func unquoted(_ text: some StringProtocol) -> String {
        guard text.count > 1, text.hasPrefix("\""), text.hasSuffix("\"") else { return String(text) }
        return String(text.dropFirst().dropLast()).replacing("\\\"", with: "\"").replacing("\\\\", with: "\\")
    }
}

extension SpanValue {
    /// Tempo's name of the type.
    var tempoType: String {
        switch self {
        case .nil: "nil"
        case .bool: "bool"
        case .int: "int"
        case .float: "float"
        case .duration: "duration"
        case .string: "string"
        case .status, .kind: "keyword"
        }
    }

    /// As TraceQL would write it, without quotes.
    var tempoText: String {
        switch self {
        case .nil: "nil"
        case .bool(let flag): flag ? "true" : "false"
        case .int(let number): String(number)
        case .float(let number): NumberText.text(number)
        case .duration(let nanoseconds): GoDuration.text(nanoseconds)
        case .string(let text): text
        case .status(let status): "\(status)"
        case .kind(let kind): kind.jaegerName
        }
    }
}

extension JSONWriter {
    /// What Tempo counts while it reads; nothing here.
    mutating func noMetrics() {
        key("metrics")
        beginObject()
        endObject()
    }
}
