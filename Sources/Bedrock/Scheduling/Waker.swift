import Glibc

/// Tells a waiting worker that there is something to do. A wake before the wait is not lost; several are one.
/// Thread-safe: any number of wakers, one waiter.
public final class Waker: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var isPending = false

    public init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    public func wake() {
        pthread_mutex_lock(mutex)
        let first = !isPending
        isPending = true
        pthread_mutex_unlock(mutex)
        if first { pthread_cond_signal(condition) }
    }

    /// Takes a pending wake, without waiting.
    public func takePending() -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        defer { isPending = false }
        return isPending
    }

    /// Waits for a wake, at most `nanoseconds` of the system's monotonic clock.
    public func wait(nanoseconds: UInt64) {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let rest = UInt64(until.tv_nsec) + nanoseconds % 1_000_000_000
        until.tv_sec += Int(min(nanoseconds / 1_000_000_000, 1 << 31)) + Int(rest / 1_000_000_000)
        until.tv_nsec = Int(rest % 1_000_000_000)
        pthread_mutex_lock(mutex)
        while !isPending {
            if pthread_cond_timedwait(condition, mutex, &until) != 0 { break }
        }
        isPending = false
        pthread_mutex_unlock(mutex)
    }
}
