import Bedrock

/// Frames as RFC 6455 §5 lays them out.
enum WebSocketFrame {
    enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    /// Longest payload of a control frame.
    static let controlBytesMax = 125

    /// One whole frame from a server: final, not masked.
    static func encode(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(payload.count + 10)
        frame.append(0x80 | opcode.rawValue)
        switch payload.count {
        case ...125: frame.append(UInt8(payload.count))
        case ...0xFFFF:
            frame.append(126)
            appendBigEndian(UInt16(payload.count), to: &frame)
        default:
            frame.append(127)
            appendBigEndian(UInt64(payload.count), to: &frame)
        }
        frame.append(contentsOf: payload)
        return frame
    }

    /// A close frame: code and reason, cut to what fits.
    static func close(_ code: UInt16, _ reason: String) -> [UInt8] {
        var payload: [UInt8] = []
        appendBigEndian(code, to: &payload)
        for character in reason where payload.count + character.utf8.count <= controlBytesMax {
            payload.append(contentsOf: character.utf8)
        }
        return payload.withUnsafeBytes { encode(.close, $0) }
    }

    private static func appendBigEndian<T: FixedWidthInteger>(_ value: T, to frame: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { frame.append(contentsOf: $0) }
    }
}

/// What a peer did against the protocol: ends the connection with this code.
struct WebSocketViolation: Error, Equatable {
    let code: UInt16
    let reason: String

    static func malformed(_ reason: String) -> WebSocketViolation { WebSocketViolation(code: 1002, reason: reason) }
}
