/// Steps workers one at a time in an order that depends on the seed alone, and moves the simulated clock on when all are idle.
///
/// The same workers run on threads in the product (`ThreadRunner`). Used from one thread.
public final class SeededScheduler {
    private struct Entry {
        let worker: any Worker
        /// Monotonic time from which on it may step again.
        var due: UInt64
    }

    public let clock: SimulatedClock
    private var generator: SeededGenerator
    private var entries: [Entry] = []
    /// Names of the workers stepped last, newest last: what to print with a failing seed.
    public private(set) var trace: [String] = []
    private static let traceCountMax = 64

    public init(seed: UInt64, clock: SimulatedClock) {
        self.clock = clock
        generator = SeededGenerator(seed: seed)
    }

    public func add(_ worker: any Worker) { entries.append(Entry(worker: worker, due: 0)) }

    public func add(_ workers: [any Worker]) {
        for worker in workers { add(worker) }
    }

    /// Forgets all workers, as a crash does.
    public func removeAll() { entries.removeAll() }

    /// Workers not yet finished.
    public var count: Int { entries.count }

    /// Steps one worker. One time in eight it may be an idle one, as threads wake for no reason, too.
    /// - Returns: false when every worker has finished.
    public func step() -> Bool {
        guard !entries.isEmpty else { return false }
        let now = clock.monotonicNanoseconds()
        for i in entries.indices where entries[i].worker.waker?.takePending() ?? false { entries[i].due = 0 }
        var ready = entries.indices.filter { entries[$0].due <= now }
        if ready.isEmpty, let first = entries.map(\.due).min() {
            clock.advance(nanoseconds: first - now)
            ready = entries.indices.filter { entries[$0].due <= first }
        } else if Int.random(in: 0..<8, using: &generator) == 0 {
            ready = Array(entries.indices)
        }
        let index = ready[Int.random(in: 0..<ready.count, using: &generator)]
        note(entries[index].worker.name)
        switch entries[index].worker.step() {
        case .progressed: entries[index].due = 0
        case .idle(let nanoseconds):
            entries[index].due = clock.monotonicNanoseconds().addingWithoutOverflow(nanoseconds)
        case .finished: entries.remove(at: index)
        }
        // Work takes time; without this a busy set of workers would freeze the clock.
        clock.advance(nanoseconds: 1_000)
        return true
    }

    /// Steps until `done` holds, all have finished, or `steps` are used up.
    /// - Returns: whether `done` held in the end.
    public func run(steps: Int, until done: () -> Bool) -> Bool {
        for _ in 0..<steps {
            if done() { return true }
            if !step() { break }
        }
        return done()
    }

    private func note(_ name: String) {
        if trace.count >= Self.traceCountMax { trace.removeFirst(trace.count / 2) }
        trace.append(name)
    }
}

extension UInt64 {
    fileprivate func addingWithoutOverflow(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
