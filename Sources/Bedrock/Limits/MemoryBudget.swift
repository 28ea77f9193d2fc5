import Synchronization

/// One ceiling for the memory of many named users: every queue, cache and pool holds an account. Thread-safe.
public final class MemoryBudget: Sendable {
    private struct State {
        var total = 0
        var accounts: [String: Int] = [:]
    }

    public let byteCountMax: Int
    private let state = Mutex(State())

    public init(byteCountMax: Int) {
        precondition(byteCountMax > 0, "budget of \(byteCountMax) bytes")
        self.byteCountMax = byteCountMax
    }

    /// An account of that name; accounts of one name add up. What it holds goes back when it is released.
    public func account(_ name: String) -> MemoryAccount { MemoryAccount(name, of: self) }

    /// Bytes reserved by all.
    public var byteCount: Int { state.withLock { $0.total } }

    /// Bytes per account, by name.
    public var accounts: [(name: String, bytes: Int)] {
        state.withLock { $0.accounts }.map { (name: $0.key, bytes: $0.value) }.sorted { $0.name < $1.name }
    }

    fileprivate func change(_ name: String, by delta: Int, force: Bool) -> Bool {
        state.withLock { state in
            if delta > 0 && !force && state.total > byteCountMax - delta { return false }
            state.total += delta
            let left = (state.accounts[name] ?? 0) + delta
            state.accounts[name] = left == 0 ? nil : left
            return true
        }
    }
}

/// What one user has reserved of a `MemoryBudget`. Thread-safe.
public final class MemoryAccount: Sendable {
    public let name: String
    private let budget: MemoryBudget
    private let held = Atomic<Int>(0)

    fileprivate init(_ name: String, of budget: MemoryBudget) {
        self.name = name
        self.budget = budget
    }

    deinit { _ = budget.change(name, by: -held.load(ordering: .relaxed), force: true) }

    public var byteCount: Int { held.load(ordering: .relaxed) }

    /// Reserves more, unless that would break the ceiling.
    public func tryGrow(by bytes: Int) -> Bool {
        precondition(bytes >= 0, "grow by \(bytes)")
        guard budget.change(name, by: bytes, force: false) else { return false }
        held.wrappingAdd(bytes, ordering: .relaxed)
        return true
    }

    public func shrink(by bytes: Int) {
        precondition(bytes >= 0 && bytes <= byteCount, "shrink by \(bytes) of \(byteCount)")
        held.wrappingSubtract(bytes, ordering: .relaxed)
        _ = budget.change(name, by: -bytes, force: true)
    }

    /// States what is in use already: allowed to pass the ceiling, for users that stop growing by themselves when they see it passed.
    public func set(_ bytes: Int) {
        precondition(bytes >= 0, "set to \(bytes)")
        let before = held.exchange(bytes, ordering: .relaxed)
        _ = budget.change(name, by: bytes - before, force: true)
    }
}
