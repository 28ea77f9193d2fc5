import Synchronization

/// Where the services are. Thread-safe.
final class Directory: Sendable {
    private let urls = Mutex<[String: String]>([:])

    func set(_ service: String, _ url: String) { urls.withLock { $0[service] = url } }
    func url(_ service: String) -> String { urls.withLock { $0[service] ?? "" } }
}
