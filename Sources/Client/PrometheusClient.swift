import Bedrock
import Formats
import Model
import Transport

/// The Prometheus HTTP API of one server. A value; copies share the connection pool of their caller. Thread-safe.
///
/// Cancelling the task that awaits an answer cancels the request.
public struct PrometheusClient: Sendable {
    var exchange: ServerExchange

    public var server: ServerContext { exchange.server }
    /// Whole exchange, in seconds.
    public var timeoutSeconds: Double {
        get { exchange.timeoutSeconds }
        set { exchange.timeoutSeconds = newValue }
    }
    /// Largest answer accepted, in bytes.
    public var answerBytesMax: Int {
        get { exchange.answerBytesMax }
        set { exchange.answerBytesMax = newValue }
    }

    public init(
        _ server: ServerContext, caller: any HTTPCaller, timeoutSeconds: Double = 60, answerBytesMax: Int = 256 << 20
    ) {
        exchange = ServerExchange(
            server: server, caller: caller, timeoutSeconds: timeoutSeconds, answerBytesMax: answerBytesMax)
    }

    /// A client with a connection pool of its own.
    public init(connectingTo server: ServerContext, timeoutSeconds: Double = 60) {
        self.init(server, caller: HTTPClient(), timeoutSeconds: timeoutSeconds)
    }

    // MARK: queries

    /// Evaluates `expression` at one time.
    /// - Parameters:
    ///   - time: milliseconds since the epoch; nil is the server's now.
    ///   - limit: most series to send; nil is all.
    public func query(
        _ expression: String, at time: Int64? = nil, limit: Int? = nil
    ) async throws(ClientError) -> QueryAnswer {
        var form = [(name: "query", value: expression)]
        if let time { form.append(("time", Self.seconds(time))) }
        if let limit { form.append(("limit", String(limit))) }
        return try await queryAnswer("/api/v1/query", form)
    }

    /// Evaluates `expression` at `start`, `start + step`, … up to `end`, all in milliseconds.
    public func range(
        _ expression: String, start: Int64, end: Int64, step: Int64, limit: Int? = nil
    ) async throws(ClientError) -> QueryAnswer {
        var form = [
            (name: "query", value: expression), (name: "start", value: Self.seconds(start)),
            (name: "end", value: Self.seconds(end)), (name: "step", value: Self.seconds(step)),
        ]
        if let limit { form.append(("limit", String(limit))) }
        return try await queryAnswer("/api/v1/query_range", form)
    }

    private func queryAnswer(
        _ path: String, _ form: [(name: String, value: String)]
    ) async throws(ClientError) -> QueryAnswer {
        let body = try await exchange.post(path, form)
        let (result, envelope) = try exchange.read(body) { (scanner) throws(ScanError) in
            try AnswerParser.result(&scanner)
        }
        return QueryAnswer(result, warnings: envelope.warnings, infos: envelope.infos)
    }

    // MARK: series and labels

    /// Names of labels, sorted.
    public func labelNames(matching selectors: [String] = [], range: TimeRange? = nil) async throws(ClientError)
        -> [String]
    {
        try exchange.strings(try await exchange.post("/api/v1/labels", Self.form(selectors, range, nil)))
    }

    /// Values of one label, sorted.
    public func labelValues(
        _ name: String, matching selectors: [String] = [], range: TimeRange? = nil, limit: Int? = nil
    ) async throws(ClientError) -> [String] {
        let path = "/api/v1/label/" + PercentCoding.encode(Self.escaped(name)) + "/values"
        return try exchange.strings(try await exchange.get(path, Self.form(selectors, range, limit)))
    }

    /// Label sets of the series that any of `selectors` matches.
    public func series(
        matching selectors: [String], range: TimeRange? = nil, limit: Int? = nil
    ) async throws(ClientError) -> [Labels] {
        try exchange.labelSets(try await exchange.post("/api/v1/series", Self.form(selectors, range, limit)))
    }

    // MARK: what the server knows about itself

    /// Type, help and unit of metrics.
    public func metadata(metric: String? = nil, limit: Int? = nil) async throws(ClientError) -> [MetricDescription] {
        var form: [(name: String, value: String)] = []
        if let metric { form.append(("metric", metric)) }
        if let limit { form.append(("limit", String(limit))) }
        return MetricDescription.list(try await document("/api/v1/metadata", form))
    }

    /// Scrape targets, with `state` active, dropped or any.
    public func targets(state: String = "active") async throws(ClientError) -> [ScrapeTarget] {
        ScrapeTarget.list(try await document("/api/v1/targets", [("state", state)]))
    }

    /// A page below `/api/v1/status/`: `buildinfo`, `runtimeinfo`, `tsdb`, `flags`, `config`, …
    public func status(_ page: String) async throws(ClientError) -> JSONValue {
        try await document("/api/v1/status/" + PercentCoding.encode(page), [])
    }

    /// The data of any GET page of the API.
    public func document(_ path: String, _ parameters: [(name: String, value: String)]) async throws(ClientError)
        -> JSONValue
    {
        try exchange.document(try await exchange.get(path, parameters))
    }

    /// Asks `/-/ready`: throws where the server can't be reached or isn't ready.
    public func checkReady() async throws(ClientError) {
        _ = try await exchange.get("/-/ready", [], timeout: min(timeoutSeconds, 5))
    }

    // MARK: encoding

    /// Milliseconds as decimal seconds.
    static func seconds(_ milliseconds: Int64) -> String {
        let magnitude = milliseconds.magnitude
        let fraction = magnitude % 1000
        let digits = String(fraction + 1000).dropFirst()
        return (milliseconds < 0 ? "-" : "") + String(magnitude / 1000) + (fraction == 0 ? "" : "." + digits)
    }

    private static func form(_ selectors: [String], _ range: TimeRange?, _ limit: Int?) -> [(
        name: String, value: String
    )] {
        var form = selectors.map { (name: "match[]", value: $0) }
        if let range {
            form.append(("start", seconds(range.start)))
            form.append(("end", seconds(range.end)))
        }
        if let limit { form.append(("limit", String(limit))) }
        return form
    }

    /// Names beyond the legacy character set travel in Prometheus' `U__` escaping.
    static func escaped(_ name: String) -> String {
        if isLegacyLabelName(name) { return name }
        var out = "U__"
        for scalar in name.unicodeScalars {
            if scalar == "_" {
                out += "__"
            } else if scalar.isASCII, isLegacyLabelName("a" + String(scalar)) {
                out.unicodeScalars.append(scalar)
            } else {
                out += "_" + String(scalar.value, radix: 16) + "_"
            }
        }
        return out
    }
}
