import Synchronization

/// The open connections, with counts for the limits. Thread-safe.
///
/// A connection stays in here until just before its socket is closed, so whoever holds the lock may use the sockets of all of them.
final class ConnectionTable: Sendable {
    private struct Contents {
        var slots: [ServerConnection?] = []
        var free: [Int] = []
        var indexes: [ObjectIdentifier: Int] = [:]
        var perPeer: [PeerAddress.Host: Int] = [:]
    }

    private let contents = Mutex(Contents())
    private let total = Atomic<Int>(0)

    var count: Int { total.load(ordering: .relaxed) }

    func countOf(_ host: PeerAddress.Host) -> Int { contents.withLock { $0.perPeer[host] ?? 0 } }

    func add(_ connection: ServerConnection) {
        total.add(1, ordering: .relaxed)
        contents.withLock { contents in
            let index = contents.free.popLast() ?? contents.slots.count
            if index == contents.slots.count {
                contents.slots.append(connection)
            } else {
                contents.slots[index] = connection
            }
            contents.indexes[ObjectIdentifier(connection)] = index
            contents.perPeer[connection.peer.host, default: 0] += 1
        }
    }

    func remove(_ connection: ServerConnection) {
        contents.withLock { contents in
            guard let index = contents.indexes.removeValue(forKey: ObjectIdentifier(connection)) else { return }
            contents.slots[index] = nil
            contents.free.append(index)
            let host = connection.peer.host
            if let left = contents.perPeer[host], left > 1 {
                contents.perPeer[host] = left - 1
            } else {
                contents.perPeer[host] = nil
            }
        }
        total.subtract(1, ordering: .relaxed)
    }

    /// Calls `body` with the connections (nil where there is none), their sockets open.
    func withAll(_ body: ([ServerConnection?]) -> Void) { contents.withLock { body($0.slots) } }
}
