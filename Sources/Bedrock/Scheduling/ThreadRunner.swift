import CLinux
import Glibc
import Synchronization

/// Drives workers on threads, one each, named after the worker. Thread-safe.
///
/// `stop` lets every worker end the step it is in and joins the threads; a worker that has to finish its business first is asked to by
/// its own means and returns `.finished`, which `waitUntilFinished` waits for.
public final class ThreadRunner: Sendable {
    private struct State {
        var threads: [WorkerThread] = []
        var isStopped = false
    }

    private let state = Mutex(State())

    public init() {}

    deinit { stop() }

    /// Starts a thread that steps `worker`.
    /// - Parameter niceness: 0 as the process; up to 19 for background work.
    public func start(_ worker: any Worker, niceness: Int32 = 0) {
        let thread = WorkerThread(worker, niceness: niceness)
        let isStopped = state.withLock { state in
            if !state.isStopped { state.threads.append(thread) }
            return state.isStopped
        }
        precondition(!isStopped, "worker \(worker.name) started after stop")
        thread.start()
    }

    /// Wakes all workers.
    public func wake() {
        for thread in state.withLock({ $0.threads }) { thread.waker.wake() }
    }

    /// Waits until all workers have returned `.finished`; those that never do keep it waiting. At most `nanoseconds`.
    /// - Returns: whether all finished in time.
    public func waitUntilFinished(nanoseconds: UInt64) -> Bool {
        let clock = SystemClock()
        let end = clock.monotonicNanoseconds() &+ nanoseconds
        for thread in state.withLock({ $0.threads }) {
            while !thread.isFinished {
                let now = clock.monotonicNanoseconds()
                if now >= end { return false }
                thread.finished.wait(nanoseconds: min(end - now, 50_000_000))
            }
        }
        return true
    }

    /// Ends all threads after their current step and joins them. Must not be called from one of them.
    public func stop() {
        let threads = state.withLock { state in
            state.isStopped = true
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.requestStop() }
        for thread in threads { thread.join() }
    }
}

/// One thread and the worker it steps.
private final class WorkerThread: @unchecked Sendable {
    let worker: any Worker
    let waker: Waker
    let finished = Waker()
    private let niceness: Int32
    private let stopping = Atomic<Bool>(false)
    private let done = Atomic<Bool>(false)
    private var thread = pthread_t()
    private var isStarted = false

    init(_ worker: any Worker, niceness: Int32) {
        self.worker = worker
        self.niceness = niceness
        waker = worker.waker ?? Waker()
    }

    var isFinished: Bool { done.load(ordering: .acquiring) }

    func start() {
        let this = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<WorkerThread>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, this.toOpaque())
        if status != 0 { this.release() }
        precondition(status == 0, "no thread for worker \(worker.name): error \(status)")
        isStarted = true
    }

    func requestStop() {
        stopping.store(true, ordering: .releasing)
        waker.wake()
    }

    func join() {
        if isStarted { pthread_join(thread, nil) }
        isStarted = false
    }

    private func run() {
        clinux_name_thread(worker.name)
        if niceness != 0 { _ = clinux_nice_thread(niceness) }
        loop: while !stopping.load(ordering: .acquiring) {
            switch worker.step() {
            case .progressed: continue
            case .idle(let nanoseconds): waker.wait(nanoseconds: nanoseconds)
            case .finished: break loop
            }
        }
        done.store(true, ordering: .releasing)
        finished.wake()
    }
}
