import Synchronization

/// An object that one side replaces while others take it, where takers never wait and never make a replacer wait.
///
/// Epoch-based reclamation (Fraser 2004) with two generations of readers: a replaced object is given up only once every reader that could
/// still be between loading the pointer and retaining the object has left. Replacers exclude each other. Thread-safe.
public final class Published<Value: AnyObject & Sendable>: @unchecked Sendable {
    private struct Retired {
        var epoch: UInt64
        var value: Value
    }

    private let current: Atomic<Unmanaged<Value>>
    private let epoch = Atomic<UInt64>(0)
    private let evenReaders = Atomic<Int>(0)
    private let oddReaders = Atomic<Int>(0)
    private let retired = Mutex<[Retired]>([])

    public init(_ value: Value) { current = Atomic(Unmanaged.passRetained(value)) }

    deinit { current.load(ordering: .sequentiallyConsistent).release() }

    /// The object of this moment.
    public func load() -> Value {
        var entered = epoch.load(ordering: .sequentiallyConsistent)
        while true {
            enter(entered)
            let now = epoch.load(ordering: .sequentiallyConsistent)
            if now == entered { break }
            leave(entered)
            entered = now
        }
        defer { leave(entered) }
        return Self.retained(current.load(ordering: .sequentiallyConsistent))
    }

    /// Replaces the object by what `body` makes of it.
    public func update(_ body: (Value) throws -> Value) rethrows {
        let freed = try retired.withLock { retired -> [Retired] in
            let old = current.load(ordering: .sequentiallyConsistent)
            let new = try body(old.takeUnretainedValue())
            current.store(Unmanaged.passRetained(new), ordering: .sequentiallyConsistent)
            retired.append(
                Retired(epoch: epoch.load(ordering: .sequentiallyConsistent), value: old.takeRetainedValue()))
            return advance(&retired)
        }
        // Released here, outside of the lock.
        _ = consume freed
    }

    /// Gives up replaced objects that no reader can still be about to retain; called now and then when updates are rare.
    public func reclaim() {
        for _ in 0..<2 { _ = retired.withLock { advance(&$0) } }
    }

    /// Moves to the next epoch if no reader of the last one is left; what was retired in the last one is then out of reach.
    private func advance(_ retired: inout [Retired]) -> [Retired] {
        let now = epoch.load(ordering: .sequentiallyConsistent)
        guard readerCount(now &+ 1) == 0 else { return [] }
        epoch.store(now &+ 1, ordering: .sequentiallyConsistent)
        let freed = retired.filter { $0.epoch < now }
        retired.removeAll { $0.epoch < now }
        return freed
    }

    private func readerCount(_ epoch: UInt64) -> Int {
        epoch & 1 == 0
            ? evenReaders.load(ordering: .sequentiallyConsistent) : oddReaders.load(ordering: .sequentiallyConsistent)
    }

    private func enter(_ epoch: UInt64) {
        if epoch & 1 == 0 {
            evenReaders.wrappingAdd(1, ordering: .sequentiallyConsistent)
        } else {
            oddReaders.wrappingAdd(1, ordering: .sequentiallyConsistent)
        }
    }

    private func leave(_ epoch: UInt64) {
        if epoch & 1 == 0 {
            evenReaders.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        } else {
            oddReaders.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }

    /// Not inlined, so that the retain stays between entering and leaving.
    @inline(never) private static func retained(_ value: Unmanaged<Value>) -> Value { value.takeUnretainedValue() }
}
