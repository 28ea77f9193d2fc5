import Bedrock
import CLinux
import Formats
import Glibc
import Instruments
import Model
import Synchronization
import Transport

/// The thread of a `SyslogReceiver`: waits for sockets, reads, batches. A step waits in the kernel, at most a tenth of a second.
///
/// The connections have an epoll of their own within the first, so that all are paused and resumed by one call. Used by one thread, save
/// `requestStop`.
final class SyslogLoop: Worker, @unchecked Sendable {
    let name = "syslog"
    let tcpPort: UInt16
    let udpPort: UInt16
    private let options: SyslogReceiver.Options
    private let context: LogReceiverContext
    private let instruments: ReceiverInstruments
    private let connectionGauge: Gauge
    private let refused: Counter
    private let listener: Int32
    private let datagrams: Int32
    private let poller: Int32
    private let connectionPoller: Int32
    private let wakeup: Int32
    private let tcp: SyslogBatcher
    private let udp: SyslogBatcher
    private let isStopping = Atomic<Bool>(false)

    private var connections: [Int32: SyslogConnection] = [:]
    /// Those with whole messages that the full batch had no room for.
    private var stalled: [Int32] = []
    private var isPaused = false
    private var lastLook: UInt64 = 0
    private var events = [epoll_event](repeating: epoll_event(), count: 64)
    /// Every read goes through it.
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init(_ context: LogReceiverContext, _ options: SyslogReceiver.Options) throws(HTTPServerError) {
        self.context = context
        self.options = options
        instruments = context.instruments("syslog")
        connectionGauge = context.registry.gauge(
            "obs_receivers_syslog_connections", help: "Open syslog connections over TCP.")
        refused = context.registry.counter(
            "obs_receivers_syslog_connections_closed_total",
            help: "Syslog connections closed by a limit or as their stream could not be followed.")
        listener = try options.tcp?.bound(backlog: 128) ?? -1
        do throws(HTTPServerError) { datagrams = try options.udp?.boundDatagrams() ?? -1 } catch {
            if listener >= 0 { Glibc.close(listener) }
            throw error
        }
        tcpPort = listener >= 0 ? boundPort(listener) : 0
        udpPort = datagrams >= 0 ? boundPort(datagrams) : 0
        poller = epoll_create1(Int32(EPOLL_CLOEXEC))
        connectionPoller = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        let wakeup = wakeup
        let wake: @Sendable () -> Void = {
            var one: UInt64 = 1
            _ = write(wakeup, &one, 8)
        }
        tcp = SyslogBatcher(
            context, instruments: instruments, tenant: options.tenant, batchBytesMax: options.batchBytesMax,
            senderWaits: true, wake: wake)
        udp = SyslogBatcher(
            context, instruments: instruments, tenant: options.tenant, batchBytesMax: options.batchBytesMax,
            senderWaits: false, wake: wake)
        guard poller >= 0, connectionPoller >= 0, wakeup >= 0 else {
            throw .cannotStart("no epoll for syslog: \(String(cString: strerror(errno)))")
        }
        for socket in [wakeup, connectionPoller, listener, datagrams] where socket >= 0 { watch(socket, by: poller) }
        if datagrams >= 0 {
            // What comes while a batch is written has to lie somewhere.
            var bytes: Int32 = 4 << 20
            setsockopt(datagrams, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit {
        room.deallocate()
        for descriptor in [listener, datagrams, poller, connectionPoller, wakeup] where descriptor >= 0 {
            Glibc.close(descriptor)
        }
    }

    func requestStop() { isStopping.store(true, ordering: .releasing) }

    /// Once the thread has ended: false when something read was not handed over.
    func close() -> Bool {
        connections = [:]
        connectionGauge.set(0)
        let stored = (tcp.abandon(), udp.abandon())
        return stored.0 && stored.1
    }

    func step() -> StepOutcome {
        if isStopping.load(ordering: .acquiring) { return finish() }
        let count = epoll_wait(poller, &events, Int32(events.count), 100)
        let now = context.clock.monotonicNanoseconds()
        for i in 0..<max(0, Int(count)) {
            switch events[i].data.fd {
            case wakeup: clearWakeup()
            case listener: accept(now)
            case datagrams: receiveDatagrams()
            default: readConnections(now)
            }
        }
        proceed()
        if now &- lastLook > 1_000_000_000 {
            lastLook = now
            closeIdle(now)
        }
        return .progressed
    }

    /// Hands over what was read; the sockets are read no more.
    private func finish() -> StepOutcome {
        proceed()
        if tcp.isEmpty, udp.isEmpty, stalled.isEmpty { return .finished }
        return .idle(nanoseconds: 2_000_000)
    }

    private func proceed() {
        tcp.proceed()
        udp.proceed()
        while !tcp.isFull, let socket = stalled.popLast() {
            guard let connection = connections[socket] else { continue }
            settle(connection, connection.resume(into: tcp))
        }
        pause(tcp.isFull)
    }

    private func pause(_ wanted: Bool) {
        guard wanted != isPaused else { return }
        isPaused = wanted
        var event = epoll_event()
        event.events = wanted ? 0 : EPOLLIN.rawValue
        event.data.fd = connectionPoller
        epoll_ctl(poller, EPOLL_CTL_MOD, connectionPoller, &event)
        if !wanted {
            let now = context.clock.monotonicNanoseconds()
            for connection in connections.values { connection.lastActive = now }
        }
    }

    private func watch(_ socket: Int32, by poller: Int32) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = socket
        epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event)
    }

    private func clearWakeup() {
        var count: UInt64 = 0
        _ = read(wakeup, &count, 8)
    }

    // MARK: TCP

    private func accept(_ now: UInt64) {
        for _ in 0..<64 {
            let socket = clinux_accept(listener)
            guard socket >= 0 else { return }
            guard connections.count < options.connectionsMax else {
                refused.increment()
                Glibc.close(socket)
                continue
            }
            let peer = Array(Self.peer(socket).utf8)
            connections[socket] = SyslogConnection(
                socket, peer: peer, messageBytesMax: options.messageBytesMax, now: now)
            connectionGauge.set(Double(connections.count))
            watch(socket, by: connectionPoller)
        }
    }

    private static func peer(_ socket: Int32) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getpeername(socket, address, &length) == 0 ? PeerAddress(address).hostText : ""
            }
        }
    }

    private func readConnections(_ now: UInt64) {
        var ready = [epoll_event](repeating: epoll_event(), count: 64)
        let count = epoll_wait(connectionPoller, &ready, Int32(ready.count), 0)
        for i in 0..<max(0, Int(count)) {
            guard let connection = connections[ready[i].data.fd] else { continue }
            if tcp.isFull { return }
            settle(connection, connection.read(through: room, into: tcp, now: now) { instruments.received(bytes: $0) })
        }
        let buffered = connections.values.reduce(0) { $0 + $1.bufferedBytes }
        if buffered > options.bufferedBytesMax,
            let largest = connections.values.max(by: { $0.bufferedBytes < $1.bufferedBytes })
        {
            instruments.lost(1, "overloaded")
            refuse(largest)
        }
    }

    private func settle(_ connection: SyslogConnection, _ outcome: SyslogConnection.Outcome) {
        switch outcome {
        case .drained: break
        case .stalled: stalled.append(connection.socket)
        case .ended: remove(connection)
        case .broken:
            instruments.lost(1, LogRejection.malformedItem.rawValue)
            refuse(connection)
        }
    }

    private func refuse(_ connection: SyslogConnection) {
        refused.increment()
        remove(connection)
    }

    private func remove(_ connection: SyslogConnection) {
        // Closing the socket takes it out of its epoll.
        connections[connection.socket] = nil
        stalled.removeAll { $0 == connection.socket }
        connectionGauge.set(Double(connections.count))
    }

    private func closeIdle(_ now: UInt64) {
        // Those that nobody reads are not idle.
        if isPaused { return }
        let most = UInt64(options.idleSecondsMax * 1e9)
        for connection in connections.values where now &- connection.lastActive > most { remove(connection) }
    }

    // MARK: UDP

    private func receiveDatagrams() {
        var storage = sockaddr_storage()
        for _ in 0..<512 {
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let peer = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> (count: Int, host: String) in
                    let count = recvfrom(datagrams, room.baseAddress, room.count, 0, address, &length)
                    return (count, count > 0 ? PeerAddress(address).hostText : "")
                }
            }
            guard peer.count >= 0 else { return }
            var count = peer.count
            if count > 0, room[count - 1] == UInt8(ascii: "\n") { count -= 1 }
            if count == 0 { continue }
            instruments.received(bytes: count)
            // A full batch goes to the sink if that is free; else what comes now is lost.
            if udp.isFull { udp.proceed() }
            if udp.isFull {
                instruments.lost(1, "overloaded")
                continue
            }
            udp.add(
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<count]), peer: Array(peer.host.utf8))
        }
    }
}
