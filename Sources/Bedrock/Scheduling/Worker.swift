/// What one step of a worker achieved.
public enum StepOutcome: Equatable, Sendable {
    /// Something was done; step again soon.
    case progressed
    /// Nothing to do until woken, or until this many nanoseconds have passed.
    case idle(nanoseconds: UInt64)
    /// The worker is done for good.
    case finished
}

/// The scheduling seam: a background activity as a state machine.
///
/// In the product a thread calls `step()` in a loop (`ThreadRunner`); in the simulation a seeded scheduler decides who steps next.
/// A step is bounded in time and never sleeps. `step` is called from one thread at a time.
public protocol Worker: AnyObject, Sendable {
    /// For thread names, metrics and failing seeds.
    var name: String { get }
    /// Ends an idle wait early; whoever gives the worker something to do wakes it. Nil: it only wakes by time.
    var waker: Waker? { get }
    func step() -> StepOutcome
}

extension Worker {
    public var waker: Waker? { nil }
}
