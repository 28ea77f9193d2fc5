import Synchronization

/// What `respond` holds: when a handler drops it unanswered, the caller still gets an answer. Thread-safe.
final class GRPCTicket: Sendable {
    private let loop: GRPCLoop
    private let connection: UInt64
    private let stream: Int32
    private let isAnswered = Atomic<Bool>(false)

    init(_ loop: GRPCLoop, connection: UInt64, stream: Int32) {
        self.loop = loop
        self.connection = connection
        self.stream = stream
    }

    func answer(_ response: GRPCResponse) {
        guard !isAnswered.exchange(true, ordering: .relaxed) else { return }
        loop.post(response, connection: connection, stream: stream)
    }

    deinit { answer(.failure(GRPCStatus(.internal, "the call was dropped without an answer"))) }
}
