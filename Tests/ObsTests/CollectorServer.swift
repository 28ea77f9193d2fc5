import Bedrock
import Obs
import Synchronization
import Transport

/// An OTLP collector of this process: a real server on a port of its own that keeps what it gets.
final class CollectorServer: Sendable {
    struct Request: Sendable {
        var path: String
        var body: [UInt8]
        var contentType: String
        var headers: HTTPHeaders
    }

    private struct State {
        var requests: [Request] = []
        var answers: [HTTPResponse] = []
        var always: HTTPResponse?
    }

    let server: HTTPServer

    init() throws {
        let store = Store()
        self.store = store
        let handler: HTTPHandler = { request, respond in store.receive(request, respond) }
        server = HTTPServer(
            HTTPServerOptions(),
            routes: ["traces", "metrics", "logs"].map {
                HTTPRoute([.post], "/v1/\($0)", bodyMax: 64 << 20, handler)
            })
        try server.start()
    }

    private let store: Store

    var requests: [Request] { store.state.withLock { $0.requests } }
    func requests(_ path: String) -> [Request] { requests.filter { $0.path == path } }

    /// Answers the next requests with these, one each; those after them with 200.
    func answer(_ answers: HTTPResponse...) { store.state.withLock { $0.answers = answers } }
    func answerAlways(_ answer: HTTPResponse?) { store.state.withLock { $0.always = answer } }

    func options() -> TelemetryOptions {
        var options = TelemetryOptions()
        options.traces.url = server.url + "/v1/traces"
        options.metrics.url = server.url + "/v1/metrics"
        options.logs.url = server.url + "/v1/logs"
        options.resource = ["service.name": "tests"]
        options.exportsProcessMetrics = false
        options.onProblem = { _ in }
        options.retry = RetryPolicy(firstSeconds: 0.02, secondsMax: 0.1)
        return options
    }

    private final class Store: Sendable {
        let state = Mutex(State())

        func receive(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
            let answer = state.withLock { state -> HTTPResponse in
                let answer =
                    state.always ?? (state.answers.isEmpty ? HTTPResponse(status: 200) : state.answers.removeFirst())
                if (200..<300).contains(answer.status) {
                    state.requests.append(
                        Request(
                            path: request.path, body: Array(request.body.bytes),
                            contentType: request.headers["Content-Type"] ?? "", headers: request.headers))
                }
                return answer
            }
            respond(answer)
        }
    }
}
