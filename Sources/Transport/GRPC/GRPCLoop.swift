import Bedrock
import CLinux
import Glibc
import Synchronization

/// An event loop of a `GRPCServer`: accepts, reads, writes. A step waits in the kernel, at most a fifth of a second. Used by one thread, save `post`
/// and `requestStop`.
final class GRPCLoop: Worker, @unchecked Sendable {
    /// An answer on its way from a handler's thread.
    private struct Answer {
        let connection: UInt64
        let stream: Int32
        let response: GRPCResponse
    }

    private struct Mailbox {
        var answers: [Answer] = []
        /// Whether the loop waits in the kernel, so that an answer must wake it. Handlers that answer at once need not.
        var isAsleep = false
    }

    let name: String
    let options: GRPCServerOptions
    let methods: [String: GRPCHandler]
    let memory: MemoryAccount
    let counters: GRPCCounters
    private let listener: Int32
    private let poller: Int32
    private let wakeup: Int32
    private let mailbox = Mutex(Mailbox())
    private let isStopping = Atomic<Bool>(false)
    private var isDraining = false
    private var connections: [Int32: GRPCConnection] = [:]
    private var sockets: [UInt64: Int32] = [:]
    private var nextIdentity: UInt64 = 0
    private var lastLook: UInt64 = 0
    private var events = [epoll_event](repeating: epoll_event(), count: 128)
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init?(
        _ number: Int, listener: Int32, options: GRPCServerOptions, methods: [String: GRPCHandler],
        memory: MemoryAccount, counters: GRPCCounters
    ) {
        name = "grpc-\(number)"
        self.listener = listener
        self.options = options
        self.methods = methods
        self.memory = memory
        self.counters = counters
        poller = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard poller >= 0, wakeup >= 0 else { return nil }
        watch(wakeup, EPOLLIN.rawValue)
        // One of the loops is woken for a connection, not all.
        watch(listener, EPOLLIN.rawValue | 1 << 28)
    }

    deinit {
        room.deallocate()
        for descriptor in [poller, wakeup] where descriptor >= 0 { Glibc.close(descriptor) }
    }

    private func watch(_ socket: Int32, _ interest: UInt32) {
        var event = epoll_event()
        event.events = interest
        event.data.fd = socket
        epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event)
    }

    func setInterest(_ socket: Int32, writing: Bool, reading: Bool) {
        var event = epoll_event()
        event.events = (reading ? EPOLLIN.rawValue : 0) | (writing ? EPOLLOUT.rawValue : 0)
        event.data.fd = socket
        epoll_ctl(poller, EPOLL_CTL_MOD, socket, &event)
    }

    // MARK: From other threads

    /// Takes the answer to a call.
    func post(_ response: GRPCResponse, connection: UInt64, stream: Int32) {
        let mustWake = mailbox.withLock { mailbox in
            mailbox.answers.append(Answer(connection: connection, stream: stream, response: response))
            defer { mailbox.isAsleep = false }
            return mailbox.isAsleep
        }
        if mustWake { wake() }
    }

    func requestStop() {
        isStopping.store(true, ordering: .releasing)
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }

    // MARK: Stepping

    func step() -> StepOutcome {
        let isIdle = mailbox.withLock { mailbox in
            mailbox.isAsleep = mailbox.answers.isEmpty
            return mailbox.isAsleep
        }
        let count = epoll_wait(poller, &events, Int32(events.count), isIdle ? 200 : 0)
        mailbox.withLock { $0.isAsleep = false }
        let now = options.clock.monotonicNanoseconds()
        for i in 0..<max(0, Int(count)) {
            let socket = events[i].data.fd
            if socket == wakeup {
                var value: UInt64 = 0
                _ = read(wakeup, &value, 8)
            } else if socket == listener {
                accept(now)
            } else if let connection = connections[socket] {
                serve(connection, events[i].events, now)
            }
        }
        deliver(now)
        if now &- lastLook > 1_000_000_000 {
            lastLook = now
            for connection in connections.values {
                if connection.isExpired(now) { close(connection) } else { settle(connection) }
            }
        }
        if isStopping.load(ordering: .acquiring) { drain() }
        return isDraining && connections.isEmpty ? .finished : .progressed
    }

    private func accept(_ now: UInt64) {
        // A few at a time; the others of a burst are for the other loops.
        for _ in 0..<16 {
            let socket = clinux_accept(listener)
            guard socket >= 0 else { return }
            guard !isDraining, counters.connections.load(ordering: .relaxed) < options.connectionsMax else {
                Glibc.close(socket)
                continue
            }
            var yes: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
            nextIdentity += 1
            guard let connection = GRPCConnection(socket, identity: nextIdentity, loop: self, now: now) else {
                Glibc.close(socket)
                continue
            }
            counters.connections.wrappingAdd(1, ordering: .relaxed)
            connections[socket] = connection
            sockets[nextIdentity] = socket
            watch(socket, EPOLLIN.rawValue)
            settle(connection)
        }
    }

    private func serve(_ connection: GRPCConnection, _ what: UInt32, _ now: UInt64) {
        if what & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return close(connection) }
        if what & EPOLLIN.rawValue != 0 {
            let length = recv(connection.socket, room.baseAddress, room.count, 0)
            if length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR) { return close(connection) }
            if length > 0 {
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<length])
                guard connection.receive(bytes, now) else {
                    // What it has to say about that is sent if the socket takes it.
                    _ = connection.flush()
                    return close(connection)
                }
            }
        }
        settle(connection)
    }

    private func deliver(_ now: UInt64) {
        let ready = mailbox.withLock { mailbox in
            defer { mailbox.answers = [] }
            return mailbox.answers
        }
        for answer in ready {
            guard let socket = sockets[answer.connection], let connection = connections[socket] else { continue }
            connection.answer(answer.response, stream: answer.stream, now)
            settle(connection)
        }
    }

    /// Writes what the connection has to say, and closes it once there is nothing more to be said or heard.
    private func settle(_ connection: GRPCConnection) {
        guard connection.flush(), !connection.isDone else { return close(connection) }
        connection.updateInterest()
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        epoll_ctl(poller, EPOLL_CTL_DEL, listener, nil)
        for connection in connections.values {
            connection.goAway()
            settle(connection)
        }
    }

    private func close(_ connection: GRPCConnection) {
        guard connections.removeValue(forKey: connection.socket) != nil else { return }
        sockets[connection.identity] = nil
        epoll_ctl(poller, EPOLL_CTL_DEL, connection.socket, nil)
        connection.end()
        Glibc.close(connection.socket)
        counters.connections.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Once the thread has ended.
    func closeAll() { for connection in connections.values { close(connection) } }
}
