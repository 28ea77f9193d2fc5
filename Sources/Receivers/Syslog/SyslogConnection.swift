import Bedrock
import Formats
import Glibc
import Transport

/// One sender over TCP: its socket, and the bytes of it that are no whole message yet. Used by one thread.
final class SyslogConnection {
    enum Outcome {
        /// Everything that came is handed on.
        case drained
        /// The batch is full; `resume` goes on.
        case stalled
        case ended
        /// The stream can't be followed further, and why.
        case broken(String)
    }

    let socket: Int32
    /// The sender's address as text.
    let peer: [UInt8]
    var lastActive: UInt64
    private var buffer = ByteBuffer(capacity: 4096)
    private let framing: SyslogFraming
    private var isEnded = false
    /// Bytes of the buffer that hold no line feed.
    private var searched = 0

    /// An empty buffer larger than this is let go.
    private static let keptBytesMax = 256 << 10
    /// Reads in a row, so that one sender doesn't keep the others waiting.
    private static let readsMax = 8

    init(_ socket: Int32, peer: [UInt8], messageBytesMax: Int, now: UInt64) {
        self.socket = socket
        self.peer = peer
        framing = SyslogFraming(messageBytesMax: messageBytesMax)
        lastActive = now
    }

    deinit { close(socket) }

    var bufferedBytes: Int { buffer.allocatedBytes }

    /// Reads what is there, and hands on the messages.
    /// - Parameters:
    ///   - room: to read into.
    ///   - received: told how many bytes came.
    func read(
        through room: UnsafeMutableRawBufferPointer, into batcher: SyslogBatcher, now: UInt64, received: (Int) -> Void
    ) -> Outcome {
        for _ in 0..<Self.readsMax {
            let count = recv(socket, room.baseAddress, room.count, 0)
            if count < 0 {
                if errno == EAGAIN || errno == EINTR { return .drained }
                isEnded = true
            } else if count == 0 {
                isEnded = true
            } else {
                lastActive = now
                received(count)
                buffer.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<count]))
            }
            let outcome = resume(into: batcher)
            guard case .drained = outcome else { return outcome }
        }
        return .drained
    }

    /// Hands on the messages that have been read.
    func resume(into batcher: SyslogBatcher) -> Outcome {
        var at = 0
        var outcome = isEnded ? Outcome.ended : .drained
        loop: while true {
            if batcher.isFull {
                outcome = .stalled
                break
            }
            switch framing.next(buffer.bytes, from: at, searched: searched, isLast: isEnded) {
            case .message(let range, let next):
                at = next
                searched = 0
                // Senders that count may end the message with a line feed all the same, and others send empty lines.
                var message = UnsafeRawBufferPointer(rebasing: buffer.bytes[range])
                if message.last == UInt8(ascii: "\n") { message = UnsafeRawBufferPointer(rebasing: message.dropLast()) }
                if !message.isEmpty { batcher.add(message, peer: peer) }
            case .incomplete:
                searched = buffer.count - at
                break loop
            case .broken(let why):
                outcome = .broken(why)
                break loop
            }
        }
        drop(at)
        return outcome
    }

    /// Forgets the first `count` bytes.
    private func drop(_ count: Int) {
        guard count > 0 else { return }
        let rest = buffer.count - count
        if rest == 0, buffer.allocatedBytes > Self.keptBytesMax {
            buffer = ByteBuffer(capacity: 4096)
            return
        }
        if rest > 0, let base = buffer.mutableBytes.baseAddress { memmove(base, base + count, rest) }
        buffer.truncate(to: rest)
    }
}
