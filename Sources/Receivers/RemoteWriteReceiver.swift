import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives Prometheus remote write 1.0 over HTTP and hands it to a sink. Thread-safe.
///
/// Valid series of a request are stored even when others are refused; the answer then is 400 with the first reason, because a retry would
/// fail again. 204 means: durable and visible.
public final class RemoteWriteReceiver: Sendable {
    public struct Options: Sendable {
        /// Largest body as sent, in bytes (413).
        public var bodyBytesMax = 16 << 20
        /// Largest body once decompressed, in bytes (413); checked before anything is allocated.
        public var decompressedBytesMax = 64 << 20
        public var limits = RemoteWriteLimits()

        public init() {}
    }

    private let options: Options
    private let context: ReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<Workspace>

    public init(_ context: ReceiverContext, options: Options = Options()) {
        self.context = context
        self.options = options
        workspaces = WorkspacePool { Workspace(options.limits) }
        instruments = ReceiverInstruments(
            protocolName: "remote_write", registry: context.registry, ledger: context.ledger, clock: context.clock)
    }

    /// `POST /api/v1/write` (Prometheus' own path) and `/api/v1/push` (Mimir's and Cortex').
    public var routes: [HTTPRoute] {
        ["/api/v1/write", "/api/v1/push"].map { path in
            HTTPRoute([.post], path, bodyMax: options.bodyBytesMax, decodesBody: false, takesForms: false) {
                [self] request, respond in
                receive(request, respond)
            }
        }
    }

    /// A decoder and its buffer, kept from request to request. One request at a time has it.
    private final class Workspace: @unchecked Sendable {
        var decoder: RemoteWriteDecoder
        var message = ByteBuffer(capacity: 64 << 10)

        init(_ limits: RemoteWriteLimits) { decoder = RemoteWriteDecoder(limits: limits) }
    }

    /// A workspace whose buffer grew beyond this is let go after use.
    private static let workspaceBytesMax = 8 << 20

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let start = instruments.begin(bodyBytes: request.body.count)
        let instruments = instruments
        let answer: @Sendable (HTTPResponse, Int) -> Void = { response, stored in
            instruments.end(start, status: response.status, samplesStored: stored)
            respond(response)
        }
        if let refusal = Self.unsupported(request.headers) { return answer(refusal, 0) }
        let origin: BatchOrigin
        do throws(OriginError) { origin = try OriginHeaders.origin(request.headers) } catch {
            return answer(WriteAnswer.text(400, error.description), 0)
        }
        let batch = context.pool.take()
        switch decode(request.body, into: batch) {
        case .failure(let refusal):
            context.pool.give(batch)
            answer(refusal.response, 0)
        case .success(let report):
            let refused = (samples: report.rejectedTotal, first: report.firstRejection)
            context.write(batch, origin: origin, refusedBefore: refused) { [self] response, receipt in
                if receipt != nil { noteLosses(report) }
                answer(response, receipt?.accepted ?? 0)
            }
        }
    }

    /// A request that is refused before its batch exists.
    private struct Refused: Error {
        let response: HTTPResponse
    }

    private func decode(_ body: HTTPBody, into batch: MetricBatch) -> Result<RemoteWriteReport, Refused> {
        let workspace = workspaces.take()
        defer {
            if workspace.message.count <= Self.workspaceBytesMax {
                workspace.message.clear()
                workspaces.give(workspace)
            }
        }
        do throws(CompressionError) {
            try Snappy.decompress(body.bytes, into: &workspace.message, limit: options.decompressedBytesMax)
        } catch {
            switch error {
            case .tooLarge: return .failure(Refused(response: WriteAnswer.text(413, error.description)))
            case .corrupt: return .failure(Refused(response: WriteAnswer.text(400, error.description)))
            }
        }
        do throws(RemoteWriteError) {
            return .success(try workspace.decoder.decode(workspace.message.bytes, into: batch))
        } catch {
            switch error {
            case .tooLarge: return .failure(Refused(response: WriteAnswer.text(413, error.description)))
            case .malformed: return .failure(Refused(response: WriteAnswer.text(400, error.description)))
            }
        }
    }

    /// Only for requests that are answered for good: what is retried isn't lost yet.
    private func noteLosses(_ report: RemoteWriteReport) {
        for reason in RemoteWriteRejection.allCases { instruments.lost(report.rejected(reason), reason.rawValue) }
    }

    /// 415 for what is neither remote write 1.0 nor snappy. A missing content type means 1.0, a missing encoding means snappy.
    private static func unsupported(_ headers: HTTPHeaders) -> HTTPResponse? {
        if let encoding = headers["Content-Encoding"], encoding.lowercased() != "snappy" {
            return WriteAnswer.text(415, "remote write needs Content-Encoding: snappy, not \(encoding)")
        }
        guard let type = headers["Content-Type"] else { return nil }
        let parts = type.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
        guard parts.first?.lowercased() == "application/x-protobuf" else {
            return WriteAnswer.text(415, "remote write needs Content-Type: application/x-protobuf, not \(type)")
        }
        guard let proto = parts.dropFirst().first(where: { $0.lowercased().hasPrefix("proto=") }) else { return nil }
        let message = proto.dropFirst(6)
        if message == "prometheus.WriteRequest" { return nil }
        return WriteAnswer.text(415, "remote write 1.0 (prometheus.WriteRequest) is received here, not \(message)")
    }
}
