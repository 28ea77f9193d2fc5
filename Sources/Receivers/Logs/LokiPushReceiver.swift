import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives Loki's push protocol over HTTP, protobuf with snappy or JSON, and hands it to a sink. Thread-safe.
///
/// Valid entries of a request are stored even when others are refused; the answer then is 400 with the first reason, because a retry would fail
/// again. 204 means: durable and visible.
public final class LokiPushReceiver: Sendable {
    private let options: LogReceiverOptions
    private let context: LogReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<Workspace>

    public init(_ context: LogReceiverContext, options: LogReceiverOptions = LogReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("loki")
        workspaces = WorkspacePool { Workspace(context.decoding) }
    }

    /// One request at a time has it.
    private final class Workspace: @unchecked Sendable {
        var decoder: LokiPushDecoder
        var message = ByteBuffer(capacity: 64 << 10)

        init(_ options: LogDecodeOptions) { decoder = LokiPushDecoder(options: options) }
    }

    /// A workspace whose buffer grew beyond this is let go after use.
    private static let workspaceBytesMax = 8 << 20

    public var routes: [HTTPRoute] {
        [
            HTTPRoute([.post], "/loki/api/v1/push", bodyMax: options.bodyBytesMax, takesForms: false) {
                [self] request, respond in
                let exchange = LogExchange(context: context, instruments: instruments) {
                    WriteAnswer.text($0, $1, retryAfter: $2)
                }
                exchange.run(request, respond) { (batch) throws(LogRefusal) in
                    try decode(request, into: batch)
                } accept: {
                    $0.refused == 0 ? HTTPResponse(status: 204) : WriteAnswer.text(400, $0.summary)
                }
            }
        ]
    }

    private func decode(_ request: HTTPRequest, into batch: LogBatch) throws(LogRefusal) -> LogDecodeReport {
        let type = request.headers.mediaType
        let workspace = workspaces.take()
        defer {
            if workspace.message.allocatedBytes <= Self.workspaceBytesMax {
                workspace.message.clear()
                workspaces.give(workspace)
            }
        }
        switch type {
        case "application/json":
            do throws(LogDecodeError) {
                return try workspace.decoder.decode(json: request.body.bytes, into: batch)
            } catch {
                throw LogRefusal(error)
            }
        case "application/x-protobuf", "":
            do throws(CompressionError) {
                try Snappy.decompress(
                    request.body.bytes, into: &workspace.message, limit: options.decompressedBytesMax)
            } catch { throw LogRefusal(error) }
            do throws(LogDecodeError) {
                return try workspace.decoder.decode(protobuf: workspace.message.bytes, into: batch)
            } catch { throw LogRefusal(error) }
        default:
            throw LogRefusal(
                415, "Loki's push needs Content-Type application/json or application/x-protobuf, not \(type)")
        }
    }
}
