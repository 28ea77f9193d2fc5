import Model
import Synchronization

/// Two answers in one: success when both are.
final class BothAnswers: Sendable {
    private let results = Mutex<[Result<Void, WriteError>]>([])
    private let done: @Sendable (Result<Void, WriteError>) -> Void

    init(_ done: @escaping @Sendable (Result<Void, WriteError>) -> Void) { self.done = done }

    var answer: @Sendable (Result<Void, WriteError>) -> Void {
        { result in
            let all = self.results.withLock { results in
                results.append(result)
                return results
            }
            guard all.count == 2 else { return }
            self.done(all.first { if case .failure = $0 { true } else { false } } ?? .success(()))
        }
    }
}
