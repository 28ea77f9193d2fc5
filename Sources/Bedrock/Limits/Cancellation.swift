import Synchronization

/// Why work was given up.
public enum Cancelled: Error, Equatable, Sendable, CustomStringConvertible {
    /// The one who asked has gone away, or called it off.
    case byCaller
    /// The deadline passed.
    case deadline

    public var description: String {
        switch self {
        case .byCaller: "canceled by the caller"
        case .deadline: "deadline exceeded"
        }
    }
}

/// A flag that stops a query or another long piece of work from outside, with an optional deadline. Thread-safe.
public final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)
    private let clock: any ClockSource
    private let parent: Cancellation?
    /// Monotonic nanoseconds; `.max` means none.
    public let deadline: UInt64

    /// - Parameters:
    ///   - deadlineNanoseconds: monotonic time of `clock` after which `check` throws.
    ///   - parent: cancelled with it, and late no later than it.
    public init(
        clock: any ClockSource = SystemClock(), deadlineNanoseconds: UInt64 = .max, parent: Cancellation? = nil
    ) {
        self.clock = clock
        self.parent = parent
        deadline = min(deadlineNanoseconds, parent?.deadline ?? .max)
    }

    public func cancel() { flag.store(true, ordering: .relaxed) }

    public var isCancelled: Bool { flag.load(ordering: .relaxed) || (parent?.isCancelled ?? false) }

    /// Throws when cancelled or late. Cheap enough for once per batch, not for once per sample.
    public func check() throws(Cancelled) {
        if isCancelled { throw .byCaller }
        if deadline != .max && clock.monotonicNanoseconds() > deadline { throw .deadline }
    }
}
