import Formats
import Transport

/// Where a tail's messages go: an event stream or a websocket. Thread-safe; nothing blocks.
protocol TailOutlet: Sendable {
    var isOpen: Bool { get }
    /// Sends a message (JSON); false when there is no room. `id` is where a client that reconnects goes on.
    func offer(_ message: [UInt8], id: Int64) -> Bool
    /// Calls `body` once when there is room for a message of so many bytes, or never will be.
    func whenRoom(for bytes: Int, _ body: @escaping @Sendable () -> Void)
    /// Shows that the server is there; needs no room.
    func beat()
    func end(_ reason: String)
}

struct EventStreamOutlet: TailOutlet {
    let stream: HTTPBodyStream

    var isOpen: Bool { stream.state == .open }

    func offer(_ message: [UInt8], id: Int64) -> Bool {
        stream.offer(ServerSentEvents.encode(id: String(id), data: message))
    }

    func whenRoom(for bytes: Int, _ body: @escaping @Sendable () -> Void) { stream.whenRoom(for: bytes + 64, body) }

    func beat() { _ = stream.offer(ServerSentEvents.heartbeat) }

    func end(_ reason: String) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("end", reason)
        writer.endObject()
        _ = stream.offer(ServerSentEvents.encode(name: "end", data: writer.finish()))
        stream.finish()
    }
}

struct WebSocketOutlet: TailOutlet {
    let socket: WebSocket

    var isOpen: Bool { socket.isOpen }

    func offer(_ message: [UInt8], id: Int64) -> Bool { socket.send(text: message) }

    func whenRoom(for bytes: Int, _ body: @escaping @Sendable () -> Void) { socket.whenEmpty(body) }

    /// Websockets have pings of their own.
    func beat() {}

    func end(_ reason: String) { socket.close(1000, reason: reason) }
}
