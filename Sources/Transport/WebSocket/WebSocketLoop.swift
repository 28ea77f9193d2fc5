import Bedrock
import CLinux
import CMicroHTTPD
import Glibc
import Synchronization

/// One thread that reads and writes all websockets of a server. Begun with the first one.
final class WebSocketLoop: @unchecked Sendable {
    private static let goodbyeSeconds = 1.0
    private static let chunkBytes = 64 << 10
    private static let readsPerTurnMax = 8

    /// A connection as the loop's thread sees it.
    private final class Line {
        let id: UInt64
        let socket: Int32
        /// What gives the connection back to the library.
        let handle: UnsafeMutableRawPointer
        let webSocket: WebSocket
        var heardAt: UInt64
        var pingedAt: UInt64
        /// Since when bytes wait that the peer doesn't take.
        var blockedSince: UInt64?
        var goodbyeSince: UInt64?
        var wantsWrite = false
        var isClosed = false

        init(_ id: UInt64, _ socket: Int32, _ handle: UnsafeMutableRawPointer, _ webSocket: WebSocket, now: UInt64) {
            self.id = id
            self.socket = socket
            self.handle = handle
            self.webSocket = webSocket
            heardAt = now
            pingedAt = now
        }
    }

    private struct Arrival: @unchecked Sendable {
        let socket: Int32
        let handle: UnsafeMutableRawPointer
        let early: [UInt8]
        let webSocket: WebSocket
    }

    private struct Inbox {
        var arrivals: [Arrival] = []
        var attention: [ObjectIdentifier] = []
        var thread: Thread?
        var isClosed = false
        var saysGoodbye = false
    }

    private let clock: any ClockSource
    private let poll: Int32
    private let bell: Int32
    private let inbox = Mutex(Inbox())
    private let open = Atomic<Int>(0)
    // The thread's own.
    private var lines: [UInt64: Line] = [:]
    private var byWebSocket: [ObjectIdentifier: Line] = [:]
    private var nextID: UInt64 = 1
    private var sweptAt: UInt64 = 0

    init(clock: any ClockSource) {
        self.clock = clock
        poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = 0
        epoll_ctl(poll, EPOLL_CTL_ADD, bell, &event)
    }

    deinit {
        Glibc.close(bell)
        Glibc.close(poll)
    }

    /// Websockets that are open.
    var count: Int { open.load(ordering: .relaxed) }

    /// Takes a connection over; it is given back at once when the loop is no longer there.
    func add(_ socket: Int32, handle: UnsafeMutableRawPointer, early: [UInt8], _ webSocket: WebSocket) {
        let isTaken = inbox.withLock { inbox -> Bool in
            guard !inbox.isClosed, poll >= 0, bell >= 0 else { return false }
            if inbox.thread == nil { inbox.thread = Thread { [self] in run() } }
            guard inbox.thread != nil else { return false }
            inbox.arrivals.append(Arrival(socket: socket, handle: handle, early: early, webSocket: webSocket))
            open.add(1, ordering: .relaxed)
            return true
        }
        guard isTaken else {
            cmhd_close_upgraded(handle)
            return webSocket.end(code: 1006, reason: "the server is stopping")
        }
        ring()
    }

    /// Something waits in the socket's queue.
    func attend(to webSocket: WebSocket) {
        inbox.withLock { $0.attention.append(ObjectIdentifier(webSocket)) }
        ring()
    }

    /// Begins to close all of them, now and from now on.
    func sayGoodbye() {
        inbox.withLock { $0.saysGoodbye = true }
        ring()
    }

    /// Gives all connections back and ends the thread.
    func stop() {
        let thread = inbox.withLock { inbox -> Thread? in
            inbox.isClosed = true
            defer { inbox.thread = nil }
            return inbox.thread
        }
        ring()
        thread?.join()
    }

    private func ring() {
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }

    // MARK: The thread

    private func run() {
        clinux_name_thread("websockets")
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(poll, &events, Int32(events.count), lines.isEmpty ? 1000 : 200)
            if count > 0 {
                for event in events[..<Int(count)] where event.data.u64 != 0 { handle(event) }
            }
            guard takeInbox() else { break }
            sweep()
        }
        for line in lines.values { close(line, code: 1006, reason: "the server is stopping") }
    }

    /// False when the loop is to end.
    private func takeInbox() -> Bool {
        var rung: UInt64 = 0
        _ = read(bell, &rung, 8)
        let (arrivals, attention, saysGoodbye, isClosed) = inbox.withLock { inbox in
            defer {
                inbox.arrivals = []
                inbox.attention = []
            }
            return (inbox.arrivals, inbox.attention, inbox.saysGoodbye, inbox.isClosed)
        }
        for arrival in arrivals { begin(arrival) }
        for webSocket in attention {
            if let line = byWebSocket[webSocket] { flush(line) }
        }
        if saysGoodbye { for line in lines.values { line.webSocket.close(1001, reason: "the server is stopping") } }
        return !isClosed
    }

    private func begin(_ arrival: Arrival) {
        let flags = fcntl(arrival.socket, F_GETFL)
        _ = fcntl(arrival.socket, F_SETFL, flags | O_NONBLOCK)
        let line = Line(
            nextID, arrival.socket, arrival.handle, arrival.webSocket, now: clock.monotonicNanoseconds())
        nextID += 1
        lines[line.id] = line
        byWebSocket[ObjectIdentifier(line.webSocket)] = line
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = line.id
        guard epoll_ctl(poll, EPOLL_CTL_ADD, line.socket, &event) == 0 else {
            return close(line, code: 1011, reason: "the socket can't be watched")
        }
        line.webSocket.begin(self)
        line.webSocket.delegate.webSocketOpened(line.webSocket)
        if !arrival.early.isEmpty { arrival.early.withUnsafeBytes { take($0, line) } }
        flush(line)
    }

    private func handle(_ event: epoll_event) {
        guard let line = lines[event.data.u64] else { return }
        if event.events & EPOLLIN.rawValue != 0 { receive(line) }
        guard !line.isClosed else { return }
        if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            return close(line, code: 1006, reason: "the connection broke")
        }
        flush(line)
    }

    private func receive(_ line: Line) {
        withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 16) { chunk in
            for _ in 0..<Self.readsPerTurnMax {
                let got = recv(line.socket, chunk.baseAddress, chunk.count, Int32(MSG_DONTWAIT))
                if got < 0, errno == EAGAIN || errno == EINTR { return }
                guard got > 0 else { return close(line, code: 1006, reason: "the peer has gone") }
                line.heardAt = clock.monotonicNanoseconds()
                take(UnsafeRawBufferPointer(rebasing: chunk[..<got]), line)
                if line.isClosed || got < chunk.count { return }
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ line: Line) {
        let webSocket = line.webSocket
        var goodbye: (code: UInt16, reason: String)?
        do throws(WebSocketViolation) {
            try webSocket.decoder.feed(bytes) { event throws(WebSocketViolation) in
                // What follows a close frame is no longer listened to.
                guard goodbye == nil else { return }
                switch event {
                case .text(let text): webSocket.delegate.webSocket(webSocket, received: .text(text))
                case .binary(let binary): webSocket.delegate.webSocket(webSocket, received: .binary(binary))
                case .ping(let payload): webSocket.control(.pong, payload)
                case .pong: break
                case .close(let code, let reason): goodbye = (code, reason)
                }
            }
        } catch {
            webSocket.close(error.code, reason: error.reason)
            flush(line)
            return close(line, code: error.code, reason: error.reason)
        }
        guard let goodbye else { return }
        // An answer to ours, or one to be answered.
        webSocket.close(goodbye.code == 1005 ? 1000 : goodbye.code)
        flush(line)
        close(line, code: goodbye.code, reason: goodbye.reason)
    }

    private func flush(_ line: Line) {
        guard !line.isClosed else { return }
        if line.webSocket.isLost { return close(line, code: 1006, reason: "the peer has gone") }
        let flushed = line.webSocket.flush { bytes in
            while true {
                let count = send(
                    line.socket, bytes.baseAddress, bytes.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                if count >= 0 { return count }
                if errno == EINTR { continue }
                return errno == EAGAIN ? 0 : -1
            }
        }
        let now = clock.monotonicNanoseconds()
        switch flushed {
        case .failed: return close(line, code: 1006, reason: "the connection broke")
        case .all:
            line.blockedSince = nil
            watch(line, wantsWrite: false)
            if line.webSocket.isClosing, line.goodbyeSince == nil { line.goodbyeSince = now }
        case .blocked(let progressed):
            if progressed || line.blockedSince == nil { line.blockedSince = now }
            watch(line, wantsWrite: true)
        }
    }

    private func watch(_ line: Line, wantsWrite: Bool) {
        guard line.wantsWrite != wantsWrite else { return }
        line.wantsWrite = wantsWrite
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (wantsWrite ? EPOLLOUT.rawValue : 0)
        event.data.u64 = line.id
        epoll_ctl(poll, EPOLL_CTL_MOD, line.socket, &event)
    }

    /// Pings, and ends what has gone quiet.
    private func sweep() {
        let now = clock.monotonicNanoseconds()
        guard now &- sweptAt >= 100_000_000 else { return }
        sweptAt = now
        for line in lines.values {
            let options = line.webSocket.options
            if let since = line.goodbyeSince, seconds(since, now) > Self.goodbyeSeconds {
                close(line, code: 1006, reason: "no answer to the goodbye")
            } else if let since = line.blockedSince, seconds(since, now) > options.stallSecondsMax {
                close(line, code: 1006, reason: "the peer takes nothing")
            } else if seconds(line.heardAt, now) > options.pingSeconds * 3 {
                close(line, code: 1006, reason: "the peer is silent")
            } else if seconds(line.pingedAt, now) > options.pingSeconds {
                line.pingedAt = now
                line.webSocket.control(.ping, [])
                flush(line)
            }
        }
    }

    private func seconds(_ since: UInt64, _ now: UInt64) -> Double { Double(now - min(since, now)) * 1e-9 }

    private func close(_ line: Line, code: UInt16, reason: String) {
        guard !line.isClosed else { return }
        line.isClosed = true
        lines[line.id] = nil
        byWebSocket[ObjectIdentifier(line.webSocket)] = nil
        epoll_ctl(poll, EPOLL_CTL_DEL, line.socket, nil)
        // Lets what is on its way arrive before the library closes.
        shutdown(line.socket, Int32(SHUT_WR))
        cmhd_close_upgraded(line.handle)
        open.subtract(1, ordering: .relaxed)
        line.webSocket.end(code: code, reason: reason)
    }
}
