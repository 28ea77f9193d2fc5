import Bedrock
import Model
import Synchronization

/// Collects from within this process (the host's metrics, obsd's own), on a thread of its own, as a source like others.
///
/// It is the worker that does the collecting and the source that asks for it. Thread-safe.
final class LocalScrapeSource: ScrapeSource, Worker {
    typealias Done = @Sendable (Result<ScrapeBody, ScrapeError>) -> Void

    let name: String
    let waker: Waker? = Waker()
    private let collect: @Sendable (MetricBatch) -> Void
    private let requests = Mutex<(waiting: [Done], isStopped: Bool)>(([], false))

    /// - Parameter collect: appends every sample there is; it may block.
    init(name: String, collect: @escaping @Sendable (MetricBatch) -> Void) {
        self.name = name
        self.collect = collect
    }

    func fetch(_ target: ScrapeTarget, done: @escaping Done) {
        let isStopped = requests.withLock { requests in
            if !requests.isStopped { requests.waiting.append(done) }
            return requests.isStopped
        }
        if isStopped { return done(.failure(.late(seconds: 0))) }
        waker?.wake()
    }

    func step() -> StepOutcome {
        guard let done = requests.withLock({ $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) else {
            return requests.withLock { $0.isStopped } ? .finished : .idle(nanoseconds: 3_600_000_000_000)
        }
        let batch = MetricBatch()
        collect(batch)
        done(.success(.samples(batch)))
        return .progressed
    }

    /// Answers what waits with an error, and nothing any more.
    func stop() {
        let left = requests.withLock { requests in
            defer { requests = ([], true) }
            return requests.waiting
        }
        for done in left { done(.failure(.late(seconds: 0))) }
        waker?.wake()
    }
}
