import Bedrock
import CMicroHTTPD
import Synchronization

/// The meeting point of the event-loop thread that owns a connection and the thread that answers its request.
///
/// While no answer is there, the connection is suspended; whoever comes second wakes it. `state` decides who that is, so the library
/// never sees a resume before its suspend, nor two of them.
final class Exchange: @unchecked Sendable {
    private enum State {
        static let running: UInt8 = 0
        static let suspended: UInt8 = 1
        static let answered: UInt8 = 2
    }

    let cancellation: Cancellation
    private let connection: OpaquePointer
    private let encoder: ResponseEncoder
    private let state = Atomic<UInt8>(State.running)
    private let isClaimed = Atomic<Bool>(false)
    /// Written by the one who claimed, before `state` becomes `answered`; read by the event-loop thread after that.
    private var wire: WireResponse?

    init(connection: OpaquePointer, encoder: ResponseEncoder, cancellation: Cancellation) {
        self.connection = connection
        self.encoder = encoder
        self.cancellation = cancellation
    }

    /// Gives the answer; any later one is ignored. Compresses on the calling thread.
    func answer(_ response: HTTPResponse) {
        guard !isClaimed.exchange(true, ordering: .acquiringAndReleasing) else { return response.abandon() }
        wire = encoder.encode(response, for: connection)
        let before = state.exchange(State.answered, ordering: .acquiringAndReleasing)
        if before == State.suspended { MHD_resume_connection(connection) }
    }

    var isAnswered: Bool { state.load(ordering: .acquiring) == State.answered }

    /// The answer, once there is one; nil also when memory for it was lacking. Event-loop thread only.
    func takeAnswer() -> WireResponse? {
        defer { wire = nil }
        return wire
    }

    /// Puts the connection to sleep until `answer`. Event-loop thread only, from within the library's callback.
    func suspend() {
        MHD_suspend_connection(connection)
        let (isWaiting, _) = state.compareExchange(
            expected: State.running, desired: State.suspended, ordering: .acquiringAndReleasing)
        // The answer came between the look and the sleep.
        if !isWaiting { MHD_resume_connection(connection) }
    }
}

/// What `respond` holds: when a handler drops it unanswered, the client still gets an answer.
final class AnswerTicket: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    func answer(_ response: HTTPResponse) { exchange.answer(response) }

    deinit {
        // Ignored after an answer, but not built for nothing on every request.
        if !exchange.isAnswered {
            exchange.answer(.error(500, "internal", "the request was dropped without an answer"))
        }
    }
}
