import Bedrock
import Formats
import LogQL
import Model
import Transport

/// A request to the Loki API with what it reads.
struct LokiCall {
    let call: QueryCall
    let parameters: LokiParameters
    let logs: any LogSource

    var tenant: Tenant { call.tenant }
    var cancellation: Cancellation { call.cancellation }

    func snapshot() throws -> any LogSnapshot { try logs.snapshot(tenant: tenant) }

    /// The parsed `query`, which must be a log query.
    func logQuery() throws -> LogQuery { try Self.logQuery(parameters, for: call.endpoint) }

    /// - Parameter purpose: what wants it, for the complaint.
    static func logQuery(_ parameters: LokiParameters, for purpose: String) throws -> LogQuery {
        try logQuery(try parameters.logQL(), for: purpose)
    }

    /// As above, of a text that is LogQL and nothing more.
    static func logQuery(_ text: String, for purpose: String) throws -> LogQuery {
        try logQuery(try LogQLParser.parse(text), for: purpose)
    }

    private static func logQuery(_ expression: LogQLExpr, for purpose: String) throws -> LogQuery {
        guard case .log(let query) = expression else {
            throw LokiError.badRequest("\(purpose): only log queries are taken here, not metric queries")
        }
        return query
    }

    /// The matchers of `query`, if there is one: stages behind the selector are left aside.
    func matcherSets() throws -> [[Matcher]] {
        let text = parameters.text("query")
        // What Grafana sends for "anything".
        return text.isEmpty || text == "{}" ? [] : [try logQuery().matchers]
    }
}

extension QueryAPI {
    /// Everything under `/loki/api/v1`, and what Grafana's data source asks for beside it; nothing without a log source.
    func lokiRoutes() -> [HTTPRoute] {
        guard let logs = dependencies.logs else { return [] }
        let routes = lokiLabelRoutes(logs) + lokiIndexRoutes(logs) + lokiDeleteRoutes() + lokiStatusRoutes()
        return routes + lokiQueryRoutes(logs) + lokiDetectionRoutes(logs) + lokiExportRoutes(logs)
            + lokiTailRoutes(logs)
    }

    static let lokiErrors: ErrorForm = { LokiError($0).response }

    /// A route under `/loki/api/v1/` that reads logs and answers with the JSON that `endpoint` writes.
    func loki(
        _ methods: [HTTPMethod], _ path: String, _ logs: any LogSource,
        _ endpoint: @escaping @Sendable (LokiCall, inout JSONWriter) throws -> Void
    ) -> HTTPRoute {
        lokiPlain(methods, path, logs) { call in
            var writer = JSONWriter(capacity: 4096)
            try endpoint(call, &writer)
            return Self.json(&writer)
        }
    }

    /// As above, for answers of any form.
    func lokiPlain(
        _ methods: [HTTPMethod], _ path: String, _ logs: any LogSource,
        _ endpoint: @escaping @Sendable (LokiCall) throws -> HTTPResponse
    ) -> HTTPRoute {
        readingPlain(methods, "/loki/api/v1/" + path, errors: Self.lokiErrors) { [self] call in
            try endpoint(LokiCall(call: call, parameters: lokiParameters(call.request), logs: logs))
        }
    }

    func lokiParameters(_ request: HTTPRequest) -> LokiParameters {
        LokiParameters(
            request: request, options: dependencies.logOptions, now: dependencies.clock.now() &* 1_000_000)
    }

    static func json(_ writer: inout JSONWriter) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: ["Content-Type": "application/json; charset=UTF-8"], body: writer.finish())
    }
}

extension JSONWriter {
    /// `{"status":"success","data":…}`, and `"warnings":[…]` where there are any.
    mutating func success(warnings: [String] = [], _ data: (inout JSONWriter) throws -> Void) rethrows {
        beginObject()
        member("status", "success")
        key("data")
        try data(&self)
        if !warnings.isEmpty {
            key("warnings")
            strings(warnings)
        }
        endObject()
    }
}
