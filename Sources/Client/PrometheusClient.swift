import Bedrock
import Formats
import Model
import Transport

/// The Prometheus HTTP API of one server. A value; copies share the connection pool of their caller. Thread-safe.
///
/// Cancelling the task that awaits an answer cancels the request.
public struct PrometheusClient: Sendable {
    public let server: ServerContext
    private let caller: any HTTPCaller
    /// Whole exchange, in seconds.
    public var timeoutSeconds: Double
    /// Largest answer accepted, in bytes.
    public var answerBytesMax: Int

    public init(
        _ server: ServerContext, caller: any HTTPCaller, timeoutSeconds: Double = 60, answerBytesMax: Int = 256 << 20
    ) {
        self.server = server
        self.caller = caller
        self.timeoutSeconds = timeoutSeconds
        self.answerBytesMax = answerBytesMax
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
        let body = try await post(path, form)
        let (result, envelope) = try read(body) { (scanner) throws(ScanError) in try AnswerParser.result(&scanner) }
        return QueryAnswer(result, warnings: envelope.warnings, infos: envelope.infos)
    }

    // MARK: series and labels

    /// Names of labels, sorted.
    public func labelNames(matching selectors: [String] = [], range: TimeRange? = nil) async throws(ClientError)
        -> [String]
    {
        try await strings(try await post("/api/v1/labels", Self.form(selectors, range, nil)))
    }

    /// Values of one label, sorted.
    public func labelValues(
        _ name: String, matching selectors: [String] = [], range: TimeRange? = nil, limit: Int? = nil
    ) async throws(ClientError) -> [String] {
        let path = "/api/v1/label/" + PercentCoding.encode(Self.escaped(name)) + "/values"
        return try await strings(try await get(path, Self.form(selectors, range, limit)))
    }

    /// Label sets of the series that any of `selectors` matches.
    public func series(
        matching selectors: [String], range: TimeRange? = nil, limit: Int? = nil
    ) async throws(ClientError) -> [Labels] {
        let body = try await post("/api/v1/series", Self.form(selectors, range, limit))
        return try read(body) { (scanner) throws(ScanError) in
            var result: [Labels] = []
            var labels = LabelBytes()
            try scanner.array { (scanner) throws(ScanError) in result.append(try labels.read(&scanner)) }
            return result
        }.value
    }

    private func strings(_ body: [UInt8]) async throws(ClientError) -> [String] {
        try read(body) { (scanner) throws(ScanError) in
            var result: [String] = []
            try scanner.array { (scanner) throws(ScanError) in result.append(try scanner.string()) }
            return result
        }.value
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
        let body = try await get(path, parameters)
        let value = try parse(body)
        guard value["status"]?.string == "success" else {
            throw .api(
                APIError(
                    status: 200, kind: value["errorType"]?.string ?? "", message: value["error"]?.string ?? "no status")
            )
        }
        return value["data"] ?? .null
    }

    /// Asks `/-/ready`: throws where the server can't be reached or isn't ready.
    public func checkReady() async throws(ClientError) {
        _ = try await get("/-/ready", [], timeout: min(timeoutSeconds, 5))
    }

    private func parse(_ body: [UInt8]) throws(ClientError) -> JSONValue {
        let parsed: Result<JSONValue, JSONError> = body.withUnsafeBytes { buffer in
            do throws(JSONError) { return .success(try JSONValue(parsing: buffer)) } catch { return .failure(error) }
        }
        switch parsed {
        case .success(let value): return value
        case .failure(let error): throw .malformed(server: server.address, reason: error.description)
        }
    }

    // MARK: exchange

    private func get(
        _ path: String, _ parameters: [(name: String, value: String)], timeout: Double? = nil
    ) async throws(ClientError) -> [UInt8] {
        let query = parameters.isEmpty ? "" : "?" + PercentCoding.form(parameters)
        return try await exchange(HTTPCall(.get, server.address + path + query), timeout: timeout)
    }

    private func post(_ path: String, _ form: [(name: String, value: String)]) async throws(ClientError) -> [UInt8] {
        var call = HTTPCall(.post, server.address + path)
        call.headers.add("Content-Type", "application/x-www-form-urlencoded")
        call.body = Array(PercentCoding.form(form).utf8)
        return try await exchange(call, timeout: nil)
    }

    private func exchange(_ call: HTTPCall, timeout: Double?) async throws(ClientError) -> [UInt8] {
        var call = call
        call.timeoutSeconds = timeout ?? timeoutSeconds
        call.responseMax = answerBytesMax
        call.options = server.callOptions
        if let tenant = server.tenant { call.headers.add("X-Scope-OrgID", tenant) }
        let response: HTTPResponse
        do throws(HTTPCallError) { response = try await caller.response(to: call) } catch {
            throw translate(error)
        }
        if response.status / 100 != 2 { throw failure(response) }
        return response.body
    }

    private func translate(_ error: HTTPCallError) -> ClientError {
        switch error {
        case .unreachable(let reason), .other(let reason): .unreachable(server: server.address, reason: reason)
        case .timeout(let seconds): .timeout(server: server.address, seconds: seconds)
        case .tooLarge(let limit): .tooLarge(bytes: limit)
        case .cancelled: .cancelled
        }
    }

    private func failure(_ response: HTTPResponse) -> ClientError {
        let text = String(decoding: response.body.prefix(2_000), as: UTF8.self).trimmedBlanks
        let envelope = response.body.withUnsafeBytes { bytes in
            try? Envelope(bytes) { (scanner) throws(ScanError) in try scanner.skip() }
        }
        let reason =
            envelope.map(\.errorText).flatMap { $0.isEmpty ? nil : $0 } ?? (text.isEmpty ? "no reason given" : text)
        if response.status == 401 || response.status == 403 {
            return .refused(server: server.address, status: response.status, reason: reason)
        }
        guard let envelope, envelope.isError else {
            if response.status == 503 { return .unavailable(server: server.address, reason: reason) }
            return .malformed(server: server.address, reason: "HTTP status \(response.status): \(reason)")
        }
        return .api(APIError(status: response.status, kind: envelope.errorType, message: reason))
    }

    private func read<T>(
        _ body: [UInt8], _ parse: (inout JSONScanner) throws(ScanError) -> T
    ) throws(ClientError) -> (value: T, envelope: Envelope) {
        let outcome: Result<(value: T, envelope: Envelope), ClientError> = body.withUnsafeBytes { bytes in
            var value: T?
            do throws(ScanError) {
                let envelope = try Envelope(bytes) { (scanner) throws(ScanError) in value = try parse(&scanner) }
                if let value { return .success((value, envelope)) }
                let reason = envelope.errorText.isEmpty ? "the answer has no data" : envelope.errorText
                return .failure(.api(APIError(status: 200, kind: envelope.errorType, message: reason)))
            } catch {
                return .failure(.malformed(server: server.address, reason: "\(error.reason) at byte \(error.offset)"))
            }
        }
        return try outcome.get()
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
