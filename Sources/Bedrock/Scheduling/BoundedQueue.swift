import Synchronization

/// A first-in, first-out queue of whole batches with a byte budget: many producers, one consumer, never blocks. Thread-safe.
///
/// Producers that find it full are told at once, so that they can answer "try again later" instead of piling up memory.
public final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var items: [(element: Element, bytes: Int)] = []
        var bytes = 0
        /// Promised to pushes to come.
        var reserved = 0
        var isClosed = false

        func hasRoom(for more: Int, within limit: Int) -> Bool {
            (items.isEmpty && reserved == 0) || bytes + reserved + more <= limit
        }
    }

    public enum PushOutcome: Equatable, Sendable {
        case pushed
        /// The budget is used up.
        case full
        /// Nobody will take it any more.
        case closed
    }

    /// Wakes the consumer after a push.
    public let waker: Waker
    public let byteCountMax: Int
    private let state = Mutex(State())

    public init(byteCountMax: Int, waker: Waker = Waker()) {
        precondition(byteCountMax > 0, "queue of \(byteCountMax) bytes")
        self.byteCountMax = byteCountMax
        self.waker = waker
    }

    /// Adds an element that weighs `bytes`. One that is heavier than the whole budget is taken when the queue is empty.
    public func tryPush(_ element: sending Element, bytes: Int) -> PushOutcome {
        precondition(bytes >= 0, "element of \(bytes) bytes")
        let item = (element: element, bytes: bytes)
        let outcome = state.withLock { state -> PushOutcome in
            if state.isClosed { return .closed }
            guard state.hasRoom(for: bytes, within: byteCountMax) else { return .full }
            state.items.append(item)
            state.bytes += bytes
            return .pushed
        }
        if outcome == .pushed { waker.wake() }
        return outcome
    }

    /// Sets room for `bytes` aside, so that who pushes to several queues can do it to all or to none. Followed by `push(reserved:)` or by
    /// `release`. The outcome `.pushed` says that the room is there.
    public func tryReserve(bytes: Int) -> PushOutcome {
        precondition(bytes >= 0, "element of \(bytes) bytes")
        return state.withLock { state in
            if state.isClosed { return .closed }
            guard state.hasRoom(for: bytes, within: byteCountMax) else { return .full }
            state.reserved += bytes
            return .pushed
        }
    }

    /// Gives reserved room back.
    public func release(reserved bytes: Int) { state.withLock { $0.reserved -= bytes } }

    /// Adds an element to the room reserved for it. False: the queue was closed meanwhile.
    public func push(reserved element: sending Element, bytes: Int) -> Bool {
        let item = (element: element, bytes: bytes)
        let isTaken = state.withLock { state -> Bool in
            state.reserved -= bytes
            if state.isClosed { return false }
            state.items.append(item)
            state.bytes += bytes
            return true
        }
        if isTaken { waker.wake() }
        return isTaken
    }

    /// Moves elements, oldest first, to the end of `target`: at least one if there is any, then while their weights stay within `bytes`.
    public func drain(into target: inout [Element], bytes limit: Int) {
        let taken = state.withLock { state -> ArraySlice<(element: Element, bytes: Int)> in
            var count = 0
            var weight = 0
            for item in state.items {
                if count > 0 && weight + item.bytes > limit { break }
                count += 1
                weight += item.bytes
            }
            let taken = state.items.prefix(count)
            state.items.removeFirst(count)
            state.bytes -= weight
            return taken
        }
        for item in taken { target.append(item.element) }
    }

    /// Refuses further pushes; what is inside can still be drained.
    public func close() {
        state.withLock { $0.isClosed = true }
        waker.wake()
    }

    public var count: Int { state.withLock { $0.items.count } }
    public var byteCount: Int { state.withLock { $0.bytes } }
    public var isClosed: Bool { state.withLock { $0.isClosed } }
}
