import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives text expositions over HTTP: `POST /api/v1/import/prometheus`, so that a script can push with curl. Thread-safe.
///
/// The body is the classic format, or OpenMetrics when the content type says so; it may be gzip or zstd. Samples without a timestamp get the
/// time of arrival, or that of the parameter `timestamp` (milliseconds). A body with an error is refused whole, naming line and column.
public final class ImportReceiver: Sendable {
    public struct Options: Sendable {
        /// Largest body, decompressed, in bytes (413).
        public var bodyBytesMax = 32 << 20
        public var limits = RemoteWriteLimits()

        public init() {}
    }

    private let options: Options
    private let context: ReceiverContext
    private let instruments: ReceiverInstruments

    public init(_ context: ReceiverContext, options: Options = Options()) {
        self.context = context
        self.options = options
        instruments = ReceiverInstruments(
            protocolName: "import", registry: context.registry, ledger: context.ledger, clock: context.clock)
    }

    public var routes: [HTTPRoute] {
        [
            HTTPRoute([.post, .put], "/api/v1/import/prometheus", bodyMax: options.bodyBytesMax, takesForms: false) {
                [self] request, respond in
                receive(request, respond)
            }
        ]
    }

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let start = instruments.begin(bodyBytes: request.body.count)
        let instruments = instruments
        let answer: @Sendable (HTTPResponse, Int) -> Void = { response, stored in
            instruments.end(start, status: response.status, samplesStored: stored)
            respond(response)
        }
        let batch = context.pool.take()
        do throws(OriginError) {
            let origin = try OriginHeaders.origin(request.headers)
            try decode(request, into: batch)
            context.write(batch, origin: origin) { answer($0, $1?.accepted ?? 0) }
        } catch {
            context.pool.give(batch)
            answer(WriteAnswer.text(400, error.description), 0)
        }
    }

    private func decode(_ request: HTTPRequest, into batch: MetricBatch) throws(OriginError) {
        var now = context.clock.now()
        if let text = request.parameter("timestamp") {
            guard let given = NumberText.parseInteger(text) else {
                throw OriginError(
                    "the parameter timestamp must be milliseconds since 1970, not \(quoted(String(text.prefix(64))))")
            }
            now = given
        }
        let format = request.headers["Content-Type"].flatMap { ExpositionFormat(contentType: $0) } ?? .classic
        do throws(ExpositionError) {
            try batch.append(exposition: request.body.bytes, format: format, now: now)
        } catch { throw OriginError(error.description) }
        for index in 0..<batch.seriesCount {
            if let problem = batch.withLabels(index, { options.limits.problem(ofLabels: $0) }) {
                instruments.lost(batch.sampleCount, "label_limit")
                throw OriginError("series \(String(batch.labels(index).description.prefix(300))): \(problem)")
            }
        }
    }
}
