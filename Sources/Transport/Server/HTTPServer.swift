import Bedrock
import CMicroHTTPD
import Glibc
import Synchronization

/// An HTTP/1.1 server: event-loop threads that receive whole requests, hand them to routes, and send the answers whenever they come.
///
/// Routes are called on event-loop threads and must not block; while they work elsewhere, the connection sleeps. Thread-safe.
public final class HTTPServer: Sendable {
    private let core: ServerCore

    public init(_ options: HTTPServerOptions, routes: [HTTPRoute], observer: (any HTTPServerObserver)? = nil) {
        core = ServerCore(options: options, router: Router(routes), observer: observer)
    }

    deinit { core.shutdown(deadlineSeconds: 0) }

    /// Starts listening. To be called once.
    public func start() throws(HTTPServerError) { try core.start() }

    /// The port listened on; 0 before `start`.
    public var port: UInt16 { core.port }

    /// Host and port listened on.
    public var address: ListenAddress { ListenAddress(core.options.listen.host, core.port) }

    /// Base of the URLs of this server.
    public var url: String { "\(core.options.tls == nil ? "http" : "https")://\(address)" }

    public var connectionCount: Int { core.connections.count }

    /// Websockets that are open.
    public var webSocketCount: Int { core.webSockets.count }

    /// Memory of request bodies in flight, bytes.
    public var bodyBytesInUse: Int { core.bodies.usedBytes }

    /// Stops accepting, lets requests in flight finish for up to `deadlineSeconds`, cancels and answers the rest with 503, and closes.
    /// Streams without a natural end are ended at once, websockets are told that the server goes away.
    /// Returns whether everything in flight had finished by itself. Later calls do nothing.
    @discardableResult public func shutdown(deadlineSeconds: Double = 10) -> Bool {
        core.shutdown(deadlineSeconds: deadlineSeconds)
    }
}

/// What the event-loop threads, the watch and the handle share.
final class ServerCore: @unchecked Sendable {
    private static let lookMilliseconds = 50

    let options: HTTPServerOptions
    let router: Router
    let observer: (any HTTPServerObserver)?
    let needsToken: Bool
    let needsClientCertificates: Bool
    let connections = ConnectionTable()
    let bodies: BodyPool
    let webSockets: WebSocketLoop
    private let draining = Atomic<Bool>(false)
    private let ending = Atomic<Bool>(false)
    private let isWatching = Atomic<Bool>(true)
    private let boundTo = Atomic<UInt16>(0)
    private let complaints = Mutex<[String]>([])
    private let running = Mutex<Running?>(nil)

    private struct Running: @unchecked Sendable {
        let daemon: OpaquePointer
        let watch: Thread
    }

    init(options: HTTPServerOptions, router: Router, observer: (any HTTPServerObserver)?) {
        self.options = options
        self.router = router
        self.observer = observer
        needsToken = !options.tokens.isEmpty
        needsClientCertificates = options.tls?.clientAuthorities != nil
        bodies = BodyPool(budgetBytes: options.bodyBudgetBytes)
        webSockets = WebSocketLoop(clock: options.clock)
    }

    var port: UInt16 { boundTo.load(ordering: .relaxed) }
    /// No more requests are taken, those in flight go on.
    var isDraining: Bool { draining.load(ordering: .relaxed) }
    /// Nothing goes on any more.
    var isEnding: Bool { ending.load(ordering: .sequentiallyConsistent) }

    func start() throws(HTTPServerError) {
        try options.listen.checkExposure(
            hasToken: !options.tokens.isEmpty, hasTLS: options.tls != nil, insecure: options.isInsecure)
        let listener = try options.listen.bound(backlog: 1024)
        boundTo.store(boundPort(listener), ordering: .relaxed)
        guard let daemon = startDaemon(listener) else {
            close(listener)
            let why = complaints.withLock { $0.joined(separator: " ") }
            throw .cannotStart(
                "cannot start the server at \(options.listen): \(why.isEmpty ? "out of resources" : why)")
        }
        guard let watch = Thread({ [self] in watchConnections() }) else {
            cmhd_stop(daemon)
            release()
            throw .cannotStart("cannot start the server at \(options.listen): no thread to be had")
        }
        running.withLock { $0 = Running(daemon: daemon, watch: watch) }
    }

    @discardableResult func shutdown(deadlineSeconds: Double) -> Bool {
        let taken = running.withLock { running -> Running? in
            defer { running = nil }
            return running
        }
        guard let taken else { return true }
        draining.store(true, ordering: .relaxed)
        webSockets.sayGoodbye()
        let listener = cmhd_quiesce(taken.daemon)
        if listener >= 0 { close(listener) }
        let deadline = options.clock.monotonicNanoseconds() &+ UInt64(max(0, min(deadlineSeconds, 86_400)) * 1e9)
        while connections.count > 0, options.clock.monotonicNanoseconds() < deadline { pause(milliseconds: 5) }
        let isClean = !hasRequests
        isWatching.store(false, ordering: .relaxed)
        taken.watch.join()
        ending.store(true, ordering: .sequentiallyConsistent)
        webSockets.stop()
        endRequests()
        cmhd_stop(taken.daemon)
        release()
        return isClean
    }

    /// A bare status line in place of a real answer, where the library is not in a state to send one. Plain HTTP only.
    func sendRaw(_ status: Int, to connection: ServerConnection) {
        guard options.tls == nil else { return }
        let text = "HTTP/1.1 \(status) \(Self.reason(status))\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        _ = Array(text.utf8).withUnsafeBytes { send(connection.socket, $0.baseAddress, $0.count, flags) }
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        default: "Error"
        }
    }

    private func watchConnections() {
        let watch = ConnectionWatch(server: self)
        while isWatching.load(ordering: .relaxed) {
            pause(milliseconds: Self.lookMilliseconds)
            if connections.count > 0 { watch.look(now: options.clock.monotonicNanoseconds(), closesIdle: isDraining) }
        }
    }

    private var hasRequests: Bool {
        var found = false
        connections.withAll { all in
            found = all.contains { $0.map { ![.fresh, .idle, .expired].contains($0.phase) } ?? false }
        }
        return found
    }

    /// Answers what is still with a route, and breaks off what is still being produced: the library can't be stopped while a connection sleeps.
    private func endRequests() {
        defer { for _ in 0..<40 where hasRequests { pause(milliseconds: 5) } }
        while true {
            var exchanges: [Exchange] = []
            var streams: [HTTPBodyStream] = []
            connections.withAll { all in
                exchanges = all.compactMap { $0?.pending }
                streams = all.compactMap { $0?.stream }
            }
            exchanges.removeAll { $0.isAnswered }
            for stream in streams { stream.cancel() }
            if exchanges.isEmpty { return }
            for exchange in exchanges {
                exchange.cancellation.cancel()
                exchange.answer(.error(503, "unavailable", "the server is shutting down"))
            }
            pause(milliseconds: 1)
        }
    }

    private func admits(_ address: UnsafePointer<sockaddr>?) -> Bool {
        guard let address else { return false }
        let host = PeerAddress(address).host
        if connections.count < options.connectionsMax, connections.countOf(host) < options.connectionsPerPeerMax {
            return true
        }
        observer?.connectionRefused()
        return false
    }

    private func opened(
        _ handle: OpaquePointer?, _ socket: Int32, _ address: UnsafePointer<sockaddr>?
    ) -> UnsafeMutableRawPointer? {
        guard let handle, let address else { return nil }
        let connection = ServerConnection(server: self, handle: handle, socket: socket, peer: PeerAddress(address))
        connections.add(connection)
        observer?.connectionOpened()
        return Unmanaged.passRetained(connection).toOpaque()
    }

    private func closed(_ connection: ServerConnection) {
        connection.close()
        connections.remove(connection)
        observer?.connectionClosed()
    }

    /// Keeps what the library has to say of a failed start.
    private func complain(_ text: String) {
        complaints.withLock { if $0.count < 8 { $0.append(text.filter { $0 != "\n" }) } }
    }

    private static func of(_ core: UnsafeMutableRawPointer?) -> ServerCore? {
        core.map { Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Gives up the reference that the daemon's callbacks held.
    private func release() { Unmanaged.passUnretained(self).release() }

    private func withTLS<R>(
        _ body: (UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> R
    ) -> R {
        guard let tls = options.tls else { return body(nil, nil, nil) }
        return tls.certificate.withCString { certificate in
            tls.key.withCString { key in
                guard let authorities = tls.clientAuthorities else { return body(certificate, key, nil) }
                return authorities.withCString { body(certificate, key, $0) }
            }
        }
    }

    private func startDaemon(_ listener: Int32) -> OpaquePointer? {
        var callbacks = cmhd_callbacks()
        callbacks.admit = { core, address in ServerCore.of(core)?.admits(address) ?? false ? 1 : 0 }
        callbacks.opened = { core, handle, socket, address in ServerCore.of(core)?.opened(handle, socket, address) }
        callbacks.closed = { context in
            guard let context else { return }
            let connection = Unmanaged<ServerConnection>.fromOpaque(context).takeRetainedValue()
            connection.server.closed(connection)
        }
        callbacks.line = { context, target in
            guard let context, let target else { return }
            ServerConnection.of(context).begin(target: target)
        }
        callbacks.request = { context, method, version, data, count, isFirst in
            guard let context, let method, let version, let count else { return 0 }
            let connection = ServerConnection.of(context)
            if isFirst != 0 {
                return connection.receiveHead(method: String(cString: method), version: String(cString: version))
                    ? 1 : 0
            }
            if count.pointee > 0 {
                let bytes = UnsafeRawBufferPointer(start: data, count: count.pointee)
                count.pointee = 0
                return connection.receive(bytes) ? 1 : 0
            }
            return connection.proceed() ? 1 : 0
        }
        callbacks.completed = { context, isClean in
            guard let context else { return }
            ServerConnection.of(context).finish(isComplete: isClean != 0)
        }
        callbacks.log = { core, text in
            guard let text else { return }
            ServerCore.of(core)?.complain(String(cString: text))
        }
        let context = Unmanaged.passRetained(self)
        let daemon = withTLS { certificate, key, authorities in
            var settings = cmhd_settings(
                listener: listener, threads: UInt32(max(1, options.threads)),
                connections_max: UInt32(clamping: options.connectionsMax * (options.threads + 1)),
                connection_memory: max(32 << 10, options.headerBytesMax * 2), certificate: certificate, key: key,
                client_authorities: authorities)
            return cmhd_start(&settings, &callbacks, context.toOpaque())
        }
        if daemon == nil { context.release() }
        return daemon
    }
}
