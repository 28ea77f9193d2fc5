import CMicroHTTPD
import Glibc

/// One look over all connections: ends those whose client takes too long, and notices clients that hung up while their request is with
/// a route or their stream has nothing to send. The library does neither: its own timeout counts from the last byte, and it does not read from a suspended connection.
struct ConnectionWatch {
    unowned let server: ServerCore

    /// - Parameter closesIdle: whether connections without a request are ended at once, as in a shutdown.
    func look(now: UInt64, closesIdle: Bool) {
        let options = server.options
        var leave: [() -> Void] = []
        var gone: [UInt8] = []
        server.connections.withAll { connections in
            var sockets: [Int32] = []
            for case let connection? in connections {
                let age = Double(now - min(connection.since, now)) * 1e-9
                switch connection.phase {
                case .fresh: if age > (closesIdle ? 0.2 : options.headerSecondsMax) { expire(connection, .fresh) }
                case .idle: if closesIdle || age > options.idleSecondsMax { expire(connection, .idle) }
                case .head: if age > options.headerSecondsMax { expire(connection, .head, status: 408) }
                case .body: if age > options.bodySecondsMax { expire(connection, .body, status: 408) }
                case .sending: if age > options.sendSecondsMax { expire(connection, .sending) }
                case .handling:
                    guard let exchange = connection.pending else { continue }
                    leave.append { exchange.cancellation.cancel() }
                    sockets.append(connection.socket)
                case .streaming:
                    guard let stream = connection.stream else { continue }
                    if closesIdle, stream.isEndless { stream.finish() }
                    if stream.stalledSeconds(now: now) > options.streamStallSecondsMax {
                        expire(connection, .streaming)
                    }
                    leave.append { stream.cancel() }
                    sockets.append(connection.socket)
                case .upgraded:
                    // Behind TLS, the library does not pass the end of the stream on.
                    guard options.tls != nil, let webSocket = connection.webSocket else { continue }
                    leave.append { webSocket.lose() }
                    sockets.append(connection.socket)
                case .expired: continue
                }
            }
            gone = [UInt8](repeating: 0, count: sockets.count)
            cmhd_hung_up(sockets, &gone, sockets.count)
        }
        for (leave, isGone) in zip(leave, gone) where isGone != 0 { leave() }
    }

    private func expire(_ connection: ServerConnection, _ phase: ServerConnection.Phase, status: Int? = nil) {
        guard connection.expire(from: phase) else { return }
        if let status { server.sendRaw(status, to: connection) }
        // The library sees the end of the stream and closes the connection.
        shutdown(connection.socket, Int32(SHUT_RDWR))
        if phase != .idle { server.observer?.connectionExpired() }
    }
}
