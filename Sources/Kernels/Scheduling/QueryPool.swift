import Glibc
import Synchronization

/// A fixed set of threads that wide queries are split over. Thread-safe; one pool serves many queries at once.
///
/// The caller of `run` works too, so a pool of one core has no thread of its own, and a query never waits for a busy pool.
public final class QueryPool: Sendable {
    /// Cores this process may use.
    public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Threads that work on one query at most, the caller's included.
    public let width: Int
    private let queue = JobQueue()

    public init(threads: Int) {
        precondition(threads >= 1, "a pool of \(threads) threads")
        width = threads
        for _ in 1..<max(1, threads) { JobQueue.startThread(queue) }
    }

    deinit { queue.stop() }

    /// Calls `body` with 0 ..< count, each once, in any order and on several threads, and returns when all are done.
    /// The first error in index order is thrown; after an error no further call begins.
    public func run(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        if count <= 1 || width == 1 {
            for index in 0..<count { try body(index) }
            return
        }
        let job = Job(count: count, body: body)
        queue.push(job, helpers: min(width - 1, count - 1))
        job.work()
        job.wait()
        if let error = job.firstError { throw error }
    }
}

/// A counted loop that several threads share.
private final class Job: Sendable {
    private let count: Int
    private let body: @Sendable (Int) throws -> Void
    private let next = Atomic<Int>(0)
    private let finished = Atomic<Int>(0)
    private let failure = Mutex<(index: Int, error: any Error)?>(nil)
    private let hasFailed = Atomic<Bool>(false)
    private let done = Signal()

    init(count: Int, body: @escaping @Sendable (Int) throws -> Void) {
        self.count = count
        self.body = body
    }

    var firstError: (any Error)? { failure.withLock { $0?.error } }

    /// Takes indexes until none is left.
    func work() {
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            if !hasFailed.load(ordering: .relaxed) {
                do { try body(index) } catch {
                    failure.withLock { if $0.map({ index < $0.index }) ?? true { $0 = (index, error) } }
                    hasFailed.store(true, ordering: .relaxed)
                }
            }
            if finished.add(1, ordering: .acquiringAndReleasing).newValue == count { done.raise() }
        }
    }

    func wait() {
        done.wait { finished.load(ordering: .acquiring) == count }
    }
}

/// A mutex with a condition variable. The pointers never change and POSIX makes the calls thread-safe.
private final class Signal: @unchecked Sendable {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func raise() {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    func wait(until isTrue: () -> Bool) {
        pthread_mutex_lock(mutex)
        while !isTrue() { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }
}

/// Jobs waiting for helpers. `waiting` and `isStopped` are only touched under the signal's mutex.
private final class JobQueue: @unchecked Sendable {
    private let signal = Signal()
    private var waiting: [Job] = []
    private var isStopped = false

    func push(_ job: Job, helpers: Int) {
        pthread_mutex_lock(signal.mutex)
        for _ in 0..<helpers { waiting.append(job) }
        pthread_cond_broadcast(signal.condition)
        pthread_mutex_unlock(signal.mutex)
    }

    func stop() {
        pthread_mutex_lock(signal.mutex)
        isStopped = true
        pthread_cond_broadcast(signal.condition)
        pthread_mutex_unlock(signal.mutex)
    }

    private func pop() -> Job? {
        pthread_mutex_lock(signal.mutex)
        defer { pthread_mutex_unlock(signal.mutex) }
        while waiting.isEmpty && !isStopped { pthread_cond_wait(signal.condition, signal.mutex) }
        return isStopped ? nil : waiting.removeFirst()
    }

    /// Starts a detached thread that works until `stop`. Without one (a process limit) the callers do all the work.
    static func startThread(_ queue: JobQueue) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 8 << 20)
        defer { pthread_attr_destroy(&attributes) }
        let argument = Unmanaged.passRetained(queue).toOpaque()
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let queue = Unmanaged<JobQueue>.fromOpaque(argument).takeRetainedValue()
                while let job = queue.pop() { job.work() }
                return nil
            }, argument)
        if status != 0 { Unmanaged<JobQueue>.fromOpaque(argument).release() }
    }
}
