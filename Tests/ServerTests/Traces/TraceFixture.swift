import Bedrock
import Formats
import Model
import QueryServer
import TraceKit
import Transport

/// A shop's traces behind the query API, asked over a real port.
final class TraceFixture {
    static let second: Int64 = 1_000_000_000
    /// When the first trace begins, nanoseconds.
    static let start: Int64 = 1_795_000_000 * second

    let server: HTTPServer
    private let api: QueryAPI
    private let client = HTTPClient()

    init() throws {
        var dependencies = QueryDependencies(source: QuerySource([]))
        dependencies.spans = MemorySpanSource(Self.spans())
        dependencies.clock = SimulatedClock(now: (Self.start + 100 * Self.second) / 1_000_000)
        api = QueryAPI(dependencies)
        server = HTTPServer(HTTPServerOptions(listen: ListenAddress("127.0.0.1", 0)), routes: api.routes())
        try server.start()
    }

    deinit {
        _ = server.shutdown(deadlineSeconds: 1)
        api.stop()
    }

    /// Ten traces, a second apart: a frontend that asks a cart, which fails in every third.
    static func spans() -> [TestSpan] {
        (0..<10).flatMap { number -> [TestSpan] in
            let begin = start + Int64(number) * second
            let trace = UInt64(number + 1)
            var root = TestSpan(trace: trace, span: trace * 10 + 1, "GET /", start: begin, duration: 300_000_000)
            root.kind = .server
            root.resource = ["service.name": .string("frontend"), "host.name": .string("h1")]
            root.attributes = ["http.status": .int(number % 3 == 0 ? 500 : 200), "user": .string("u\(number)")]
            var call = TestSpan(
                trace: trace, span: trace * 10 + 2, parent: trace * 10 + 1, "get", start: begin + 10_000_000,
                duration: Int64(number) * 10_000_000)
            call.kind = .client
            call.resource = ["service.name": .string("cart")]
            call.scopeName = "lib"
            if number % 3 == 0 {
                call.status = .error
                call.statusMessage = "no cart"
                call.events = [TestEvent("exception", at: 5_000, ["exception.type": .string("Oops")])]
                call.links = [TestLink(trace: 99, span: 98)]
            }
            return [root, call]
        }
    }

    func get(
        _ path: String, _ parameters: [(name: String, value: String)] = [], headers: HTTPHeaders = [:]
    ) throws -> HTTPResponse {
        let query = parameters.isEmpty ? "" : "?" + PercentCoding.form(parameters)
        return try client.call(HTTPCall(.get, server.url + path + query, headers: headers))
    }

    func json(_ path: String, _ parameters: [(name: String, value: String)] = []) throws -> JSONValue {
        let response = try get(path, parameters)
        return try response.body.withUnsafeBytes { try JSONValue(parsing: $0) }
    }

    /// Around all traces, in seconds as Tempo takes them.
    static let range: [(name: String, value: String)] = [
        ("start", String(start / second - 1)), ("end", String(start / second + 60)),
    ]
}

/// The texts of a list; none where it is none.
func strings(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }
