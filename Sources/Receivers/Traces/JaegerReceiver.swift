import Formats
import Model
import Transport

/// Receives Jaeger's Thrift over HTTP and hands it to a sink: `POST /api/traces`, with or without `?format=jaeger.thrift`. Thread-safe.
///
/// 202 when all spans are stored; 400 when some were refused and the rest stored, with the first reason.
public final class JaegerReceiver: Sendable {
    private let options: SpanReceiverOptions
    private let context: SpanReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<JaegerDecoder>>

    public init(_ context: SpanReceiverContext, options: SpanReceiverOptions = SpanReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("jaeger_thrift")
        workspaces = WorkspacePool { DecoderWorkspace(JaegerDecoder(limits: context.limits)) }
    }

    /// The path of Jaeger's collector; what follows it by GET is the query side's.
    public var routes: [HTTPRoute] {
        [
            HTTPRoute([.post], "/api/traces", bodyMax: options.bodyBytesMax, takesForms: false) {
                [self] request, respond in
                receive(request, respond)
            }
        ]
    }

    private static let mediaTypes: Set = ["application/x-thrift", "application/vnd.apache.thrift.binary", ""]

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let exchange = SpanExchange(context: context, instruments: instruments) { status, text, seconds in
            WriteAnswer.text(status, text, retryAfter: seconds)
        }
        exchange.run(request, respond) { (batch) throws(SpanRefusal) in
            let type = request.headers.mediaType
            guard Self.mediaTypes.contains(type) else {
                throw SpanRefusal(415, "Jaeger's spans are taken as application/x-thrift, not \(type)")
            }
            if let format = request.parameter("format"), format != "jaeger.thrift" {
                throw SpanRefusal(
                    400, "the format \(quoted(String(format.prefix(64)))) is not taken: only jaeger.thrift")
            }
            let workspace = workspaces.take()
            defer { workspaces.give(workspace) }
            do throws(SpanDecodeError) {
                return try workspace.decoder.decode(request.body.bytes, into: batch)
            } catch { throw SpanRefusal(error) }
        } accept: { outcome in
            outcome.refused == 0 ? HTTPResponse(status: 202) : WriteAnswer.text(400, outcome.summary)
        }
    }
}
