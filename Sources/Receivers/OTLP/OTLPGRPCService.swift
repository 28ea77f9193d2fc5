import Bedrock
import Formats
import Transport

/// OTLP's three collector services over gRPC, each answered by the receiver that has the signal over HTTP: same decoding, same limits, same sink.
public enum OTLPGRPCService {
    private static let services: [(path: String, method: String)] = [
        ("/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        ("/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
        ("/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
    ]

    /// Handlers for those of OTLP's paths that `routes` has.
    public static func methods(of routes: [HTTPRoute]) -> [String: GRPCHandler] {
        var methods: [String: GRPCHandler] = [:]
        for (path, method) in services {
            guard let route = routes.first(where: { $0.pattern == path }) else { continue }
            let handler = route.handler
            methods[method] = { request, respond in
                var headers: HTTPHeaders = ["Content-Type": "application/x-protobuf"]
                // Tenant, producer and sequence come as metadata.
                for (name, value) in request.headers.fields where name.hasPrefix("x-") { headers.add(name, value) }
                let body = HTTPBody(request.message)
                handler(
                    HTTPRequest(
                        method: .post, path: path, parameters: [], headers: headers, body: body, peer: request.peer,
                        cancellation: request.cancellation)
                ) { response in respond(answer(response)) }
            }
        }
        return methods
    }

    /// As OTLP's specification maps the outcomes: what may be tried again says after how long.
    private static func answer(_ response: HTTPResponse) -> GRPCResponse {
        if response.status == 200 { return .message(response.body) }
        let code: GRPCStatus.Code =
            switch response.status {
            case 400, 415: .invalidArgument
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 413, 429: .resourceExhausted
            default: .unavailable
            }
        let message = OTLPResponse.message(ofStatus: response.body)
        var details: [UInt8] = []
        if let seconds = response.headers["Retry-After"].flatMap({ Int($0) }) {
            details = OTLPResponse.status(code: code.rawValue, message: message, retryAfterSeconds: seconds)
        }
        return .failure(GRPCStatus(code, message, details: details))
    }
}
