import Bedrock
import Synchronization

/// A fixed number of threads that take queries from a bounded line, first come, first served. Thread-safe.
final class QueryScheduler: Sendable {
    typealias Job = @Sendable () -> Void

    fileprivate struct State {
        /// Taken from `next` on, so that taking one moves nothing; nil where one was taken.
        var line: [Job?] = []
        var next = 0
        var idle: [QueryThread] = []
        var running = 0
    }

    private let waitingMax: Int
    private let runner = ThreadRunner()
    fileprivate let state = Mutex(State())

    init(threads: Int, waitingMax: Int) {
        self.waitingMax = waitingMax
        for number in 0..<max(1, threads) { runner.start(QueryThread(self, number)) }
    }

    var runningCount: Int { state.withLock { $0.running } }
    var waitingCount: Int { state.withLock { $0.line.count - $0.next } }

    /// Puts `job` into the line; false when that is full.
    func submit(_ job: @escaping Job) -> Bool {
        let (isTaken, thread) = state.withLock { state -> (Bool, QueryThread?) in
            guard state.line.count - state.next - state.idle.count < waitingMax else { return (false, nil) }
            state.line.append(job)
            return (true, state.idle.popLast())
        }
        thread?.waker?.wake()
        return isTaken
    }

    /// Puts the next part of work that was let in once into the line, however full that is: such work is bounded by those who began it.
    func resubmit(_ job: @escaping Job) {
        let thread = state.withLock { state -> QueryThread? in
            state.line.append(job)
            return state.idle.popLast()
        }
        thread?.waker?.wake()
    }

    /// Ends the threads after what they are at; what still waits is dropped.
    func stop() {
        runner.stop()
        let dropped = state.withLock { state in
            defer { (state.line, state.next) = ([], 0) }
            return state.line
        }
        // Outside the lock: dropping a job answers its request.
        withExtendedLifetime(dropped) {}
    }

    fileprivate func take(for thread: QueryThread) -> Job? {
        state.withLock { state in
            guard state.next < state.line.count, let job = state.line[state.next] else {
                if !state.idle.contains(where: { $0 === thread }) { state.idle.append(thread) }
                return nil
            }
            state.line[state.next] = nil
            state.next += 1
            if state.next == state.line.count || state.next >= 1024 {
                state.line.removeFirst(state.next)
                state.next = 0
            }
            state.idle.removeAll { $0 === thread }
            state.running += 1
            return job
        }
    }

    fileprivate func finished() { state.withLock { $0.running -= 1 } }
}

/// One thread of the scheduler: a step is a query.
private final class QueryThread: Worker {
    let name: String
    let waker: Waker? = Waker()
    private unowned let scheduler: QueryScheduler

    init(_ scheduler: QueryScheduler, _ number: Int) {
        self.scheduler = scheduler
        name = "query-\(number)"
    }

    func step() -> StepOutcome {
        guard let job = scheduler.take(for: self) else { return .idle(nanoseconds: 3_600_000_000_000) }
        job()
        scheduler.finished()
        return .progressed
    }
}
