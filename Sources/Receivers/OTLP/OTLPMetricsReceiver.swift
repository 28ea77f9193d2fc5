import Formats
import Model
import Transport

/// Receives OTLP metrics over HTTP, protobuf or JSON, as series after Prometheus' mapping, and hands them to a sink. Thread-safe.
///
/// Valid data points of a request are stored even when others are refused; the answer is 200 in the encoding of the request, and says as a
/// partial success how many were refused and why the first was.
public final class OTLPMetricsReceiver: Sendable {
    public struct Options: Sendable {
        /// Largest body, as sent and once the server undid its Content-Encoding, in bytes (413).
        public var bodyBytesMax = 16 << 20
        public var metrics = OTLPMetricOptions()
        /// Series of deltas that are added up at once.
        public var deltaSeriesMax = 100_000

        public init() {}
    }

    private let options: Options
    private let context: ReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<OTLPMetricsDecoder>>

    /// One receiver serves all ports: it holds the sums of deltas, which must come to the same place.
    public init(_ context: ReceiverContext, options: Options = Options()) {
        self.context = context
        self.options = options
        instruments = ReceiverInstruments(
            protocolName: "otlp", registry: context.registry, ledger: context.ledger, clock: context.clock)
        let metrics = options.metrics
        let deltas = metrics.delta == .cumulative ? OTLPDeltaTable(seriesMax: options.deltaSeriesMax) : nil
        workspaces = WorkspacePool { DecoderWorkspace(OTLPMetricsDecoder(options: metrics, deltas: deltas)) }
    }

    /// OpenTelemetry's own path, and Prometheus'.
    public var routes: [HTTPRoute] {
        ["/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"].map { path in
            HTTPRoute([.post], path, bodyMax: options.bodyBytesMax, takesForms: false) { [self] request, respond in
                receive(request, respond)
            }
        }
    }

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let start = instruments.begin(bodyBytes: request.body.count)
        let instruments = instruments
        let words = OTLPAnswer(.metrics, to: request)
        let answer: @Sendable (HTTPResponse, Int) -> Void = { response, stored in
            instruments.end(start, status: response.status, samplesStored: stored)
            respond(response)
        }
        if let why = OTLPAnswer.unsupported(request) { return answer(words.refusal(415, why, retryAfter: nil), 0) }
        let origin: BatchOrigin
        do throws(OriginError) { origin = try OriginHeaders.origin(request.headers) } catch {
            return answer(words.refusal(400, error.description, retryAfter: nil), 0)
        }
        let batch = context.pool.take()
        let report: OTLPMetricReport
        do throws(OTLPMetricsError) {
            report = try decode(request, isJSON: words.isJSON, origin.tenant, into: batch)
        } catch {
            context.pool.give(batch)
            let status =
                switch error {
                case .malformed: 400
                case .tooLarge: 413
                }
            return answer(words.refusal(status, error.description, retryAfter: nil), 0)
        }
        context.submit(batch, origin: origin) { [self] result in
            switch result {
            case .success(let receipt):
                noteLosses(report)
                answer(Self.answer(words, report, receipt), receipt.accepted)
            case .failure(let error):
                let (status, seconds) = error.httpStatus
                answer(words.refusal(status, error.description, retryAfter: seconds), 0)
            }
        }
    }

    private func decode(
        _ request: HTTPRequest, isJSON: Bool, _ tenant: Tenant, into batch: MetricBatch
    ) throws(OTLPMetricsError) -> OTLPMetricReport {
        let workspace = workspaces.take()
        defer { workspaces.give(workspace) }
        let arrival = context.clock.now()
        return isJSON
            ? try workspace.decoder.decode(json: request.body.bytes, tenant: tenant, arrival: arrival, into: batch)
            : try workspace.decoder.decode(
                protobuf: request.body.bytes, tenant: tenant, arrival: arrival, into: batch)
    }

    private static func answer(
        _ words: OTLPAnswer, _ report: OTLPMetricReport, _ receipt: WriteReceipt
    ) -> HTTPResponse {
        let refused = report.rejectedTotal + receipt.rejected
        guard refused > 0 else { return words.taken(refused: 0, message: "") }
        let first = report.firstRejection ?? receipt.firstRejection ?? "no reason given"
        return words.taken(
            refused: refused,
            message: "\(refused) data points were refused, \(receipt.accepted) samples stored. The first: \(first)")
    }

    /// Only for requests that are answered for good: what is retried isn't lost yet.
    private func noteLosses(_ report: OTLPMetricReport) {
        for reason in OTLPMetricRejection.allCases { instruments.lost(report.rejected(reason), reason.rawValue) }
        instruments.lost(report.exemplarsRefused, "invalid_exemplar")
    }
}
