import Bedrock
import CMicroHTTPD
import Glibc
import Synchronization

/// One accepted connection and the request it is at. Everything is touched by its event-loop thread only, but for `phase`, `since`
/// and `pending`, which the server's watch reads.
final class ServerConnection: @unchecked Sendable {
    enum Phase: UInt8 {
        /// Accepted, nothing asked yet.
        case fresh
        /// Kept alive after an answer.
        case idle
        /// The request line is there.
        case head
        case body
        /// A route has the request.
        case handling
        case sending
        /// Sending an answer that is still being produced.
        case streaming
        /// Handed over to the websockets.
        case upgraded
        /// The watch has given up on it.
        case expired
    }

    /// Refused bodies up to this size are read to their end, so that the client gets its answer rather than a reset connection.
    private static let drainBytesMax = 256 << 10

    let handle: OpaquePointer
    let socket: Int32
    let peer: PeerAddress
    private let peerText: String
    /// Held while the connection is open.
    let server: ServerCore
    private let phaseBits = Atomic<UInt8>(Phase.fresh.rawValue)
    private let sinceNanoseconds: Atomic<UInt64>
    private let pendingExchange = Mutex<Exchange?>(nil)
    private let liveStream = Mutex<HTTPBodyStream?>(nil)
    private let liveWebSocket = Mutex<WebSocket?>(nil)

    // Of the current request.
    private var target: [UInt8] = []
    private var head: RequestHead?
    private var route: Router.Entry?
    private var stars: [String] = []
    private var coding = ContentCoding.identity
    private var refusal: Refusal?
    private var buffer: PooledBuffer?
    private var bodyBytes = 0
    private var startedAt: UInt64 = 0
    private var method = ""
    private var status = 0
    private var responseBytes = 0
    private var isHandedOver = false

    init(server: ServerCore, handle: OpaquePointer, socket: Int32, peer: PeerAddress) {
        self.server = server
        self.handle = handle
        self.socket = socket
        self.peer = peer
        peerText = peer.text
        sinceNanoseconds = Atomic(server.options.clock.monotonicNanoseconds())
    }

    /// The object behind a context that the library hands back.
    static func of(_ context: UnsafeMutableRawPointer) -> ServerConnection {
        Unmanaged<ServerConnection>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: For the watch

    var phase: Phase { Phase(rawValue: phaseBits.load(ordering: .acquiring)) ?? .expired }
    /// When the phase began, monotonic nanoseconds.
    var since: UInt64 { sinceNanoseconds.load(ordering: .relaxed) }
    /// The request a route has.
    var pending: Exchange? { pendingExchange.withLock { $0 } }
    /// The stream that is being sent.
    var stream: HTTPBodyStream? { liveStream.withLock { $0 } }
    /// What the connection becomes, or has become.
    var webSocket: WebSocket? { liveWebSocket.withLock { $0 } }

    /// Marks the connection as given up, if it is still in `phase`.
    func expire(from phase: Phase) -> Bool {
        phaseBits.compareExchange(
            expected: phase.rawValue, desired: Phase.expired.rawValue, ordering: .acquiringAndReleasing
        ).exchanged
    }

    // MARK: From the library

    /// The request line has come.
    func begin(target: UnsafePointer<CChar>) {
        reset()
        startedAt = server.options.clock.monotonicNanoseconds()
        _ = enter(.head)
        self.target.append(contentsOf: UnsafeRawBufferPointer(start: target, count: strlen(target)))
    }

    /// The headers are complete: decides whether the request may go on. False closes the connection.
    func receiveHead(method: String, version: String) -> Bool {
        guard enter(.body) else { return false }
        self.method = method
        do throws(Refusal) {
            try admit(method: method, version: version)
            return true
        } catch {
            refusal = error
            guard error.mustClose || !isWorthDraining else { return true }
            return send(encoder.encode(error.response, for: handle), closes: true)
        }
    }

    /// Body bytes have come. False closes the connection.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard phase == .body else { return false }
        bodyBytes += bytes.count
        if refusal == nil {
            if let limit = route?.bodyMax, bodyBytes > limit {
                refuse(.tooLarge(limit: limit))
            } else if !keep(bytes) {
                refuse(
                    .overloaded(
                        "too many request bodies in memory", retryAfterSeconds: server.options.retryAfterSeconds))
            }
        }
        guard let refusal, bodyBytes > Self.drainBytesMax + (route?.bodyMax ?? 0) else { return true }
        server.sendRaw(refusal.status, to: self)
        return false
    }

    /// The request is complete, or its answer has come. False closes the connection.
    func proceed() -> Bool {
        if let exchange = pending {
            guard exchange.isAnswered else {
                exchange.suspend()
                return true
            }
            return sendAnswer(of: exchange)
        }
        guard enter(.handling) else { return false }
        if let refusal { return send(encoder.encode(refusal.response, for: handle), closes: refusal.mustClose) }
        do throws(Refusal) {
            let request = try completeRequest()
            let exchange = Exchange(connection: handle, encoder: encoder, cancellation: request.cancellation)
            return hand(request, exchange)
        } catch {
            return send(encoder.encode(error.response, for: handle), closes: error.mustClose)
        }
    }

    /// The request is over, whether answered or not.
    func finish(isComplete: Bool) {
        guard startedAt != 0 else { return }
        if !isComplete { pending?.cancellation.cancel() }
        if let stream { responseBytes = stream.totalBytes - stream.bufferedBytes }
        let now = server.options.clock.monotonicNanoseconds()
        server.observer?.exchangeFinished(
            HTTPExchange(
                method: method, route: route?.pattern ?? "", status: status, requestBytes: bodyBytes,
                responseBytes: responseBytes, seconds: Double(now - startedAt) * 1e-9, isComplete: isComplete))
        reset()
        _ = enter(.idle)
    }

    /// The connection is about to be closed.
    func close() {
        pending?.cancellation.cancel()
        reset()
    }

    /// The answer that agrees to a websocket has been sent: the socket is now its own.
    func upgraded(socket: Int32, handle: UnsafeMutableRawPointer, early: [UInt8]) {
        guard let webSocket else { return cmhd_close_upgraded(handle) }
        isHandedOver = true
        server.webSockets.add(socket, handle: handle, early: early, webSocket)
    }

    // MARK: Steps

    private func admit(method name: String, version: String) throws(Refusal) {
        let headers = try readHeaders(
            handle, bytesMax: server.options.headerBytesMax, countMax: server.options.headersMax)
        let head = try RequestHead(
            method: name, version: version, target: target, headers: headers,
            parametersMax: server.options.parametersMax)
        self.head = head
        if server.needsClientCertificates, cmhd_peer_verified(handle) == 0 {
            throw Refusal(
                status: 403, type: "forbidden", text: "a client certificate of a known authority is needed",
                mustClose: true)
        }
        guard let method = HTTPMethod(rawValue: name) else {
            throw Refusal(status: 501, type: "bad_data", text: "method \(name) is not understood")
        }
        // A browser asks for permission before it sends a token.
        if server.needsToken, method != .options, !server.options.publicPaths.contains(head.path),
            !server.options.tokens.admit(headers["Authorization"])
        {
            throw Refusal(
                status: 401, type: "unauthorized", text: "a valid bearer token is needed",
                headers: ["WWW-Authenticate": "Bearer realm=\"obs\""])
        }
        try find(method, head)
        let announced = headers["Content-Encoding"] ?? ""
        let isDecoded = route?.decodesBody ?? true
        guard let coding = isDecoded ? ContentCoding(contentEncoding: announced) : .identity else {
            throw Refusal(
                status: 415, type: "bad_data", text: "Content-Encoding \(announced) is not understood",
                headers: ["Accept-Encoding": "zstd, gzip, deflate"])
        }
        self.coding = coding
        if case .length(let length) = head.framing, let limit = route?.bodyMax, length > limit {
            throw .tooLarge(limit: limit)
        }
    }

    private func find(_ method: HTTPMethod, _ head: RequestHead) throws(Refusal) {
        switch server.router.find(method, path: head.path, segments: { head.segments }) {
        case .route(let found, let stars):
            route = found
            self.stars = stars
        case .otherMethods(let methods):
            var names = methods.map(\.rawValue)
            if methods.contains(.get) { names.append("HEAD") }
            names.append("OPTIONS")
            let allowed = Set(names).sorted().joined(separator: ", ")
            if method == .options { throw Refusal(status: 204, type: "", text: "", headers: ["Allow": allowed]) }
            throw Refusal(
                status: 405, type: "bad_data", text: "method \(method.rawValue) is not allowed here, but \(allowed)",
                headers: ["Allow": allowed])
        case .nothing:
            if method == .options {
                throw Refusal(status: 204, type: "", text: "", headers: ["Allow": "GET, HEAD, OPTIONS, POST"])
            }
            throw Refusal(status: 404, type: "not_found", text: "there is nothing at \(head.path)")
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if buffer == nil {
            let hint = if case .length(let length) = head?.framing { length } else { bytes.count }
            buffer = server.bodies.take(hint: hint)
        }
        guard let buffer else { return false }
        return server.bodies.append(bytes, to: buffer)
    }

    private func refuse(_ refusal: Refusal) {
        self.refusal = refusal
        dropBuffer()
    }

    private var isWorthDraining: Bool {
        switch head?.framing {
        case nil: false
        case .some(.none), .some(.chunked): true
        case .length(let length): length <= Self.drainBytesMax && head?.headers["Expect"] == nil
        }
    }

    private func completeRequest() throws(Refusal) -> HTTPRequest {
        guard let head, let route, let method = HTTPMethod(rawValue: head.method) else {
            throw .malformed("the request has no head")
        }
        let body = try decodedBody(limit: route.bodyMax)
        var request = HTTPRequest(
            method: method, path: head.path, parameters: head.query, headers: head.headers, body: body, peer: peerText,
            cancellation: Cancellation(clock: server.options.clock))
        if body.count > 0, route.takesForms, Self.isForm(head.headers["Content-Type"]) {
            var parameters: [(name: String, value: String)] = []
            do throws(MalformedText) {
                let limit = server.options.parametersMax - head.query.count
                let bytes = UnsafeBufferPointer(
                    start: body.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: body.count)
                try PercentCoding.parseForm(bytes, into: &parameters, limit: limit)
            } catch {
                throw .badData(error.reason)
            }
            request.parameters = parameters + head.query
        }
        for star in stars { request.parameters.append(("*", star)) }
        return request
    }

    /// Takes the received bytes, decompressed.
    private func decodedBody(limit: Int) throws(Refusal) -> HTTPBody {
        guard let received = buffer else { return Self.emptyBody }
        buffer = nil
        guard coding != .identity else { return server.bodies.body(received) }
        defer { server.bodies.give(received) }
        let overloaded = Refusal.overloaded(
            "too many request bodies in memory", retryAfterSeconds: server.options.retryAfterSeconds)
        guard let plain = server.bodies.take(hint: min(limit, received.bytes.count * 4)) else { throw overloaded }
        do throws(CompressionError) {
            try coding.decode(received.bytes.bytes, into: &plain.bytes, limit: limit)
        } catch {
            server.bodies.give(plain)
            if case .tooLarge = error { throw .tooLarge(limit: limit) }
            throw .badData("\(error)")
        }
        guard server.bodies.recharge(plain) else {
            server.bodies.give(plain)
            throw overloaded
        }
        return server.bodies.body(plain)
    }

    private func hand(_ request: HTTPRequest, _ exchange: Exchange) -> Bool {
        guard let route else { return false }
        pendingExchange.withLock { $0 = exchange }
        let ticket = AnswerTicket(exchange)
        route.handler(request) { ticket.answer($0) }
        if exchange.isAnswered { return sendAnswer(of: exchange) }
        exchange.suspend()
        return true
    }

    private func sendAnswer(of exchange: Exchange) -> Bool {
        let wire = exchange.takeAnswer()
        pendingExchange.withLock { $0 = nil }
        return send(wire, closes: false)
    }

    private var encoder: ResponseEncoder {
        let headers = head?.headers ?? HTTPHeaders()
        var allowed: String?
        if !server.options.corsOrigins.isEmpty, let origin = headers["Origin"] {
            allowed = server.options.corsOrigins.first { $0 == "*" || $0 == origin }
        }
        return ResponseEncoder(
            acceptEncoding: headers["Accept-Encoding"], compressionMin: server.options.compressionMin,
            allowedOrigin: allowed)
    }

    private func send(_ wire: WireResponse?, closes: Bool) -> Bool {
        guard let wire, enter(wire.phase) else { return false }
        if wire.webSocket == nil, closes || server.isDraining { wire.add("Connection", "close") }
        status = wire.status
        responseBytes = wire.byteCount
        if let webSocket = wire.webSocket { liveWebSocket.withLock { $0 = webSocket } }
        if let stream = wire.stream {
            liveStream.withLock { $0 = stream }
            // Looked at after the stream can be seen, so that either this or the end of the server cancels it.
            if server.isEnding { stream.cancel() }
        }
        return cmhd_answer(handle, UInt32(clamping: wire.status), wire.handle) != 0
    }

    /// Goes on to `phase`, unless the watch has given up on the connection.
    private func enter(_ phase: Phase) -> Bool {
        sinceNanoseconds.store(server.options.clock.monotonicNanoseconds(), ordering: .relaxed)
        var current = phaseBits.load(ordering: .acquiring)
        while current != Phase.expired.rawValue {
            let (exchanged, original) = phaseBits.compareExchange(
                expected: current, desired: phase.rawValue, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            current = original
        }
        return false
    }

    private func dropBuffer() {
        if let buffer { server.bodies.give(buffer) }
        buffer = nil
    }

    private func reset() {
        pendingExchange.withLock { $0 = nil }
        liveStream.withLock { $0 = nil }
        if let webSocket {
            // Not yet handed over, so it never will be.
            if !isHandedOver { webSocket.end(code: 1006, reason: "the client has gone") }
            liveWebSocket.withLock { $0 = nil }
        }
        isHandedOver = false
        dropBuffer()
        // The head shares the target's bytes: without it they are not copied when the next target comes.
        head = nil
        target.removeAll(keepingCapacity: true)
        route = nil
        stars = []
        coding = .identity
        refusal = nil
        bodyBytes = 0
        startedAt = 0
        method = ""
        status = 0
        responseBytes = 0
    }

    private static let emptyBody = HTTPBody()

    private static func isForm(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let form = "application/x-www-form-urlencoded"
        return contentType.utf8.count >= form.utf8.count
            && contentType.utf8.prefix(form.utf8.count).elementsEqual(form.utf8, by: isSameLetter)
    }
}
