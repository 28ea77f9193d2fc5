import Bedrock
import Formats
import Model
import Transport

/// The Loki HTTP API of one server. A value; copies share the connection pool of their caller. Thread-safe.
///
/// Times are nanoseconds since the Unix epoch. Cancelling the task that awaits an answer cancels the request.
public struct LokiClient: Sendable {
    var exchange: ServerExchange

    public var server: ServerContext { exchange.server }

    /// With every request whose query may be one of `everything`.
    static let lenient: HTTPHeaders = ["X-Obs-Empty-Selector": "all"]
    /// Keeps stream labels, structured metadata and parsed labels apart in answers, and lines that are no UTF-8 unharmed.
    static let exact: HTTPHeaders = [
        "X-Loki-Response-Encoding-Flags": "categorize-labels,base64-lines", "X-Obs-Empty-Selector": "all",
    ]
    /// The parameter, and the member of an answer's data, that carry a page's place.
    static let cursorName = "cursor"

    public init(
        _ server: ServerContext, caller: any HTTPCaller, timeoutSeconds: Double = 60, answerBytesMax: Int = 256 << 20
    ) {
        exchange = ServerExchange(
            server: server, caller: caller, timeoutSeconds: timeoutSeconds, answerBytesMax: answerBytesMax,
            hasPlainErrors: true)
    }

    /// The Loki API of the server that `client` asks, through the same connections.
    public init(beside client: PrometheusClient) {
        exchange = client.exchange
        exchange.hasPlainErrors = true
    }

    // MARK: queries

    /// Entries of a log query, one page of them, in order of time.
    /// - Throws: `.malformed` where the query turns out to be a metric query.
    public func entries(_ request: LogPageRequest) async throws(ClientError) -> (table: LogTable, answer: LogAnswer) {
        let answer = try await answer("/loki/api/v1/query_range", Self.form(request))
        guard case .entries(var table) = answer.result else {
            throw .malformed(server: server.address, reason: "the query gives numbers, not log entries")
        }
        table.sort(request.direction)
        return (table, answer)
    }

    /// A metric query evaluated at `start`, `start + step`, … up to `end`; or the newest entries of a log query, `limit` of them.
    public func range(
        _ query: String, start: Int64, end: Int64, step: Int64, limit: Int? = nil
    ) async throws(ClientError) -> LogAnswer {
        var form = Self.rangeForm(query, start: start, end: end, step: step)
        if let limit { form.append(("limit", String(limit))) }
        var answer = try await answer("/loki/api/v1/query_range", form)
        if case .entries(var table) = answer.result {
            table.sort(.backward)
            answer.result = .entries(table)
        }
        return answer
    }

    /// A metric query evaluated at one time; nil is the server's now.
    public func instant(_ query: String, at time: Int64? = nil) async throws(ClientError) -> LogAnswer {
        var form = [(name: "query", value: query)]
        if let time { form.append(("time", String(time))) }
        return try await answer("/loki/api/v1/query", form)
    }

    private func answer(
        _ path: String, _ form: [(name: String, value: String)]
    ) async throws(ClientError) -> LogAnswer {
        let body = try await exchange.post(path, form, headers: Self.exact)
        var (answer, envelope) = try exchange.read(body) { (scanner) throws(ScanError) in
            try LogAnswerParser.answer(&scanner)
        }
        answer.warnings = envelope.warnings
        // A server that warns by itself says it once.
        if let count = answer.statistics?["damagedBlocks"]?.int, count > 0, answer.warnings.isEmpty {
            answer.warnings.append(
                "blocks of the store are damaged, and their entries are missing here; obsq verify on the data folder of the stopped server names them"
            )
        }
        return answer
    }

    /// Whether the server takes `{}` as every stream, in the requests of this client: obsd does, Loki doesn't.
    public func takesEmptySelector() async throws(ClientError) -> Bool {
        do throws(ClientError) {
            let body = try await exchange.get(
                "/loki/api/v1/format_query", [(name: "query", value: "{}")], headers: Self.lenient)
            return try exchange.document(body).string == "{}"
        } catch {
            if error.isConnection { throw error }
            return false
        }
    }

    // MARK: streams and labels

    /// Names of stream labels, sorted.
    public func labelNames(matching query: String? = nil, range: LogTimeRange? = nil) async throws(ClientError)
        -> [String]
    {
        try exchange.strings(try await exchange.get("/loki/api/v1/labels", Self.form(query, range)))
    }

    /// Values of one stream label, sorted.
    public func labelValues(
        _ name: String, matching query: String? = nil, range: LogTimeRange? = nil
    ) async throws(ClientError) -> [String] {
        let path = "/loki/api/v1/label/" + PercentCoding.encode(name) + "/values"
        return try exchange.strings(try await exchange.get(path, Self.form(query, range)))
    }

    /// Label sets of the streams that `selector` matches.
    public func streams(matching selector: String, range: LogTimeRange? = nil) async throws(ClientError) -> [Labels] {
        var form = Self.form(nil, range)
        form.append(("match[]", selector))
        return try exchange.labelSets(try await exchange.post("/loki/api/v1/series", form))
    }

    /// Templates of the lines that `query` selects, most frequent first, with counts per `step`.
    public func patterns(_ query: String, range: LogTimeRange, step: Int64) async throws(ClientError) -> [LogPattern] {
        let form = Self.form(query, range) + [(name: "step", value: Self.seconds(step))]
        let data = try exchange.document(try await exchange.get("/loki/api/v1/patterns", form, headers: Self.lenient))
        let patterns = (data.array ?? []).map { one in
            LogPattern(
                text: one["pattern"]?.string ?? "",
                counts: (one["samples"]?.array ?? []).compactMap { pair in
                    guard let time = pair[0]?.number, let count = pair[1]?.number, time.magnitude < 9e9,
                        let whole = Int(exactly: count.rounded())
                    else { return nil }
                    return (time: Int64(time) * 1_000_000_000, count: whole)
                })
        }
        return patterns.sorted { $0.total > $1.total }
    }

    /// The data of a metric query over a range as the server writes it: for those who print it.
    public func document(
        _ query: String, start: Int64, end: Int64, step: Int64
    ) async throws(ClientError) -> JSONValue {
        let form = Self.rangeForm(query, start: start, end: end, step: step)
        return try exchange.document(try await exchange.post("/loki/api/v1/query_range", form, headers: Self.lenient))
    }

    /// The same of a metric query at one time.
    public func document(_ query: String, at time: Int64) async throws(ClientError) -> JSONValue {
        let form = [(name: "query", value: query), (name: "time", value: String(time))]
        return try exchange.document(try await exchange.post("/loki/api/v1/query", form, headers: Self.lenient))
    }

    // MARK: encoding

    private static func form(_ request: LogPageRequest) -> [(name: String, value: String)] {
        var form = self.form(request.query, request.range)
        form.append(("limit", String(request.limit)))
        form.append(("direction", request.direction.rawValue))
        if let cursor = request.cursor { form.append((cursorName, cursor)) }
        return form
    }

    private static func rangeForm(
        _ query: String, start: Int64, end: Int64, step: Int64
    ) -> [(name: String, value: String)] {
        form(query, LogTimeRange(start, end)) + [(name: "step", value: seconds(step))]
    }

    private static func form(_ query: String?, _ range: LogTimeRange?) -> [(name: String, value: String)] {
        var form: [(name: String, value: String)] = []
        if let query { form.append(("query", query)) }
        if let range {
            form.append(("start", String(range.start)))
            form.append(("end", String(range.end)))
        }
        return form
    }

    /// Nanoseconds as decimal seconds, to the millisecond.
    private static func seconds(_ nanoseconds: Int64) -> String { PrometheusClient.seconds(nanoseconds / 1_000_000) }
}
