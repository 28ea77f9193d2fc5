import Glibc

/// A thread that runs a closure.
final class Thread: @unchecked Sendable {
    private var handle = pthread_t()

    /// Starts it; nil when the system has no more threads to give.
    init?(_ body: @escaping @Sendable () -> Void) {
        let boxed = Unmanaged.passRetained(Start(body: body))
        let status = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                // A peer that went away is an error code, not a signal that ends the process.
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGPIPE)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                start.body()
                return nil
            }, boxed.toOpaque())
        guard status == 0 else {
            boxed.release()
            return nil
        }
    }

    /// Waits for its end. Either this or `detach` is called, once.
    func join() { pthread_join(handle, nil) }

    /// Lets it end by itself.
    func detach() { pthread_detach(handle) }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// Something to wait for: counts `signal`s, `wait` takes one. Thread-safe.
final class Semaphore: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<sem_t>

    init() {
        handle = .allocate(capacity: 1)
        sem_init(handle, 0, 0)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    func signal() { sem_post(handle) }

    func wait() { while sem_wait(handle) != 0 && errno == EINTR {} }
}

/// Stops the calling thread for a while.
func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
