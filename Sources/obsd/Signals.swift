import Glibc

/// What a running server is told from outside.
enum SignalEvent {
    case stop
    case reload
    /// Nothing came within the time.
    case quiet
}

/// Signals as values: blocked in every thread and fetched by one, so that no handler interrupts anything.
struct Signals {
    private var set = sigset_t()

    /// Blocks them; call before any thread is started, which then inherits that.
    init() {
        signal(SIGPIPE, SIG_IGN)
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the next one, at most `seconds`.
    mutating func next(seconds: Int) -> SignalEvent {
        var time = timespec(tv_sec: seconds, tv_nsec: 0)
        switch sigtimedwait(&set, nil, &time) {
        case SIGHUP: return .reload
        case SIGTERM, SIGINT: return .stop
        default: return .quiet
        }
    }
}
