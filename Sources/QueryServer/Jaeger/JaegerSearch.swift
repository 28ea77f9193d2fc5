import Bedrock
import Formats
import Model
import Transport

/// What `/api/traces` asks for.
struct JaegerSearch {
    var traceIDs: [TraceID] = []
    var filter = SpanFilter.everything
    var range = SpanTimeRange.everything
    var limit = 20

    static let limitMax = 1500

    init(_ request: HTTPRequest, now: Int64) throws(JaegerError) {
        for text in request.parameters("traceID") {
            guard let id = TraceID(hex: text) else {
                throw .badRequest("traceID \(quoted(text)) is not 1 to 32 hexadecimal digits")
            }
            traceIDs.append(id)
        }
        range = try Self.range(request, now: now)
        if let text = request.parameter("limit"), !text.isEmpty {
            guard let number = Int(text), number > 0 else {
                throw .badRequest("unable to parse param 'limit': \(quoted(text))")
            }
            limit = min(number, Self.limitMax)
        }
        guard traceIDs.isEmpty else { return }
        guard let service = request.parameter("service"), !service.isEmpty else {
            throw .badRequest("parameter 'service' is required")
        }
        var conditions: [SpanFilter] = [.condition(.service(service))]
        if let operation = request.parameter("operation"), !operation.isEmpty {
            conditions.append(
                .condition(SpanCondition(.intrinsic(.name), .compare(.equal, .string(operation)))))
        }
        for (name, comparison) in [
            ("minDuration", SpanCondition.Comparison.greaterOrEqual), ("maxDuration", .lessOrEqual),
        ] {
            guard let text = request.parameter(name), !text.isEmpty else { continue }
            guard let nanoseconds = GoDuration.parse(text) else {
                throw .badRequest("cannot \(name): \(quoted(text)) is no duration such as 1.2ms")
            }
            conditions.append(
                .condition(SpanCondition(.intrinsic(.duration), .compare(comparison, .duration(nanoseconds)))))
        }
        for (key, value) in try Self.tags(request) { conditions.append(Self.tag(key, value)) }
        filter = .all(conditions)
    }

    /// Microseconds since the epoch, or `lookback` before the end.
    private static func range(_ request: HTTPRequest, now: Int64) throws(JaegerError) -> SpanTimeRange {
        func time(_ name: String) throws(JaegerError) -> Int64? {
            guard let text = request.parameter(name), !text.isEmpty else { return nil }
            guard let number = Int64(text), case let (time, overflow) = number.multipliedReportingOverflow(by: 1000),
                !overflow
            else { throw .badRequest("unable to parse param '\(name)': \(quoted(text)) is no time in microseconds") }
            return time
        }
        let end = try time("end") ?? now
        if let start = try time("start") { return SpanTimeRange(start, end == .max ? end : end + 1) }
        var lookback: Int64 = 3_600_000_000_000
        if let text = request.parameter("lookback"), !text.isEmpty, text != "custom" {
            // Jaeger's own page says `2d`, which Go's durations don't have.
            guard let duration = GoDuration.parse(text) ?? (try? APITime.parseDuration(text).get()) else {
                throw .badRequest("unable to parse param 'lookback': \(quoted(text))")
            }
            lookback = duration
        }
        let (start, overflow) = end.subtractingReportingOverflow(lookback)
        return SpanTimeRange(overflow ? .min : start, end == .max ? end : end + 1)
    }

    /// `tags={"k":"v"}`, and the older `tag=k:v`.
    private static func tags(_ request: HTTPRequest) throws(JaegerError) -> [(String, String)] {
        var found: [(String, String)] = []
        for text in request.parameters("tags") where !text.isEmpty {
            let value: JSONValue
            do throws(JSONError) { value = try JSONValue(parsing: text, depthMax: 4) } catch {
                throw .badRequest("malformed 'tags' parameter, cannot unmarshal JSON: \(error)")
            }
            guard let members = value.object?.members else {
                throw .badRequest("malformed 'tags' parameter: not an object of texts")
            }
            for member in members {
                guard let text = member.value.string else {
                    throw .badRequest("malformed 'tags' parameter: the value of \(quoted(member.key)) is no text")
                }
                found.append((member.key, text))
            }
        }
        for text in request.parameters("tag") {
            guard let colon = text.firstIndex(of: ":") else {
                throw .badRequest("malformed 'tag' parameter, expecting key:value, received: \(text)")
            }
            found.append((String(text[..<colon]), String(text[text.index(after: colon)...])))
        }
        return found
    }

    /// Jaeger's tags are texts, whatever type the attribute has.
    private static func tag(_ key: String, _ value: String) -> SpanFilter {
        let field = SpanField.attribute(.any, key)
        func equal(_ field: SpanField, _ value: SpanValue) -> SpanFilter {
            .condition(SpanCondition(field, .compare(.equal, value)))
        }
        var ways = [equal(field, .string(value))]
        if let number = Int64(value) {
            ways.append(equal(field, .int(number)))
        } else if let number = Double(value) {
            ways.append(equal(field, .float(number)))
        }
        if value == "true" || value == "false" { ways.append(equal(field, .bool(value == "true"))) }
        switch key {
        case "error" where value == "true": ways.append(equal(.intrinsic(.status), .status(.error)))
        case "span.kind":
            if let kind = SpanKind(jaegerName: value) { ways.append(equal(.intrinsic(.kind), .kind(kind))) }
        case "otel.status_code":
            if value == "ERROR" { ways.append(equal(.intrinsic(.status), .status(.error))) }
            if value == "OK" { ways.append(equal(.intrinsic(.status), .status(.ok))) }
        case "otel.status_description": ways.append(equal(.intrinsic(.statusMessage), .string(value)))
        case "otel.scope.name", "otel.library.name": ways.append(equal(.intrinsic(.scopeName), .string(value)))
        case "otel.scope.version", "otel.library.version":
            ways.append(equal(.intrinsic(.scopeVersion), .string(value)))
        default: break
        }
        return ways.count == 1 ? ways[0] : .any(ways)
    }
}

extension SpanCondition {
    /// Spans of a service.
    static func service(_ name: String) -> SpanCondition {
        SpanCondition(.attribute(.resource, "service.name"), .compare(.equal, .string(name)))
    }
}
