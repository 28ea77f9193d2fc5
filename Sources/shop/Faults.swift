import Synchronization

/// What is made to go wrong, by service. Thread-safe.
final class Faults: Sendable {
    struct Fault: Sendable {
        /// Share of requests that fail, 0 to 1.
        var errors = 0.01
        /// Added to every request, milliseconds.
        var delay = 0.0
    }

    private let faults = Mutex<[String: Fault]>([:])

    subscript(service: String) -> Fault {
        get { faults.withLock { $0[service] ?? Fault() } }
        set { faults.withLock { $0[service] = newValue } }
    }

    func clear() { faults.withLock { $0 = [:] } }
}
