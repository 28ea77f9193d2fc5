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
        let words = OTLPAnswer(.logs, to: request)
        let exchange = LogExchange(context: context, instruments: instruments) { status, text, seconds in
            words.refusal(status, text, retryAfter: seconds)
        }
        exchange.run(request, respond) { (batch) throws(LogRefusal) in
            try decode(request, isJSON: words.isJSON, into: batch)
        } accept: { outcome in
            words.taken(refused: outcome.refused, message: outcome.refused == 0 ? "" : outcome.summary)
        }
    }

    private func decode(
        _ request: HTTPRequest, isJSON: Bool, into batch: LogBatch
    ) throws(LogRefusal) -> LogDecodeReport {
        if let why = OTLPAnswer.unsupported(request) { throw LogRefusal(415, why) }
        let workspace = workspaces.take()
        defer { workspaces.give(workspace) }
        let arrival = context.arrival()
        do throws(LogDecodeError) {
            return isJSON
                ? try workspace.decoder.decode(json: request.body.bytes, arrival: arrival, into: batch)
                : try workspace.decoder.decode(protobuf: request.body.bytes, arrival: arrival, into: batch)
        } catch { throw LogRefusal(error) }
    }
}
