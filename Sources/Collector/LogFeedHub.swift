import Model
import Synchronization

/// Those who follow what is written, by tenant. Thread-safe.
final class LogFeedHub: LogFeed {
    private final class Subscription: LogSubscription {
        private let end: @Sendable () -> Void

        init(end: @escaping @Sendable () -> Void) { self.end = end }

        deinit { end() }
    }

    private struct State {
        var receivers: [Tenant: [Int: @Sendable (LogBatch) -> Void]] = [:]
        var nextNumber = 0
    }

    private let state = Mutex(State())
    /// So that writing costs one load while nobody follows.
    private let count = Atomic<Int>(0)

    func follow(tenant: Tenant, _ receive: @escaping @Sendable (LogBatch) -> Void) -> any LogSubscription {
        let number = state.withLock { state -> Int in
            state.nextNumber += 1
            state.receivers[tenant, default: [:]][state.nextNumber] = receive
            return state.nextNumber
        }
        count.wrappingAdd(1, ordering: .relaxed)
        return Subscription { [weak self] in self?.remove(number, tenant) }
    }

    private func remove(_ number: Int, _ tenant: Tenant) {
        state.withLock { state in
            state.receivers[tenant]?[number] = nil
            if state.receivers[tenant]?.isEmpty == true { state.receivers[tenant] = nil }
        }
        count.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Shows a durable batch to those who follow the tenant. Not under the lock: a receiver may end its own subscription.
    func publish(_ batch: LogBatch, tenant: Tenant) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        let receivers = state.withLock { $0.receivers[tenant].map { Array($0.values) } ?? [] }
        for receive in receivers { receive(batch) }
    }
}
