import Synchronization
import Transport

/// Servers that exist only in a test: answers by URL, calls kept.
final class StubServer: HTTPCaller {
    typealias Handler = @Sendable (HTTPCall) -> Result<HTTPResponse, HTTPCallError>

    private let handlers = Mutex<[String: Handler]>([:])
    private let kept = Mutex<[HTTPCall]>([])

    var calls: [HTTPCall] { kept.withLock { $0 } }

    func answer(_ url: String, _ handler: @escaping Handler) { handlers.withLock { $0[url] = handler } }

    func answer(_ url: String, _ text: String, type: String? = "text/plain; version=0.0.4") {
        answer(url) { _ in
            var headers = HTTPHeaders()
            headers["Content-Type"] = type
            return .success(HTTPResponse(status: 200, headers: headers, body: Array(text.utf8)))
        }
    }

    func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        kept.withLock { $0.append(call) }
        let handler = handlers.withLock { $0[call.url] }
        done(handler?(call) ?? .failure(.unreachable("connection refused")))
    }
}
