import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives OTLP logs over HTTP, protobuf or JSON, and hands them to a sink. Thread-safe.
///
/// Valid records of a request are stored even when others are refused; the answer is 200 in the encoding of the request, and says as a partial
/// success how many were refused and why the first was.
public final class OTLPLogsReceiver: Sendable {
    private let options: LogReceiverOptions
    private let context: LogReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<OTLPLogsDecoder>>

    public init(_ context: LogReceiverContext, options: LogReceiverOptions = LogReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("otlp")
        workspaces = WorkspacePool { DecoderWorkspace(OTLPLogsDecoder(options: context.decoding)) }
    }

    /// OpenTelemetry's own path, and those under which Loki has it.
    public var routes: [HTTPRoute] {
        ["/v1/logs", "/otlp/v1/logs", "/loki/otlp/v1/logs", "/loki/api/v1/otlp/v1/logs"].map { path in
            HTTPRoute([.post], path, bodyMax: options.bodyBytesMax, takesForms: false) { [self] request, respond in
                receive(request, respond)
            }
        }
    }

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let isJSON = request.headers.mediaType == "application/json"
        let exchange = LogExchange(context: context, instruments: instruments) { status, text, seconds in
            Self.refusal(status, text, retryAfter: seconds, isJSON: isJSON)
        }
        exchange.run(request, respond) { (batch) throws(LogRefusal) in
            try decode(request, isJSON: isJSON, into: batch)
        } accept: { outcome in
            let message = outcome.refused == 0 ? "" : outcome.summary
            let body =
                isJSON
                ? OTLPLogsResponse.json(rejected: outcome.refused, message: message)
                : OTLPLogsResponse.protobuf(rejected: outcome.refused, message: message)
            return HTTPResponse(status: 200, headers: ["Content-Type": Self.mediaType(isJSON)], body: body)
        }
    }

    private func decode(
        _ request: HTTPRequest, isJSON: Bool, into batch: LogBatch
    ) throws(LogRefusal) -> LogDecodeReport {
        let type = request.headers.mediaType
        guard isJSON || type == "application/x-protobuf" || type.isEmpty else {
            throw LogRefusal(415, "OTLP needs Content-Type application/x-protobuf or application/json, not \(type)")
        }
        let workspace = workspaces.take()
        defer { workspaces.give(workspace) }
        let arrival = context.arrival()
        do throws(LogDecodeError) {
            return isJSON
                ? try workspace.decoder.decode(json: request.body.bytes, arrival: arrival, into: batch)
                : try workspace.decoder.decode(protobuf: request.body.bytes, arrival: arrival, into: batch)
        } catch { throw LogRefusal(error) }
    }

    private static func mediaType(_ isJSON: Bool) -> String { isJSON ? "application/json" : "application/x-protobuf" }

    /// `google.rpc.Status`, its code the one that gRPC has for the HTTP status.
    private static func refusal(_ status: Int, _ text: String, retryAfter: Int?, isJSON: Bool) -> HTTPResponse {
        let code =
            switch status {
            case 400, 415: 3
            case 413, 429: 8
            default: 14
            }
        let body =
            isJSON
            ? OTLPLogsResponse.statusJSON(code: code, message: text)
            : OTLPLogsResponse.status(code: code, message: text)
        var response = HTTPResponse(status: status, headers: ["Content-Type": mediaType(isJSON)], body: body)
        if let retryAfter { response.headers["Retry-After"] = String(max(retryAfter, 1)) }
        return response
    }
}
