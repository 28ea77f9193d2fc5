import Bedrock
import Synchronization

/// Opens the shards of a signal, several at a time: recovery is the longest part of a start.
final class ShardOpener<Format: SegmentFormat>: Sendable {
    private let results: Mutex<[Result<ShardWorker<Format>, any Error>?]>
    private let next = Atomic<Int>(0)
    private let count: Int
    private let open: @Sendable (Int) throws -> ShardWorker<Format>

    init(count: Int, open: @escaping @Sendable (Int) throws -> ShardWorker<Format>) {
        self.count = count
        self.open = open
        results = Mutex(Array(repeating: nil, count: count))
    }

    /// All shards, in order, or the first error.
    /// - Parameter threads: 1: everything happens on this thread, one shard after the other.
    func run(threads: Int) throws -> [ShardWorker<Format>] {
        if threads <= 1 || count <= 1 {
            while openNext() {}
        } else {
            let runner = ThreadRunner()
            for _ in 0..<min(threads, count) { runner.start(OpeningWorker(self)) }
            while !runner.waitUntilFinished(nanoseconds: 1_000_000_000) {}
            runner.stop()
        }
        return try results.withLock { $0 }.compactMap { try $0?.get() }
    }

    fileprivate func openNext() -> Bool {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return false }
        let result = Result { try open(index) }
        results.withLock { $0[index] = result }
        return true
    }
}

private final class OpeningWorker<Format: SegmentFormat>: Worker {
    let name = "recovery"
    private let opener: ShardOpener<Format>

    init(_ opener: ShardOpener<Format>) { self.opener = opener }

    func step() -> StepOutcome { opener.openNext() ? .progressed : .finished }
}
