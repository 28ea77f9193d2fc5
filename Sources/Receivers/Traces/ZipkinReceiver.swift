import Formats
import Model
import Transport

/// Receives Zipkin's v2 JSON over HTTP and hands it to a sink: `POST /api/v2/spans`. Thread-safe.
///
/// 202 when all spans are stored; 400 when some were refused and the rest stored, with the first reason, as Zipkin knows no partial success.
public final class ZipkinReceiver: Sendable {
    private let options: SpanReceiverOptions
    private let context: SpanReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<ZipkinDecoder>>

    public init(_ context: SpanReceiverContext, options: SpanReceiverOptions = SpanReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("zipkin")
        workspaces = WorkspacePool { DecoderWorkspace(ZipkinDecoder(limits: context.limits)) }
    }

    /// Zipkin's own path.
    public var routes: [HTTPRoute] {
        [
            HTTPRoute([.post], "/api/v2/spans", bodyMax: options.bodyBytesMax, takesForms: false) {
                [self] request, respond in
                receive(request, respond)
            }
        ]
    }

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let exchange = SpanExchange(context: context, instruments: instruments) { status, text, seconds in
            WriteAnswer.text(status, text, retryAfter: seconds)
        }
        let arrival = context.clock.now() &* 1_000_000
        exchange.run(request, respond) { (batch) throws(SpanRefusal) in
            let type = request.headers.mediaType
            guard type == "application/json" || type.isEmpty else {
                throw SpanRefusal(415, "Zipkin's spans are taken as application/json, not \(type)")
            }
            let workspace = workspaces.take()
            defer { workspaces.give(workspace) }
            do throws(SpanDecodeError) {
                return try workspace.decoder.decode(request.body.bytes, arrival: arrival, into: batch)
            } catch { throw SpanRefusal(error) }
        } accept: { outcome in
            outcome.refused == 0 ? HTTPResponse(status: 202) : WriteAnswer.text(400, outcome.summary)
        }
    }
}
