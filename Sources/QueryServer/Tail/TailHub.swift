import Bedrock
import LogQL
import Model
import Synchronization

/// All tails of a server: one reader a query, one thread for all of them. Thread-safe.
final class TailHub: Sendable {
    private static let beatNanoseconds: UInt64 = 15_000_000_000
    /// Between looks at clients that may have gone.
    private static let lookNanoseconds: UInt64 = 500_000_000

    private struct Group {
        let reader: TailReader
        var clients: [TailClient]
    }

    private struct State {
        var groups: [TailReader.Key: Group] = [:]
        var clientCount = 0
        var isStarted = false
        var isStopped = false
    }

    private let feed: any LogFeed
    private let options: LogQueryOptions
    private let clock: any ClockSource
    private let state = Mutex(State())
    private let runner = ThreadRunner()
    private let waker = Waker()
    private let sent = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)

    init(_ feed: any LogFeed, options: LogQueryOptions, clock: any ClockSource) {
        self.feed = feed
        self.options = options
        self.clock = clock
    }

    var clientCount: Int { state.withLock { $0.clientCount } }
    var readerCount: Int { state.withLock { $0.groups.count } }
    /// Entries sent to clients, and entries dropped on the way.
    var sentCount: Int { sent.load(ordering: .relaxed) }
    var droppedCount: Int { dropped.load(ordering: .relaxed) }

    func wake() { waker.wake() }

    /// Lets a client follow `query`.
    /// - Throws: 429 when there are too many.
    func join(_ client: TailClient, tenant: Tenant, _ query: LogQuery) throws {
        let key = TailReader.Key(tenant: tenant, query: query.description, encoding: client.encoding)
        let fresh = try TailReader(key, query, backlogBytesMax: options.tailBacklogBytesMax, clock: clock)
        try state.withLock { state in
            guard !state.isStopped else { throw LokiError(503, "the server is stopping") }
            guard state.clientCount < options.tailsMax else {
                throw LokiError(
                    429,
                    "max concurrent tail requests limit exceeded, count > limit (\(state.clientCount + 1) > \(options.tailsMax))"
                )
            }
            state.clientCount += 1
            if !state.isStarted {
                state.isStarted = true
                runner.start(TailPump(self, waker))
            }
            if state.groups[key] != nil {
                state.groups[key]?.clients.append(client)
            } else {
                // Inside the lock, so that whoever joins next can rely on it.
                fresh.begin(feed) { [waker] in waker.wake() }
                state.groups[key] = Group(reader: fresh, clients: [client])
            }
        }
    }

    /// Ends all tails and the thread.
    func stop() {
        runner.stop()
        let groups = state.withLock { state in
            state.isStopped = true
            defer {
                state.groups = [:]
                state.clientCount = 0
            }
            return state.groups
        }
        for group in groups.values {
            group.reader.end()
            for client in group.clients { client.outlet.end("the server is stopping") }
        }
    }

    /// One round of the thread: filters, sends, and lets go of those who have left.
    /// - Returns: nanoseconds until there may be something to do, unless woken.
    fileprivate func round() -> UInt64 {
        let groups = state.withLock { Array($0.groups.values) }
        let now = clock.monotonicNanoseconds()
        var next = Self.lookNanoseconds
        for group in groups {
            let (chunks, lost) = group.reader.drain()
            // Asked for after draining: who joined before gets the chunks, who joins from now on finds them stored.
            let clients = clients(of: group.reader)
            for client in clients {
                var missed = lost
                if lost > 0 { client.noteDropped(lost) }
                for chunk in chunks { missed += client.push(chunk) }
                dropped.add(missed, ordering: .relaxed)
                let (count, due) = client.pump(now: now) { [waker] in waker.wake() }
                sent.add(count, ordering: .relaxed)
                if let due { next = min(next, due > now ? due - now : 0) }
                client.beat(now: now, everyNanoseconds: Self.beatNanoseconds)
                if now >= client.endsAt { client.outlet.end("tails last \(Int(options.tailSecondsMax)) s; ask again") }
            }
            if clients.contains(where: { !$0.outlet.isOpen }) { removeGone(of: group.reader) }
        }
        return next
    }

    private func clients(of reader: TailReader) -> [TailClient] {
        state.withLock { state in
            guard let group = state.groups[reader.key], group.reader === reader else { return [] }
            return group.clients
        }
    }

    private func removeGone(of reader: TailReader) {
        let isUnused = state.withLock { state -> Bool in
            guard let group = state.groups[reader.key], group.reader === reader else { return false }
            let left = group.clients.filter(\.outlet.isOpen)
            state.clientCount -= group.clients.count - left.count
            state.groups[reader.key]?.clients = left
            if left.isEmpty { state.groups[reader.key] = nil }
            return left.isEmpty
        }
        if isUnused { reader.end() }
    }
}

/// The thread of all tails.
private final class TailPump: Worker {
    let name = "tails"
    let waker: Waker?
    private unowned let hub: TailHub

    init(_ hub: TailHub, _ waker: Waker) {
        self.hub = hub
        self.waker = waker
    }

    func step() -> StepOutcome { .idle(nanoseconds: hub.round()) }
}
