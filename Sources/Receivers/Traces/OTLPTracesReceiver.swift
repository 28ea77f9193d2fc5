import Formats
import Model
import Transport

/// Receives OTLP traces over HTTP, protobuf or JSON, and hands them to a sink. Thread-safe.
///
/// Valid spans of a request are stored even when others are refused; the answer is 200 in the encoding of the request, and says as a partial
/// success how many were refused and why the first was.
public final class OTLPTracesReceiver: Sendable {
    private let options: SpanReceiverOptions
    private let context: SpanReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<OTLPTracesDecoder>>

    public init(_ context: SpanReceiverContext, options: SpanReceiverOptions = SpanReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("otlp")
        workspaces = WorkspacePool { DecoderWorkspace(OTLPTracesDecoder(limits: context.limits)) }
    }

    /// OpenTelemetry's own path, and the one below `/otlp` that the endpoints of logs have, too.
    public var routes: [HTTPRoute] {
        ["/v1/traces", "/otlp/v1/traces"].map { path in
            HTTPRoute([.post], path, bodyMax: options.bodyBytesMax, takesForms: false) { [self] request, respond in
                receive(request, respond)
            }
        }
    }

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let words = OTLPAnswer(.traces, to: request)
        let exchange = SpanExchange(context: context, instruments: instruments) { status, text, seconds in
            words.refusal(status, text, retryAfter: seconds)
        }
        exchange.run(request, respond) { (batch) throws(SpanRefusal) in
            if let why = OTLPAnswer.unsupported(request) { throw SpanRefusal(415, why) }
            let workspace = workspaces.take()
            defer { workspaces.give(workspace) }
            do throws(SpanDecodeError) {
                return words.isJSON
                    ? try workspace.decoder.decode(json: request.body.bytes, into: batch)
                    : try workspace.decoder.decode(protobuf: request.body.bytes, into: batch)
            } catch { throw SpanRefusal(error) }
        } accept: { outcome in
            words.taken(refused: outcome.refused, message: outcome.summary)
        }
    }
}
