import Bedrock

/// Cuts the messages out of a syslog byte stream over TCP (RFC 6587): counted (`83 <34>1 …`) or ended by a line feed, told apart message by
/// message by their first byte. Pure: the caller feeds bytes and keeps what is left. A value type.
public struct SyslogFraming: Sendable {
    public enum Step: Equatable, Sendable {
        /// A message: these bytes of the input; the next begins at `next`.
        case message(Range<Int>, next: Int)
        /// More bytes are needed.
        case incomplete
        /// A message is over the limit, or a count is none: the stream can't be followed further.
        case broken(String)
    }

    /// Longest message, in bytes.
    public let messageBytesMax: Int

    public init(messageBytesMax: Int) { self.messageBytesMax = messageBytesMax }

    /// The message that begins at `start`.
    /// - Parameters:
    ///   - searched: so many bytes from `start` on are known to hold no line feed, from the call before, which found the message incomplete.
    ///   - isLast: no more bytes will come: what is there is a message without its line feed.
    public func next(_ bytes: UnsafeRawBufferPointer, from start: Int, searched: Int = 0, isLast: Bool) -> Step {
        guard start < bytes.count else { return .incomplete }
        if bytes[start] &- 49 < 9 { return counted(bytes, start, isLast: isLast) }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(messageBytesMax + 1).dropFirst(searched))
        if let found = rest.firstOffset(of: UnsafeRawBufferPointer("\n")) {
            let end = start + searched + found
            return .message(start..<end, next: end + 1)
        }
        if bytes.count - start > messageBytesMax {
            return .broken("a message is over the limit of \(messageBytesMax) bytes")
        }
        return isLast ? .message(start..<bytes.count, next: bytes.count) : .incomplete
    }

    private func counted(_ bytes: UnsafeRawBufferPointer, _ start: Int, isLast: Bool) -> Step {
        var i = start
        var length = 0
        while i < bytes.count, bytes[i] &- 48 < 10, i - start < 9 {
            length = length * 10 + Int(bytes[i] &- 48)
            i += 1
        }
        guard i < bytes.count else { return isLast ? .broken("the stream ends inside a message") : .incomplete }
        guard bytes[i] == UInt8(ascii: " ") else { return .broken("a message begins neither with < nor with a count") }
        guard length <= messageBytesMax else {
            return .broken("a message of \(length) bytes is over the limit of \(messageBytesMax)")
        }
        guard i + 1 + length <= bytes.count else {
            return isLast ? .broken("the stream ends inside a message") : .incomplete
        }
        return .message(i + 1..<i + 1 + length, next: i + 1 + length)
    }
}
