import Bedrock
import Glibc
import Synchronization
import Testing

@testable import Transport

/// A server on a free loopback port with a few routes, and what tests do with it.
final class TestServer: Sendable {
    let server: HTTPServer
    let counter = Counter()

    init(_ routes: [HTTPRoute] = TestServer.routes, _ adjust: (inout HTTPServerOptions) -> Void = { _ in }) throws {
        var options = HTTPServerOptions()
        options.threads = 2
        adjust(&options)
        server = HTTPServer(options, routes: routes, observer: counter)
        try server.start()
    }

    deinit { server.shutdown(deadlineSeconds: 0) }

    var url: String { server.url }

    static let routes: [HTTPRoute] = [
        HTTPRoute([.get], "/hello") { _, respond in respond(HTTPResponse(contentType: "text/plain", "hello")) },
        HTTPRoute([.get], "/-/healthy") { _, respond in respond(HTTPResponse(contentType: "text/plain", "fine")) },
        HTTPRoute([.get], "/large") { _, respond in
            respond(HTTPResponse(contentType: "text/plain", String(repeating: "all work and no play ", count: 5000)))
        },
        HTTPRoute([.post, .put], "/echo", bodyMax: 1 << 20) { request, respond in
            respond(HTTPResponse(status: 200, body: Array(request.body.bytes)))
        },
        HTTPRoute([.post], "/small", bodyMax: 1000) { request, respond in
            respond(HTTPResponse(contentType: "text/plain", "\(request.body.count)"))
        },
        HTTPRoute([.get, .post], "/parameters") { request, respond in
            respond(
                HTTPResponse(
                    contentType: "text/plain",
                    request.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: ";")))
        },
        HTTPRoute([.get], "/label/*/values") { request, respond in
            respond(HTTPResponse(contentType: "text/plain", request.parameter("*") ?? "none"))
        },
        HTTPRoute([.get], "/later") { _, respond in
            Background.run(afterMilliseconds: 50) { respond(HTTPResponse(contentType: "text/plain", "at last")) }
        },
        HTTPRoute([.get], "/dropped") { _, _ in },
    ]
}

/// Counts what a server tells its observer.
final class Counter: HTTPServerObserver {
    struct Counts {
        var opened = 0
        var closed = 0
        var refused = 0
        var expired = 0
        var exchanges: [HTTPExchange] = []
    }

    private let counts = Mutex(Counts())

    var now: Counts { counts.withLock { $0 } }

    func connectionOpened() { counts.withLock { $0.opened += 1 } }
    func connectionClosed() { counts.withLock { $0.closed += 1 } }
    func connectionRefused() { counts.withLock { $0.refused += 1 } }
    func connectionExpired() { counts.withLock { $0.expired += 1 } }
    func exchangeFinished(_ exchange: HTTPExchange) { counts.withLock { $0.exchanges.append(exchange) } }
}

enum Background {
    /// Runs `body` on a thread of its own.
    static func run(afterMilliseconds delay: Int = 0, _ body: @escaping @Sendable () -> Void) {
        Transport.Thread {
            pause(milliseconds: delay)
            body()
        }?.detach()
    }
}

/// Whether `condition` becomes true within five seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<1000 {
        if condition() { return true }
        pause(milliseconds: 5)
    }
    return condition()
}

/// A bare TCP connection to a server, for what no client would send.
final class RawConnection: @unchecked Sendable {
    let socket: Int32

    init(_ port: UInt16) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
    }

    deinit { close() }

    private var isOpen = true

    func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    @discardableResult func write(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count }
    }

    /// Everything until the server closes.
    func readAll() -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = recv(socket, &chunk, chunk.count, 0)
            if got <= 0 { break }
            bytes += chunk[..<got]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What comes until `text` has.
    func read(until text: String) -> String {
        var all = ""
        var chunk = [UInt8](repeating: 0, count: 65536)
        while !all.contains(text) {
            let got = recv(socket, &chunk, chunk.count, 0)
            if got <= 0 { break }
            all += String(decoding: chunk[..<got], as: UTF8.self)
        }
        return all
    }

    /// Sends one request and returns the whole answer; asks for the connection to be closed.
    static func exchange(_ port: UInt16, _ request: String) throws -> String {
        let connection = try RawConnection(port)
        connection.write(request)
        return connection.readAll()
    }
}
