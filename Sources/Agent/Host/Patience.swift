import Synchronization

/// Runs work that may hang in the kernel (a dead NFS server, a broken driver) on a helper thread, and waits only so long.
///
/// Work that doesn't return in time is abandoned together with its thread; its key is refused until it does return, so that one
/// hanging thing costs one thread and one wait, not one for every call. Thread-safe; calls run one after the other.
final class Patience: Sendable {
    /// Abandoned threads at one time; beyond that all work is refused.
    static let stuckMax = 32

    private let stuck = Stuck()
    /// The helper that waits for work, if any; held while work runs.
    private let idle = Mutex<HelperThread?>(nil)

    deinit { idle.withLock { $0?.quit() } }

    /// The result of `work`; nil where it took longer than `seconds`, or where an earlier run with the same key still hangs.
    func run<T: Sendable>(key: String, seconds: Double, _ work: @escaping @Sendable () -> T) -> T? {
        idle.withLock { idle in
            guard stuck.admits(key), let helper = idle ?? HelperThread.start() else { return nil }
            let result = Slot<T>()
            let stuck = stuck
            let finished = helper.perform(
                seconds: seconds,
                work: {
                    let value = work()
                    result.value.withLock { $0 = value }
                },
                whenLate: { stuck.hold(key) },
                whenLateAndDone: { stuck.release(key) })
            // A helper that is late ends itself once its work returns.
            idle = finished ? helper : nil
            return finished ? result.value.withLock { $0 } : nil
        }
    }

    private final class Slot<T: Sendable>: Sendable {
        let value = Mutex<T?>(nil)
    }

    /// The keys that hang.
    private final class Stuck: Sendable {
        private let keys = Mutex<Set<String>>([])

        func admits(_ key: String) -> Bool { keys.withLock { !$0.contains(key) && $0.count < Patience.stuckMax } }
        func hold(_ key: String) { keys.withLock { _ = $0.insert(key) } }
        func release(_ key: String) { keys.withLock { _ = $0.remove(key) } }
    }
}
