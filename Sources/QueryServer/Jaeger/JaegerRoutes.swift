import Bedrock
import Formats
import Model
import PromQL
import Transport

extension QueryAPI {
    /// Jaeger's query API under `/jaeger/api`, as Grafana's data source and Jaeger's own pages use it; nothing without a span source.
    func jaegerRoutes() -> [HTTPRoute] {
        guard let spans = dependencies.spans else { return [] }
        return [
            jaeger("services") { [self] call, writer in
                try names(
                    try values(.attribute(.resource, "service.name"), .everything, spans, call), &writer)
            },
            jaeger("services/*/operations") { [self] call, writer in
                let service = call.request.parameter("*") ?? ""
                try names(try values(.intrinsic(.name), .condition(.service(service)), spans, call), &writer)
            },
            jaeger("operations") { [self] call, writer in try operations(spans, call, &writer) },
            jaeger("traces") { [self] call, writer in try search(spans, call, &writer) },
            jaeger("traces/*") { [self] call, writer in try trace(spans, call, &writer) },
            jaeger("dependencies") { [self] call, writer in try dependencies(call, &writer) },
        ]
    }

    private func jaeger(
        _ path: String, _ endpoint: @escaping @Sendable (QueryCall, inout JSONWriter) throws -> Void
    ) -> HTTPRoute {
        readingPlain([.get], "/jaeger/api/" + path, errors: { JaegerError($0).response }) { call in
            var writer = JSONWriter(capacity: 4096)
            try endpoint(call, &writer)
            return HTTPResponse(
                status: 200, headers: ["Content-Type": "application/json"], body: writer.finish())
        }
    }

    /// Texts that a field has, sorted.
    private func values(
        _ field: SpanField, _ filter: SpanFilter, _ spans: any SpanSource, _ call: QueryCall
    ) throws -> [String] {
        try spans.snapshot(tenant: call.tenant).values(
            of: field, where: filter, range: .everything, limit: dependencies.traceOptions.valuesMax,
            cancellation: call.cancellation
        ).compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    private func names(_ names: [String], _ writer: inout JSONWriter) throws {
        writer.jaegerEnvelope(total: names.count) { $0.strings(names) }
    }

    private func operations(_ spans: any SpanSource, _ call: QueryCall, _ writer: inout JSONWriter) throws {
        guard let service = call.request.parameter("service"), !service.isEmpty else {
            throw JaegerError.badRequest("parameter 'service' is required")
        }
        var kinds = SpanKind.allCases
        if let text = call.request.parameter("spanKind"), !text.isEmpty {
            guard let kind = SpanKind(jaegerName: text) else {
                throw JaegerError.badRequest("unsupported spanKind: '\(text)'")
            }
            kinds = [kind]
        }
        var found: [(name: String, kind: SpanKind)] = []
        for kind in kinds {
            let filter = SpanFilter.all([
                .condition(.service(service)),
                .condition(SpanCondition(.intrinsic(.kind), .compare(.equal, .kind(kind)))),
            ])
            found += try values(.intrinsic(.name), filter, spans, call).map { ($0, kind) }
        }
        writer.jaegerEnvelope(total: found.count) { writer in
            writer.beginArray()
            for (name, kind) in found {
                writer.beginObject()
                writer.member("name", name)
                writer.member("spanKind", kind == .unspecified ? "" : kind.jaegerName)
                writer.endObject()
            }
            writer.endArray()
        }
    }

    // MARK: Traces

    private func trace(_ spans: any SpanSource, _ call: QueryCall, _ writer: inout JSONWriter) throws {
        let text = call.request.parameter("*") ?? ""
        guard let id = TraceID(hex: text) else {
            throw JaegerError.badRequest("malformed trace ID \(quoted(text)): 1 to 32 hexadecimal digits")
        }
        let range = try JaegerSearch.hint(call.request)
        guard let found = try TraceFetch(spans, call, dependencies.traceOptions).trace(id, range) else {
            throw JaegerError(404, "trace not found")
        }
        writer.jaegerEnvelope(total: 0) { writer in
            writer.beginArray()
            writer.jaegerTrace(id, found)
            writer.endArray()
        }
    }

    private func search(_ spans: any SpanSource, _ call: QueryCall, _ writer: inout JSONWriter) throws {
        let search = try JaegerSearch(call.request, now: dependencies.clock.now() &* 1_000_000)
        let fetch = try TraceFetch(spans, call, dependencies.traceOptions)
        var ids = search.traceIDs
        if ids.isEmpty { ids = try fetch.newest(search.filter, range: search.range, limit: search.limit) }
        var missing: [JaegerError] = []
        var count = 0
        // Written as they are read, so that only one is in memory beside its text.
        var list = JSONWriter(capacity: 64 << 10)
        list.beginArray()
        for id in ids {
            guard let found = try fetch.trace(id, .everything) else {
                missing.append(JaegerError(404, "trace not found: \(id)"))
                continue
            }
            list.jaegerTrace(id, found)
            count += 1
        }
        list.endArray()
        writer.jaegerEnvelope(total: 0, errors: missing) { $0.raw(list.buffer.bytes) }
        call.note { $0.seriesSelected = count }
    }

    // MARK: Dependencies

    /// Calls between services, from the series of the service graph.
    private func dependencies(_ call: QueryCall, _ writer: inout JSONWriter) throws {
        let end = try JaegerSearch.milliseconds(call.request, "endTs") ?? dependencies.clock.now()
        let lookback = try JaegerSearch.milliseconds(call.request, "lookback") ?? 86_400_000
        guard lookback > 0, lookback <= 366 * 86_400_000 else {
            throw JaegerError.badRequest("lookback is 1 to 31622400000 milliseconds")
        }
        let query = try PromQLParser.parse(
            "sum by (client, server) (increase(traces_service_graph_request_total[\(lookback)ms]))")
        let result = try engine(lookback: nil).instant(
            query, at: end, source: dependencies.source, tenant: call.tenant, cancellation: call.cancellation)
        guard case .vector(let edges) = result.value else { return }
        writer.jaegerEnvelope(total: 0) { writer in
            writer.beginArray()
            for index in 0..<edges.count {
                let calls = edges.values[index].rounded()
                guard calls >= 1, let count = Int(exactly: calls) else { continue }
                writer.beginObject()
                writer.member("parent", edges.labels[index]["client"] ?? "")
                writer.member("child", edges.labels[index]["server"] ?? "")
                writer.member("callCount", count)
                writer.endObject()
            }
            writer.endArray()
        }
    }
}

extension JaegerSearch {
    /// A time or length in milliseconds; nil when it is absent.
    static func milliseconds(_ request: HTTPRequest, _ name: String) throws(JaegerError) -> Int64? {
        guard let text = request.parameter(name), !text.isEmpty else { return nil }
        guard let number = Int64(text), number.magnitude < 1 << 53 else {
            throw .badRequest("unable to parse param '\(name)': \(quoted(text)) is no number of milliseconds")
        }
        return number
    }

    /// Where the caller says a trace lies, in microseconds; everywhere when it doesn't.
    static func hint(_ request: HTTPRequest) throws(JaegerError) -> SpanTimeRange {
        func time(_ name: String) throws(JaegerError) -> Int64? {
            guard let text = request.parameter(name), !text.isEmpty else { return nil }
            guard let number = Int64(text), case let (time, overflow) = number.multipliedReportingOverflow(by: 1000),
                !overflow
            else { throw .badRequest("unable to parse param '\(name)': \(quoted(text)) is no time in microseconds") }
            return time
        }
        return SpanTimeRange(try time("start") ?? .min, try time("end") ?? .max)
    }
}

extension JSONWriter {
    fileprivate mutating func jaegerTrace(_ id: TraceID, _ found: FetchedTrace) {
        found.batch.withArena { arena in
            JaegerTraceWriter(found.batch, arena: arena).write(id, isWhole: found.isWhole, to: &self)
        }
    }
}
