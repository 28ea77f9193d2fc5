import Bedrock
import Model
import Synchronization

/// Gathers the answers of several shards into one: the first failure, or success when all have succeeded. Thread-safe.
final class JoinedAnswer: Sendable {
    private let state: Mutex<(left: Int, failure: WriteError?)>
    private let done: @Sendable (Result<Void, WriteError>) -> Void

    init(count: Int, done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        precondition(count > 0, "join of nothing")
        state = Mutex((left: count, failure: nil))
        self.done = done
    }

    /// To be called once per shard.
    var answer: @Sendable (Result<Void, WriteError>) -> Void {
        { result in
            let final = self.state.withLock { state -> Result<Void, WriteError>? in
                state.left -= 1
                if case .failure(let error) = result, state.failure == nil { state.failure = error }
                guard state.left == 0 else { return nil }
                return state.failure.map { .failure($0) } ?? .success(())
            }
            if let final { self.done(final) }
        }
    }
}

/// Set once, when the engine is to end. Thread-safe.
final class ClosingFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
