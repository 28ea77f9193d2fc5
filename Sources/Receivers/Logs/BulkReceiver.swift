import Bedrock
import Formats
import Instruments
import Model
import Synchronization
import Transport

/// Receives Elasticsearch's `_bulk` over HTTP (actions `create` and `index`), and answers what its clients ask before they send. Thread-safe.
public final class BulkReceiver: Sendable {
    private let options: LogReceiverOptions
    private let context: LogReceiverContext
    private let instruments: ReceiverInstruments
    private let workspaces: WorkspacePool<DecoderWorkspace<BulkDecoder>>

    public init(_ context: LogReceiverContext, options: LogReceiverOptions = LogReceiverOptions()) {
        self.context = context
        self.options = options
        instruments = context.instruments("elasticsearch")
        workspaces = WorkspacePool { DecoderWorkspace(BulkDecoder(options: context.decoding)) }
    }

    public var routes: [HTTPRoute] {
        let bulk = ["/_bulk", "/*/_bulk", "/elasticsearch/_bulk", "/elasticsearch/*/_bulk"].map { path in
            HTTPRoute([.post, .put], path, bodyMax: options.bodyBytesMax, takesForms: false) {
                [self] request, respond in
                receive(request, respond)
            }
        }
        return bulk + Self.probes
    }

    private func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let start = context.clock.monotonicNanoseconds()
        let clock = context.clock
        let exchange = LogExchange(context: context, instruments: instruments) { status, text, seconds in
            Self.refusal(status, text, retryAfter: seconds)
        }
        let results = ResultsBox()
        exchange.run(request, respond) { (batch) throws(LogRefusal) in
            let (report, items) = try decode(request, into: batch)
            results.set(items)
            return report
        } accept: { outcome in
            guard let items = results.get() else { return HTTPResponse(status: 200) }
            // Rows that the store refused (too old, too many streams) are known by number only.
            let refusedLater = outcome.refused - items.refused
            if refusedLater > 0 { return Self.refusal(400, outcome.summary, retryAfter: nil) }
            let milliseconds = Int((clock.monotonicNanoseconds() &- start) / 1_000_000)
            return Self.json(200, items.json(milliseconds: milliseconds))
        }
    }

    /// Carries the results from decoding to the answer.
    private final class ResultsBox: Sendable {
        private let results = Mutex<BulkResults?>(nil)

        func set(_ items: BulkResults) { results.withLock { $0 = items } }

        func get() -> BulkResults? { results.withLock { $0 } }
    }

    private func decode(
        _ request: HTTPRequest, into batch: LogBatch
    ) throws(LogRefusal) -> (LogDecodeReport, BulkResults) {
        let index = request.parameter("*")
        if let index, !Self.isIndexName(index) {
            throw LogRefusal(400, "invalid index name \(quoted(String(index.prefix(64))))")
        }
        var fields = DocumentFields.elastic
        LogQueryFields.apply(request, to: &fields)
        let workspace = workspaces.take()
        defer { workspaces.give(workspace) }
        do throws(LogDecodeError) {
            return try workspace.decoder.decode(
                request.body.bytes, index: index, fields: fields, arrival: context.arrival(), into: batch)
        } catch { throw LogRefusal(error) }
    }

    /// As Elasticsearch: none of the characters that a path, a pattern or a date expression uses.
    private static func isIndexName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255 && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
            && !name.contains { "\\/*?\"<>|,#".contains($0) }
    }

    /// An error in Elasticsearch's form.
    private static func refusal(_ status: Int, _ text: String, retryAfter: Int?) -> HTTPResponse {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.key("type")
        writer.string(status >= 429 ? "es_rejected_execution_exception" : "illegal_argument_exception")
        writer.key("reason")
        writer.string(text)
        writer.endObject()
        writer.key("status")
        writer.integer(status)
        writer.endObject()
        var response = json(status, writer.finish())
        if let retryAfter { response.headers["Retry-After"] = String(max(retryAfter, 1)) }
        return response
    }

    private static func json(_ status: Int, _ body: [UInt8]) -> HTTPResponse {
        // Clients of the newer generations refuse to talk to anything without this header.
        HTTPResponse(
            status: status, headers: ["Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"],
            body: body)
    }

    // MARK: Probes

    private static var probes: [HTTPRoute] {
        [
            probe(
                "/",
                #"{"name":"obs","cluster_name":"obs","cluster_uuid":"obs","version":{"number":"8.17.0","build_flavor":"default","build_type":"docker","#
                    + #""lucene_version":"9.12.0","minimum_wire_compatibility_version":"7.17.0","minimum_index_compatibility_version":"7.0.0"},"#
                    + #""tagline":"You Know, for Search"}"#),
            probe("/_license", #"{"license":{"status":"active","uid":"obs","type":"basic","mode":"basic"}}"#),
            probe(
                "/_cluster/health", #"{"cluster_name":"obs","status":"green","timed_out":false,"number_of_nodes":1}"#),
        ]
    }

    private static func probe(_ path: String, _ text: String) -> HTTPRoute {
        HTTPRoute([.get], path) { _, respond in respond(json(200, Array(text.utf8))) }
    }
}
