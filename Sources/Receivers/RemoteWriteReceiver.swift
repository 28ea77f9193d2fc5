import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives Prometheus remote write 1.0 and 2.0 over HTTP and hands it to a sink. Thread-safe.
///
/// Valid series of a request are stored even when others are refused; the answer then is 400 with the first reason, because a retry would
/// fail again. 204 means: durable and visible. The content type alone says which version it is. Refused exemplars alone are told to senders
/// of 2.0 only, as the specifications have it.
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
        let isVersion2 = Self.message(request.headers) == Self.messageOfVersion2
        let answer: @Sendable (HTTPResponse, WriteReceipt?) -> Void = { response, receipt in
            var response = response
            if isVersion2 { response.setWritten(receipt) }
            instruments.end(start, status: response.status, samplesStored: receipt?.accepted ?? 0)
            respond(response)
        }
        if let refusal = Self.unsupported(request.headers) { return answer(refusal, nil) }
        let origin: BatchOrigin
        do throws(OriginError) { origin = try OriginHeaders.origin(request.headers) } catch {
            return answer(WriteAnswer.text(400, error.description), nil)
        }
        let batch = context.pool.take()
        switch decode(request.body, isVersion2: isVersion2, into: batch) {
        case .failure(let refusal):
            context.pool.give(batch)
            answer(refusal.response, nil)
        case .success(let report):
            let refused = (samples: report.rejectedTotal, first: report.firstRejection)
            context.write(batch, origin: origin, refusedBefore: refused) { [self] response, receipt in
                if receipt != nil { noteLosses(report) }
                let exemplars = (receipt?.exemplarsRejected ?? 0) + report.exemplarsRefused
                if isVersion2, exemplars > 0, response.status == 204 {
                    return answer(
                        WriteAnswer.text(400, "\(exemplars) exemplars were refused, all samples stored"), receipt)
                }
                answer(response, receipt)
            }
        }
    }

    /// A request that is refused before its batch exists.
    private struct Refused: Error {
        let response: HTTPResponse
    }

    private func decode(
        _ body: HTTPBody, isVersion2: Bool, into batch: MetricBatch
    ) -> Result<RemoteWriteReport, Refused> {
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
            if isVersion2 {
                return .success(try workspace.decoder.decodeVersion2(workspace.message.bytes, into: batch))
            }
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
        instruments.lost(report.exemplarsRefused, "invalid_exemplar")
    }

    private static let messageOfVersion1 = "prometheus.WriteRequest"
    private static let messageOfVersion2 = "io.prometheus.write.v2.Request"

    /// Parts of the content type, without blanks.
    private static func contentType(_ headers: HTTPHeaders) -> [String] {
        (headers["Content-Type"] ?? "").split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
    }

    /// The protobuf message that the content type names; without a name it is that of 1.0.
    private static func message(_ headers: HTTPHeaders) -> String {
        let proto = contentType(headers).dropFirst().first { $0.lowercased().hasPrefix("proto=") }
        return proto.map { String($0.dropFirst(6)) } ?? messageOfVersion1
    }

    /// 415 for what is neither remote write nor snappy. A missing content type means 1.0, a missing encoding means snappy.
    private static func unsupported(_ headers: HTTPHeaders) -> HTTPResponse? {
        if let encoding = headers["Content-Encoding"], encoding.lowercased() != "snappy" {
            return WriteAnswer.text(415, "remote write needs Content-Encoding: snappy, not \(encoding)")
        }
        guard let type = headers["Content-Type"] else { return nil }
        guard contentType(headers).first?.lowercased() == "application/x-protobuf" else {
            return WriteAnswer.text(415, "remote write needs Content-Type: application/x-protobuf, not \(type)")
        }
        let message = message(headers)
        if message == messageOfVersion1 || message == messageOfVersion2 { return nil }
        return WriteAnswer.text(
            415, "\(messageOfVersion1) and \(messageOfVersion2) are received here, not \(message)")
    }
}

extension HTTPResponse {
    /// What 2.0 wants with every answer: how much was stored.
    fileprivate mutating func setWritten(_ receipt: WriteReceipt?) {
        let histograms = receipt?.histograms ?? 0
        headers["X-Prometheus-Remote-Write-Samples-Written"] = String((receipt?.accepted ?? 0) - histograms)
        headers["X-Prometheus-Remote-Write-Histograms-Written"] = String(histograms)
        headers["X-Prometheus-Remote-Write-Exemplars-Written"] = String(receipt?.exemplars ?? 0)
    }
}
