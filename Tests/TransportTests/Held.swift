import Synchronization

@testable import Transport

/// Requests that a route keeps until told to answer.
final class Held: Sendable {
    private let requests = Mutex<[(HTTPRequest, @Sendable (HTTPResponse) -> Void)]>([])

    var count: Int { requests.withLock { $0.count } }
    var first: HTTPRequest? { requests.withLock { $0.first?.0 } }

    func add(_ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        requests.withLock { $0.append((request, respond)) }
    }

    func answerAll() {
        let taken = requests.withLock { requests in
            defer { requests = [] }
            return requests
        }
        for (_, respond) in taken { respond(HTTPResponse(contentType: "text/plain", "done")) }
    }
}

/// Values gathered from several threads.
final class Gathered<Value: Sendable>: Sendable {
    private let kept = Mutex<[Value]>([])

    var values: [Value] { kept.withLock { $0 } }
    var count: Int { kept.withLock { $0.count } }

    func add(_ value: Value) { kept.withLock { $0.append(value) } }
}

typealias Counted = Gathered<Int?>
