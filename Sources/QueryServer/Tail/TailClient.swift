import Bedrock
import Synchronization

/// One who follows logs: what waits for it, and what it has missed. Thread-safe.
///
/// A client that reads too slowly loses the oldest entries that wait for it, and is told how many; nobody else waits for it.
final class TailClient: Sendable {
    private static let toldMax = 100

    private struct State {
        var waiting: [TailChunk] = []
        var entries = 0
        var bytes = 0
        /// History is still being read: what comes meanwhile waits behind it.
        var isHeld: Bool
        var dropped = 0
        /// Of `dropped`, those that the client has been told of.
        var told = 0
        /// The first of the others, for it to see what it misses.
        var untold: [[UInt8]] = []
        var isAwaitingRoom = false
        var sentAt: UInt64
    }

    let outlet: any TailOutlet
    let encoding: LogValueEncoding
    /// Monotonic nanoseconds.
    let endsAt: UInt64
    private let delayNanoseconds: UInt64
    private let entriesMax: Int
    private let bytesMax: Int
    private let state: Mutex<State>

    init(
        _ outlet: any TailOutlet, encoding: LogValueEncoding, delaySeconds: Int, waitsForHistory: Bool,
        options: LogQueryOptions, now: UInt64
    ) {
        self.outlet = outlet
        self.encoding = encoding
        delayNanoseconds = UInt64(delaySeconds) * 1_000_000_000
        endsAt = now &+ UInt64(options.tailSecondsMax * 1e9)
        entriesMax = options.tailEntriesMax
        bytesMax = options.tailBytesMax
        state = Mutex(State(isHeld: waitsForHistory, sentAt: now))
    }

    var droppedCount: Int { state.withLock { $0.dropped } }

    /// Puts a chunk into the queue; returns how many older entries that pushed out.
    func push(_ chunk: TailChunk) -> Int {
        state.withLock { state in
            let before = state.dropped
            state.waiting.append(chunk)
            state.entries += chunk.count
            state.bytes += chunk.byteCount
            var first = 0
            while state.entries > entriesMax || state.bytes > bytesMax, first < state.waiting.count {
                let oldest = state.waiting[first]
                first += 1
                state.entries -= oldest.count
                state.bytes -= oldest.byteCount
                state.dropped += oldest.count
                state.untold += oldest.dropped(atMost: Self.toldMax - state.untold.count)
            }
            state.waiting.removeFirst(first)
            return state.dropped - before
        }
    }

    /// Entries that were lost before they could be filtered.
    func noteDropped(_ count: Int) { state.withLock { $0.dropped += count } }

    /// History has been read: it goes first, and what came meanwhile is not said twice. `dropped` entries of it did not fit.
    func release(history: [TailChunk], dropped: Int) {
        state.withLock { state in
            guard state.isHeld else { return }
            state.isHeld = false
            state.dropped += dropped
            let known = Set(history.flatMap(\.identities))
            state.waiting = history + state.waiting.compactMap { $0.without(known) }
            state.entries = state.waiting.reduce(0) { $0 + $1.count }
            state.bytes = state.waiting.reduce(0) { $0 + $1.byteCount }
        }
    }

    /// Sends what is due.
    /// - Parameter wake: called when the outlet has room again.
    /// - Returns: entries sent, and when the next chunk is due (monotonic nanoseconds), if any waits for its time.
    func pump(now: UInt64, wake: @escaping @Sendable () -> Void) -> (sent: Int, due: UInt64?) {
        var sent = 0
        while true {
            let next = state.withLock { state -> Message? in
                guard !state.isHeld, !state.isAwaitingRoom, let chunk = state.waiting.first,
                    chunk.arrivedAt &+ delayNanoseconds <= now
                else { return nil }
                return Message(
                    chunk: chunk, text: message(chunk, state, now: now), listed: state.untold.count,
                    dropped: state.dropped)
            }
            guard let next else { break }
            guard outlet.offer(next.text, id: next.chunk.newestTimestamp) else {
                state.withLock { $0.isAwaitingRoom = true }
                outlet.whenRoom(for: next.text.count) { [self] in
                    state.withLock { $0.isAwaitingRoom = false }
                    wake()
                }
                break
            }
            sent += next.chunk.count
            state.withLock { state in
                state.sentAt = now
                state.untold.removeFirst(next.listed)
                state.told = next.dropped
                // It may have been pushed out meanwhile; then it was sent and counted as dropped, which errs on the safe side.
                guard state.waiting.first === next.chunk else { return }
                state.waiting.removeFirst()
                state.entries -= next.chunk.count
                state.bytes -= next.chunk.byteCount
            }
        }
        return (
            sent,
            state.withLock { $0.isHeld || $0.isAwaitingRoom ? nil : $0.waiting.first?.arrivedAt }
                .map { $0 &+ delayNanoseconds }
        )
    }

    private struct Message {
        let chunk: TailChunk
        let text: [UInt8]
        /// What it tells of dropped entries: how many it lists, and how many there are in all.
        let listed: Int
        let dropped: Int
    }

    /// Sends a sign of life after a silence.
    func beat(now: UInt64, everyNanoseconds: UInt64) {
        let isDue = state.withLock { state -> Bool in
            guard now &- state.sentAt >= everyNanoseconds else { return false }
            state.sentAt = now
            return true
        }
        if isDue { outlet.beat() }
    }

    private func message(_ chunk: TailChunk, _ state: borrowing State, now: UInt64) -> [UInt8] {
        var text = Array("{\"streams\":".utf8)
        text.reserveCapacity(chunk.byteCount + 128)
        text += chunk.streams
        if !state.untold.isEmpty {
            text += Array(",\"dropped_entries\":[".utf8)
            text += state.untold.joined(separator: [UInt8(ascii: ",")])
            text.append(UInt8(ascii: "]"))
        }
        if encoding.isCategorized {
            let flags = encoding.flags.map { "\"\($0)\"" }.joined(separator: ",")
            text += Array(",\"encodingFlags\":[\(flags)]".utf8)
        }
        let lag = (now - min(chunk.arrivedAt, now)) / 1_000_000
        text += Array(
            ",\"dropped\":\(state.dropped - state.told),\"dropped_total\":\(state.dropped),\"lag_ms\":\(lag)}".utf8)
        return text
    }
}
