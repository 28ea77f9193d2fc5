import Bedrock
import Formats
import Model
import Transport

/// The Tempo HTTP API of one server. A value; copies share the connection pool of their caller. Thread-safe.
///
/// Times are nanoseconds since the Unix epoch. Cancelling the task that awaits an answer cancels the request.
public struct TempoClient: Sendable {
    var exchange: ServerExchange

    public init(
        _ server: ServerContext, caller: any HTTPCaller, timeoutSeconds: Double = 60, answerBytesMax: Int = 512 << 20
    ) {
        exchange = ServerExchange(
            server: server, caller: caller, timeoutSeconds: timeoutSeconds, answerBytesMax: answerBytesMax,
            hasPlainErrors: true)
    }

    /// The Tempo API of the server that `client` asks, through the same connections.
    public init(beside client: PrometheusClient) {
        exchange = client.exchange
        exchange.hasPlainErrors = true
    }

    // MARK: Traces

    /// Traces that a TraceQL query finds, in the server's order.
    /// - Parameter spansPerSet: matched spans that each span set shows.
    public func search(
        _ query: String, range: SpanTimeRange, limit: Int = 20, spansPerSet: Int = 3
    ) async throws(ClientError) -> TraceSearchAnswer {
        let form = [
            (name: "q", value: query), (name: "limit", value: String(limit)),
            (name: "spss", value: String(spansPerSet)),
            (name: "start", value: String(Self.floorSeconds(range.start))),
            (name: "end", value: String(Self.ceilingSeconds(range.end))),
        ]
        return TraceSearchAnswer(try exchange.parse(try await exchange.get("/tempo/api/search", form)))
    }

    /// The answer to `search` as the server writes it: for those who print it.
    public func searchDocument(
        _ query: String, range: SpanTimeRange, limit: Int, spansPerSet: Int
    ) async throws(ClientError) -> [UInt8] {
        try await exchange.get(
            "/tempo/api/search",
            [
                ("q", query), ("limit", String(limit)), ("spss", String(spansPerSet)),
                ("start", String(Self.floorSeconds(range.start))), ("end", String(Self.ceilingSeconds(range.end))),
            ])
    }

    /// A trace as OTLP's protobuf; nil when there is none.
    public func trace(_ id: TraceID) async throws(ClientError) -> [UInt8]? {
        try await optional("/tempo/api/traces/\(id)", headers: ["Accept": "application/protobuf"])
    }

    /// A trace as JSON, as the server writes it; nil when there is none.
    public func traceDocument(_ id: TraceID) async throws(ClientError) -> [UInt8]? {
        try await optional("/tempo/api/v2/traces/\(id)", headers: [:])
    }

    private func optional(_ path: String, headers: HTTPHeaders) async throws(ClientError) -> [UInt8]? {
        do throws(ClientError) { return try await exchange.get(path, [], headers: headers) } catch {
            // An API without envelope says what is not there by its status alone.
            if case .malformed(_, let reason) = error, reason.hasPrefix("HTTP status 404") { return nil }
            throw error
        }
    }

    // MARK: Numbers

    /// Series of a TraceQL metrics query over a range.
    public func metrics(
        _ query: String, range: SpanTimeRange, stepSeconds: Int
    ) async throws(ClientError) -> [TraceSeries] {
        let body = try await exchange.get(
            "/tempo/api/metrics/query_range",
            [
                ("q", query), ("start", String(Self.floorSeconds(range.start))),
                ("end", String(Self.ceilingSeconds(range.end))), ("step", "\(stepSeconds)s"),
            ])
        return (try exchange.parse(body)["series"]?.array ?? []).map(TraceSeries.init)
    }

    /// Different values of a tag such as `resource.service.name`.
    public func values(of tag: String, query: String = "", range: SpanTimeRange) async throws(ClientError) -> [String] {
        let body = try await exchange.get(
            "/tempo/api/v2/search/tag/" + PercentCoding.encode(tag) + "/values",
            [
                ("q", query), ("start", String(Self.floorSeconds(range.start))),
                ("end", String(Self.ceilingSeconds(range.end))),
            ])
        return (try exchange.parse(body)["tagValues"]?.array ?? []).compactMap { $0["value"]?.string }
    }

    /// The API's times are whole seconds: wide enough to hold the range.
    private static func floorSeconds(_ time: Int64) -> Int64 {
        time / 1_000_000_000 - (time % 1_000_000_000 < 0 ? 1 : 0)
    }
    private static func ceilingSeconds(_ time: Int64) -> Int64 {
        time / 1_000_000_000 + (time % 1_000_000_000 > 0 ? 1 : 0)
    }
}

/// What a search found.
public struct TraceSearchAnswer: Sendable {
    public struct Trace: Sendable {
        /// Hexadecimal, as the server writes it.
        public var id: String
        public var rootService: String
        public var rootName: String
        /// Nanoseconds.
        public var start: Int64
        public var milliseconds: Int
        public var spans: Int
        public var errors: Int
        /// Spans that matched, of all sets.
        public var matched: Int
        public var shown: [Span]
    }

    public struct Span: Sendable {
        public var id: String
        public var name: String
        /// Nanoseconds.
        public var start: Int64
        public var duration: Int64
        public var attributes: [(key: String, value: String)]
    }

    public var traces: [Trace]

    init(_ document: JSONValue) {
        traces = (document["traces"]?.array ?? []).map { trace in
            let sets = trace["spanSets"]?.array ?? []
            let services = trace["serviceStats"]?.object?.members ?? []
            return Trace(
                id: trace["traceID"]?.string ?? "", rootService: trace["rootServiceName"]?.string ?? "",
                rootName: trace["rootTraceName"]?.string ?? "", start: Self.integer(trace["startTimeUnixNano"]),
                milliseconds: trace["durationMs"]?.int ?? 0,
                spans: trace["spanCount"]?.int ?? services.reduce(0) { $0 + ($1.value["spanCount"]?.int ?? 0) },
                errors: trace["errorCount"]?.int ?? services.reduce(0) { $0 + ($1.value["errorCount"]?.int ?? 0) },
                matched: sets.reduce(0) { $0 + ($1["matched"]?.int ?? 0) },
                shown: sets.flatMap { ($0["spans"]?.array ?? []).map(Self.span) })
        }
    }

    private static func span(_ span: JSONValue) -> Span {
        Span(
            id: span["spanID"]?.string ?? "", name: span["name"]?.string ?? "",
            start: integer(span["startTimeUnixNano"]), duration: integer(span["durationNanos"]),
            attributes: (span["attributes"]?.array ?? []).map {
                ($0["key"]?.string ?? "", TraceSeries.text($0["value"]))
            })
    }

    /// A 64-bit number, which comes as text.
    static func integer(_ value: JSONValue?) -> Int64 {
        value?.string.flatMap { Int64($0) } ?? value?.int.map(Int64.init) ?? 0
    }
}

/// A series of a TraceQL metrics query.
public struct TraceSeries: Sendable {
    public var labels: [(key: String, value: String)]
    /// Milliseconds since the epoch, and value.
    public var samples: [(time: Int64, value: Double)]

    init(_ series: JSONValue) {
        labels = (series["labels"]?.array ?? []).map { ($0["key"]?.string ?? "", Self.text($0["value"])) }
        samples = (series["samples"]?.array ?? []).map {
            (TraceSearchAnswer.integer($0["timestampMs"]), $0["value"]?.number ?? 0)
        }
    }

    public subscript(key: String) -> String? { labels.first { $0.key == key }?.value }

    /// OTLP's `AnyValue` in JSON, as text.
    static func text(_ value: JSONValue?) -> String {
        guard let member = value?.object?.members.first else { return "" }
        return member.value.string ?? member.value.text
    }
}
