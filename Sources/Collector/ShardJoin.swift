import Model
import Synchronization

/// Waits for several shards and reports once: success when all succeeded, else the first failure. Thread-safe.
final class ShardJoin: Sendable {
    private struct State {
        var remaining: Int
        var failure: WriteError?
    }

    private let state: Mutex<State>
    private let done: @Sendable (Result<Void, WriteError>) -> Void

    init(count: Int, done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        state = Mutex(State(remaining: count))
        self.done = done
    }

    func finish(_ result: Result<Void, WriteError>) {
        let outcome = state.withLock { state -> Result<Void, WriteError>? in
            state.remaining -= 1
            if case .failure(let error) = result, state.failure == nil { state.failure = error }
            guard state.remaining == 0 else { return nil }
            return state.failure.map { .failure($0) } ?? .success(())
        }
        if let outcome { done(outcome) }
    }
}
