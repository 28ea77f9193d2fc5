import CLinux
import Glibc

/// A thread that does one piece of work at a time for a caller who won't wait for ever.
final class HelperThread: @unchecked Sendable {
    private struct Job {
        var work: @Sendable () -> Void
        var whenLateAndDone: @Sendable () -> Void
    }

    // All below is guarded by `mutex`, which lives on the heap because pthread wants a fixed address.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var job: Job?
    private var isDone = false
    private var isAbandoned = false
    private var mustQuit = false

    private init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// A running helper; nil where the system has no thread left.
    static func start() -> HelperThread? {
        let helper = HelperThread()
        let argument = Unmanaged.passRetained(helper)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<HelperThread>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            return nil
        }
        pthread_detach(thread)
        return helper
    }

    /// Runs `body` on a thread of its own, which ends by itself; false where the system has no thread left.
    static func detach(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        final class Start: Sendable {
            let name: String
            let body: @Sendable () -> Void

            init(_ name: String, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        let argument = Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                clinux_name_thread(start.name)
                start.body()
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    /// Hands over `work` and waits for it. False when it isn't done in time: `whenLate` has been called then, `whenLateAndDone` will be
    /// once the work returns, and this helper must not be used again.
    func perform(
        seconds: Double, work: @escaping @Sendable () -> Void, whenLate: () -> Void,
        whenLateAndDone: @escaping @Sendable () -> Void
    ) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = Int(min(max(seconds, 0), 1e6) * 1e9) + deadline.tv_nsec
        deadline.tv_sec += nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        job = Job(work: work, whenLateAndDone: whenLateAndDone)
        isDone = false
        pthread_cond_broadcast(changed)
        while !isDone {
            if pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT && !isDone {
                isAbandoned = true
                whenLate()
                return false
            }
        }
        return true
    }

    /// Ends the thread once it is idle.
    func quit() {
        pthread_mutex_lock(mutex)
        mustQuit = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    private func loop() {
        clinux_name_thread("host-metrics")
        pthread_mutex_lock(mutex)
        while true {
            guard let next = job else {
                if mustQuit { break }
                pthread_cond_wait(changed, mutex)
                continue
            }
            job = nil
            pthread_mutex_unlock(mutex)
            next.work()
            pthread_mutex_lock(mutex)
            if isAbandoned {
                next.whenLateAndDone()
                break
            }
            isDone = true
            pthread_cond_broadcast(changed)
        }
        pthread_mutex_unlock(mutex)
    }
}
