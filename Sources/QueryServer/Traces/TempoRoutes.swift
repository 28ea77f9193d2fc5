import Bedrock
import Formats
import Model
import Transport

/// A request to the Tempo API with what it reads.
struct TempoCall {
    let call: QueryCall
    let parameters: TempoParameters
    let spans: any SpanSource

    var tenant: Tenant { call.tenant }
    var cancellation: Cancellation { call.cancellation }
    func snapshot() throws -> any SpanSnapshot { try spans.snapshot(tenant: tenant) }
}

extension QueryAPI {
    /// Tempo's API, under `/tempo/api` and, as far as no other API has the name, under `/api`; nothing without a span source.
    func tempoRoutes() -> [HTTPRoute] {
        guard let spans = dependencies.spans else { return [] }
        return ["/tempo/api/", "/api/"].flatMap { prefix in
            tempoTraceRoutes(prefix, spans) + tempoSearchRoutes(prefix, spans) + tempoTagRoutes(prefix, spans)
                + tempoStatusRoutes(prefix)
        } + [plainText("/tempo/ready", "ready\n")]
    }

    /// A route that reads spans and answers with the JSON that `endpoint` writes.
    func tempo(
        _ path: String, _ spans: any SpanSource,
        _ endpoint: @escaping @Sendable (TempoCall, inout JSONWriter) throws -> Void
    ) -> HTTPRoute {
        tempoPlain(path, spans) { call in
            var writer = JSONWriter(capacity: 4096)
            try endpoint(call, &writer)
            return HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: writer.finish())
        }
    }

    /// As above, for answers of any form.
    func tempoPlain(
        _ path: String, _ spans: any SpanSource, _ endpoint: @escaping @Sendable (TempoCall) throws -> HTTPResponse
    ) -> HTTPRoute {
        readingPlain([.get], path, errors: { TempoError($0).response }) { [self] call in
            let parameters = TempoParameters(
                request: call.request, options: dependencies.traceOptions, now: dependencies.clock.now() &* 1_000_000)
            return try endpoint(TempoCall(call: call, parameters: parameters, spans: spans))
        }
    }

    private func plainText(_ path: String, _ text: String) -> HTTPRoute {
        HTTPRoute([.get], path) { _, respond in
            respond(HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", text))
        }
    }

    /// What Grafana's data source asks for beside the data.
    private func tempoStatusRoutes(_ prefix: String) -> [HTTPRoute] {
        let build = dependencies.build
        return [
            plainText(prefix + "echo", "echo"),
            HTTPRoute([.get], prefix + "status/buildinfo") { _, respond in
                var writer = JSONWriter()
                writer.beginObject()
                writer.member("version", "2.9.0")
                writer.member("revision", build.version)
                writer.member("branch", "")
                writer.member("buildDate", "")
                writer.member("buildUser", "")
                writer.member("goVersion", "")
                writer.endObject()
                respond(
                    HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: writer.finish()))
            },
        ]
    }
}
