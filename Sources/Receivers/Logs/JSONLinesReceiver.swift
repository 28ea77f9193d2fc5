import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives JSON documents, one a line, as VictoriaLogs' `insert/jsonline` does. Thread-safe.
///
/// Good documents are stored even when others are refused; the answer then is 400 with the first reason. 200 means: durable and visible.
public final class JSONLinesReceiver: Sendable {
    private let options: LogReceiverOptions
    private let context: LogReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<JSONLinesDecoder>>

    public init(_ context: LogReceiverContext, options: LogReceiverOptions = LogReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("jsonline")
        workspaces = WorkspacePool { DecoderWorkspace(JSONLinesDecoder(options: context.decoding)) }
    }

    public var routes: [HTTPRoute] {
        [
            HTTPRoute([.post], "/insert/jsonline", bodyMax: options.bodyBytesMax, takesForms: false) {
                [self] request, respond in
                let exchange = LogExchange(context: context, instruments: instruments) {
                    WriteAnswer.text($0, $1, retryAfter: $2)
                }
                exchange.run(request, respond) { (batch) throws(LogRefusal) in
                    try decode(request, into: batch)
                } accept: {
                    $0.refused == 0 ? HTTPResponse(status: 200) : WriteAnswer.text(400, $0.summary)
                }
            }
        ]
    }

    private func decode(_ request: HTTPRequest, into batch: LogBatch) throws(LogRefusal) -> LogDecodeReport {
        var fields = DocumentFields.jsonLines
        LogQueryFields.apply(request, to: &fields)
        let workspace = workspaces.take()
        defer { workspaces.give(workspace) }
        do throws(LogDecodeError) {
            return try workspace.decoder.decode(
                request.body.bytes, fields: fields, arrival: context.arrival(), into: batch)
        } catch { throw LogRefusal(error) }
    }
}
