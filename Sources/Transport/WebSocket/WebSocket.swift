import Bedrock
import CMicroHTTPD
import Synchronization

/// How a websocket is kept in bounds.
public struct WebSocketOptions: Sendable {
    /// Largest message taken from the peer.
    public var messageBytesMax = 64 << 10
    /// Bytes waiting to be sent; further messages are turned down.
    public var queueBytesMax = 1 << 20
    /// Between pings; a peer silent for three of these is given up.
    public var pingSeconds = 20.0
    /// Longest time that bytes may wait without the peer's taking any.
    public var stallSecondsMax = 60.0

    public init() {}
}

/// What a websocket tells its owner, on the thread of all websockets: nothing may block it.
public protocol WebSocketDelegate: Sendable {
    /// The handshake is done.
    func webSocketOpened(_ socket: WebSocket)
    /// A whole message from the peer.
    func webSocket(_ socket: WebSocket, received message: WebSocket.Message)
    /// It is over; called exactly once, also when the handshake never came to an end. 1006: without a close frame.
    func webSocketClosed(_ socket: WebSocket, code: UInt16, reason: String)
}

extension WebSocketDelegate {
    public func webSocketOpened(_ socket: WebSocket) {}
    public func webSocket(_ socket: WebSocket, received message: WebSocket.Message) {}
}

/// The server's side of a websocket (RFC 6455). Thread-safe.
public final class WebSocket: @unchecked Sendable {
    public enum Message: Sendable, Equatable {
        case text([UInt8])
        case binary([UInt8])
    }

    struct Outgoing {
        var frames: [[UInt8]] = []
        /// Sent of the first frame.
        var offset = 0
        var bytes = 0
        var isClosing = false
        var isOver = false
        var isLost = false
        var refused = 0
        var room: (@Sendable () -> Void)?
        var loop: WebSocketLoop?
    }

    let options: WebSocketOptions
    let delegate: any WebSocketDelegate
    private let outgoing = Mutex(Outgoing())
    // Of the loop's thread alone.
    var decoder: WebSocketDecoder

    init(_ options: WebSocketOptions, _ delegate: any WebSocketDelegate) {
        self.options = options
        self.delegate = delegate
        decoder = WebSocketDecoder(messageBytesMax: options.messageBytesMax)
    }

    // MARK: For the owner

    public var isOpen: Bool { outgoing.withLock { !$0.isClosing && !$0.isOver } }
    /// Bytes that wait to be sent.
    public var bufferedBytes: Int { outgoing.withLock { $0.bytes } }
    /// Messages turned down because the queue was full.
    public var refusedCount: Int { outgoing.withLock { $0.refused } }

    /// Queues a message; false when the queue is full or the socket is closing. A message bigger than the queue goes through when nothing
    /// else is waiting. `text` must be UTF-8.
    public func send(text: [UInt8]) -> Bool { send(.text, text) }

    public func send(binary: [UInt8]) -> Bool { send(.binary, binary) }

    /// Calls `body` once, as soon as nothing waits any more, or the socket is over: at once, or later on the thread of all websockets. A
    /// second call replaces the first.
    public func whenEmpty(_ body: @escaping @Sendable () -> Void) {
        let isNow = outgoing.withLock { outgoing -> Bool in
            if outgoing.isOver || outgoing.isClosing || outgoing.bytes == 0 { return true }
            outgoing.room = body
            return false
        }
        if isNow { body() }
    }

    /// Says goodbye after what is queued; the peer has a second to answer.
    public func close(_ code: UInt16 = 1000, reason: String = "") {
        let loop = outgoing.withLock { outgoing -> WebSocketLoop? in
            guard !outgoing.isClosing, !outgoing.isOver else { return nil }
            outgoing.isClosing = true
            Self.append(WebSocketFrame.close(code, reason), &outgoing)
            return outgoing.loop
        }
        loop?.attend(to: self)
    }

    private func send(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) -> Bool {
        let (isTaken, loop) = outgoing.withLock { outgoing -> (Bool, WebSocketLoop?) in
            guard !outgoing.isClosing, !outgoing.isOver else { return (false, nil) }
            guard outgoing.bytes == 0 || outgoing.bytes + payload.count <= options.queueBytesMax else {
                outgoing.refused += 1
                return (false, nil)
            }
            Self.append(payload.withUnsafeBytes { WebSocketFrame.encode(opcode, $0) }, &outgoing)
            return (true, outgoing.loop)
        }
        loop?.attend(to: self)
        return isTaken
    }

    private static func append(_ frame: [UInt8], _ outgoing: inout Outgoing) {
        outgoing.frames.append(frame)
        outgoing.bytes += frame.count
    }

    // MARK: For the loop

    /// From now on what is queued is sent by `loop`.
    func begin(_ loop: WebSocketLoop) { outgoing.withLock { $0.loop = loop } }

    var isClosing: Bool { outgoing.withLock { $0.isClosing } }
    /// The connection is known to be gone.
    var isLost: Bool { outgoing.withLock { $0.isLost } }

    /// The connection has been seen to be gone.
    func lose() {
        let loop = outgoing.withLock { outgoing -> WebSocketLoop? in
            guard !outgoing.isLost else { return nil }
            outgoing.isLost = true
            return outgoing.loop
        }
        loop?.attend(to: self)
    }

    /// Queues a control frame, whatever else waits: a peer that asks for more answers than it takes is closed by its stall.
    func control(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) {
        let frame = payload.withUnsafeBytes { WebSocketFrame.encode(opcode, $0) }
        outgoing.withLock { outgoing in
            guard !outgoing.isOver, outgoing.bytes + frame.count <= options.queueBytesMax + (64 << 10) else { return }
            Self.append(frame, &outgoing)
        }
    }

    enum Flushed {
        /// Nothing waits any more.
        case all
        /// The peer takes no more now; whether it took anything.
        case blocked(progressed: Bool)
        case failed
    }

    /// Writes what the peer takes: `write` returns bytes written, 0 when it would block, -1 when the connection is gone.
    func flush(_ write: (UnsafeRawBufferPointer) -> Int) -> Flushed {
        let (flushed, room) = outgoing.withLock { outgoing -> (Flushed, (@Sendable () -> Void)?) in
            var progressed = false
            var sent = 0
            defer { outgoing.frames.removeFirst(sent) }
            while sent < outgoing.frames.count {
                let frame = outgoing.frames[sent]
                let count = frame.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[outgoing.offset...])) }
                if count < 0 { return (.failed, nil) }
                if count == 0 { return (.blocked(progressed: progressed), nil) }
                progressed = true
                outgoing.offset += count
                outgoing.bytes -= count
                if outgoing.offset == frame.count {
                    outgoing.offset = 0
                    sent += 1
                }
            }
            defer { outgoing.room = nil }
            return (.all, outgoing.room)
        }
        room?()
        return flushed
    }

    /// The connection is over, or never began.
    func end(code: UInt16, reason: String) {
        let (isFirst, room) = outgoing.withLock { outgoing -> (Bool, (@Sendable () -> Void)?) in
            guard !outgoing.isOver else { return (false, nil) }
            outgoing.isOver = true
            outgoing.frames = []
            outgoing.bytes = 0
            outgoing.loop = nil
            defer { outgoing.room = nil }
            return (true, outgoing.room)
        }
        room?()
        if isFirst { delegate.webSocketClosed(self, code: code, reason: reason) }
    }
}

extension HTTPResponse {
    /// Agrees to the websocket that `request` asks for, or says why not (400, 426). The socket opens once this answer has been sent.
    public static func webSocket(
        _ request: HTTPRequest, options: WebSocketOptions = WebSocketOptions(), _ delegate: any WebSocketDelegate
    ) -> HTTPResponse {
        guard request.method == .get else { return .error(400, "bad_data", "a websocket begins with GET") }
        guard request.asksForWebSocket else {
            return .error(400, "bad_data", "this is a websocket: Upgrade and Connection headers are missing")
        }
        guard request.headers["Sec-WebSocket-Version"] == "13" else {
            var response = HTTPResponse.error(426, "bad_data", "the websocket version understood is 13")
            response.headers["Sec-WebSocket-Version"] = "13"
            return response
        }
        var accept = [CChar](repeating: 0, count: 29)
        guard let key = request.headers["Sec-WebSocket-Key"], key.utf8.count == 24, key.hasSuffix("=="),
            cmhd_websocket_accept(key, &accept) != 0
        else { return .error(400, "bad_data", "Sec-WebSocket-Key is not 16 bytes in base64") }
        let text = String(decoding: accept.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var response = HTTPResponse(
            status: 101, headers: ["Upgrade": "websocket", "Sec-WebSocket-Accept": text])
        response.webSocket = WebSocket(options, delegate)
        return response
    }
}

extension HTTPRequest {
    /// Whether the client wants the connection to become a websocket.
    public var asksForWebSocket: Bool {
        Self.names("websocket", in: headers["Upgrade"]) && Self.names("upgrade", in: headers["Connection"])
    }

    private static func names(_ token: String, in list: String?) -> Bool {
        guard let list else { return false }
        return list.utf8.split(separator: UInt8(ascii: ",")).contains { item in
            let bare = item.filter { $0 != 0x20 && $0 != 0x09 }
            return bare.count == token.utf8.count && bare.elementsEqual(token.utf8, by: isSameLetter)
        }
    }
}
