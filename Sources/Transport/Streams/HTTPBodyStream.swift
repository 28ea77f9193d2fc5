import Bedrock
import Synchronization

/// A body that is produced while it is sent: a bounded pipe between a producer and the server. Thread-safe.
///
/// Nothing here blocks. The producer offers pieces; when one is turned down, or before making more, it waits for `whenRoom`. A client that
/// hangs up, or takes nothing for too long (see `HTTPServerOptions`), ends the stream from the other side. A producer that is dropped
/// without `finish` or `fail` leaves the answer open until then: end what you begin.
public final class HTTPBodyStream: Sendable {
    public enum State: Sendable, Equatable {
        case open
        /// The producer has given everything; what is buffered may still be on its way.
        case finished
        /// The client has gone, the server stops, or the producer failed: nothing more will be sent.
        case cancelled
    }

    /// What the reading side gets.
    enum Taken: Equatable {
        case bytes(Int)
        /// Nothing yet; `wake` will be called.
        case nothing
        case ended
        case failed
    }

    private struct Contents {
        var state = State.open
        var pieces: [[UInt8]] = []
        /// The first of `pieces` not taken whole, and how much of it was.
        var next = 0
        var offset = 0
        var buffered = 0
        var total = 0
        /// Since when the reader has left bytes lying, monotonic nanoseconds.
        var stalledSince: UInt64?
        var isReaderAsleep = false
        var wake: (@Sendable () -> Void)?
        var room: (bytes: Int, call: @Sendable () -> Void)?

        func hasRoom(_ bytes: Int, of capacity: Int) -> Bool {
            buffered == 0 || (buffered <= capacity / 2 && buffered + bytes <= capacity)
        }
    }

    /// Bytes kept at most, save that a single piece may be bigger when nothing else is there.
    public let capacityBytes: Int
    /// Whether it has no natural end, like a log that is followed: then the server ends it as soon as it begins to stop, instead of waiting.
    public let isEndless: Bool
    private let clock: any ClockSource
    private let contents = Mutex(Contents())

    public init(capacityBytes: Int = 1 << 20, isEndless: Bool = false, clock: any ClockSource = SystemClock()) {
        self.capacityBytes = capacityBytes
        self.isEndless = isEndless
        self.clock = clock
    }

    // MARK: For the producer

    public var state: State { contents.withLock { $0.state } }
    /// Bytes that the client has not taken yet.
    public var bufferedBytes: Int { contents.withLock { $0.buffered } }
    /// Bytes given so far.
    public var totalBytes: Int { contents.withLock { $0.total } }

    /// Adds a piece; false, and nothing added, when there is no room or the stream is no longer open.
    public func offer(_ piece: [UInt8]) -> Bool {
        contents.withLock { contents in
            guard contents.state == .open else { return false }
            guard contents.buffered == 0 || contents.buffered + piece.count <= capacityBytes else { return false }
            guard !piece.isEmpty else { return true }
            if contents.buffered == 0 { contents.stalledSince = clock.monotonicNanoseconds() }
            contents.pieces.append(piece)
            contents.buffered += piece.count
            contents.total += piece.count
            Self.wakeReader(&contents)
            return true
        }
    }

    /// Calls `body` once, as soon as at most half the capacity is used and a piece of `bytes` would be taken, or the stream is no longer
    /// open: at once, or later on an event-loop thread, which it must not block. A second call replaces the first.
    public func whenRoom(for bytes: Int = 0, _ body: @escaping @Sendable () -> Void) {
        let isNow = contents.withLock { contents -> Bool in
            if contents.state != .open || contents.hasRoom(bytes, of: capacityBytes) { return true }
            contents.room = (bytes, body)
            return false
        }
        if isNow { body() }
    }

    /// Ends the body after what was given.
    public func finish() { end(.finished) }

    /// Breaks the answer off, so that the client can tell that it isn't whole.
    public func fail() { end(.cancelled) }

    private func end(_ state: State) {
        let room = contents.withLock { contents -> (@Sendable () -> Void)? in
            // What was sent whole stays finished, whatever becomes of the connection.
            guard contents.state == .open || (contents.state == .finished && contents.buffered > 0) else { return nil }
            contents.state = state
            if state == .cancelled {
                contents.pieces = []
                contents.next = 0
                contents.offset = 0
                contents.buffered = 0
                contents.stalledSince = nil
            }
            Self.wakeReader(&contents)
            defer { contents.room = nil }
            return contents.room?.call
        }
        room?()
    }

    /// Under the lock, so that no reader goes to sleep between the look and the call.
    private static func wakeReader(_ contents: inout Contents) {
        guard contents.isReaderAsleep else { return }
        contents.isReaderAsleep = false
        contents.wake?()
    }

    // MARK: For the reader

    /// Names what is called when a reader that got `.nothing` should come again. It is called under the stream's lock: it may not touch
    /// the stream.
    func attach(wake: @escaping @Sendable () -> Void) { contents.withLock { $0.wake = wake } }

    /// Moves bytes into `room`; `sleep` is called, under the stream's lock, when there are none yet.
    func take(into room: UnsafeMutableRawBufferPointer, sleep: () -> Void) -> Taken {
        let (taken, wakeProducer) = contents.withLock { contents -> (Taken, (@Sendable () -> Void)?) in
            guard contents.buffered > 0 else {
                switch contents.state {
                case .finished: return (.ended, nil)
                case .cancelled: return (.failed, nil)
                case .open:
                    contents.isReaderAsleep = true
                    sleep()
                    return (.nothing, nil)
                }
            }
            let count = Self.move(&contents, into: room)
            contents.stalledSince = contents.buffered > 0 ? clock.monotonicNanoseconds() : nil
            guard let room = contents.room, contents.hasRoom(room.bytes, of: capacityBytes) else {
                return (.bytes(count), nil)
            }
            contents.room = nil
            return (.bytes(count), room.call)
        }
        wakeProducer?()
        return taken
    }

    private static func move(_ contents: inout Contents, into room: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < room.count, contents.next < contents.pieces.count {
            let piece = contents.pieces[contents.next]
            let count = min(room.count - filled, piece.count - contents.offset)
            piece.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: room[filled..<filled + count])
                    .copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[contents.offset..<contents.offset + count]))
            }
            filled += count
            contents.offset += count
            if contents.offset == piece.count {
                contents.pieces[contents.next] = []
                contents.next += 1
                contents.offset = 0
            }
        }
        if contents.next == contents.pieces.count || contents.next >= 64 {
            contents.pieces.removeFirst(contents.next)
            contents.next = 0
        }
        contents.buffered -= filled
        return filled
    }

    /// Seconds that the reader has left bytes lying.
    func stalledSeconds(now: UInt64) -> Double {
        contents.withLock { contents in
            contents.stalledSince.map { Double(now - min($0, now)) * 1e-9 } ?? 0
        }
    }

    /// The client has gone, or the server gives up on it.
    func cancel() { end(.cancelled) }
}
