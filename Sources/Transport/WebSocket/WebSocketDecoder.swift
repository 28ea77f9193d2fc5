import Bedrock

/// Puts a peer's frames together to messages. A pure state machine: bytes in, events out. One owner.
struct WebSocketDecoder {
    enum Event: Equatable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case pong
        /// 1005 when the peer gave no code.
        case close(code: UInt16, reason: String)
    }

    private let messageBytesMax: Int
    /// Clients mask, servers don't.
    private let expectsMasks: Bool
    /// The head of a frame, not yet complete.
    private var head: [UInt8] = []
    private var frame: Frame?
    private var payload: [UInt8] = []
    /// The message that fragments have begun.
    private var messageOpcode: WebSocketFrame.Opcode?
    private var message: [UInt8] = []

    private struct Frame {
        var opcode: WebSocketFrame.Opcode
        var isFinal: Bool
        var length: Int
        var mask: [UInt8]
    }

    init(messageBytesMax: Int, expectsMasks: Bool = true) {
        self.messageBytesMax = messageBytesMax
        self.expectsMasks = expectsMasks
    }

    /// Takes what has come; calls `event` for each whole message and control frame.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ event: (Event) throws(WebSocketViolation) -> Void
    ) throws(WebSocketViolation) {
        var at = 0
        while at < bytes.count || frame?.length == payload.count {
            guard let current = frame else {
                head.append(bytes[at])
                at += 1
                frame = try parseHead()
                if frame != nil { head.removeAll(keepingCapacity: true) }
                continue
            }
            let count = min(bytes.count - at, current.length - payload.count)
            take(bytes, at: at, count: count, mask: current.mask)
            at += count
            guard payload.count == current.length else { return }
            frame = nil
            let whole = payload
            payload = []
            try finish(current, whole, event)
        }
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer, at: Int, count: Int, mask: [UInt8]) {
        guard !mask.isEmpty else { return payload.append(contentsOf: bytes[at..<at + count]) }
        for i in 0..<count { payload.append(bytes[at + i] ^ mask[payload.count & 3]) }
    }

    private mutating func finish(
        _ frame: Frame, _ payload: [UInt8], _ event: (Event) throws(WebSocketViolation) -> Void
    ) throws(WebSocketViolation) {
        switch frame.opcode {
        case .ping: try event(.ping(payload))
        case .pong: try event(.pong)
        case .close: try event(try Self.close(payload))
        case .text, .binary, .continuation:
            if frame.opcode != .continuation { messageOpcode = frame.opcode }
            guard let opcode = messageOpcode else { throw .malformed("a continuation without a beginning") }
            message.append(contentsOf: payload)
            guard frame.isFinal else { return }
            let whole = message
            message = []
            messageOpcode = nil
            if opcode == .binary { return try event(.binary(whole)) }
            guard Self.isText(whole) else {
                throw WebSocketViolation(code: 1007, reason: "a text message is not UTF-8")
            }
            try event(.text(whole))
        }
    }

    /// The frame that `head` describes; nil while bytes of it are missing.
    private func parseHead() throws(WebSocketViolation) -> Frame? {
        guard head.count >= 2 else { return nil }
        guard head[0] & 0x70 == 0 else { throw .malformed("a reserved bit is set") }
        guard let opcode = WebSocketFrame.Opcode(rawValue: head[0] & 0xF) else { throw .malformed("unknown opcode") }
        let isFinal = head[0] & 0x80 != 0
        let isMasked = head[1] & 0x80 != 0
        guard isMasked == expectsMasks else { throw .malformed("frames of a client, and only those, are masked") }
        let short = head[1] & 0x7F
        let lengthBytes = short == 127 ? 8 : short == 126 ? 2 : 0
        let size = 2 + lengthBytes + (isMasked ? 4 : 0)
        if opcode.rawValue >= 8 {
            guard isFinal, lengthBytes == 0 else { throw .malformed("a control frame is fragmented or too long") }
        } else if (opcode == .continuation) != (messageOpcode != nil) {
            throw .malformed("fragments of messages are mixed up")
        }
        guard head.count >= size else { return nil }
        var length = UInt64(short)
        if lengthBytes > 0 { length = head[2..<2 + lengthBytes].reduce(0) { $0 << 8 | UInt64($1) } }
        guard length <= UInt64(max(0, messageBytesMax - message.count)) || opcode.rawValue >= 8 else {
            throw WebSocketViolation(code: 1009, reason: "a message is over \(messageBytesMax) bytes")
        }
        return Frame(
            opcode: opcode, isFinal: isFinal, length: Int(length),
            mask: isMasked ? Array(head[(2 + lengthBytes)..<size]) : [])
    }

    private static func close(_ payload: [UInt8]) throws(WebSocketViolation) -> Event {
        guard payload.count >= 2 else {
            if payload.isEmpty { return .close(code: 1005, reason: "") }
            throw .malformed("a close frame holds half a code")
        }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        let reason = Array(payload[2...])
        guard (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code) else {
            throw .malformed("close code \(code) may not be sent")
        }
        guard isText(reason) else { throw WebSocketViolation(code: 1007, reason: "a reason is not UTF-8") }
        return .close(code: code, reason: String(decoding: reason, as: UTF8.self))
    }

    private static func isText(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { UTF8Text.isValid($0) } }
}
