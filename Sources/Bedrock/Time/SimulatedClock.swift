import Synchronization

/// A clock that moves only when told to. Thread-safe.
public final class SimulatedClock: ClockSource {
    private struct Times {
        var wall: Int64
        var monotonic: UInt64
    }

    private let times: Mutex<Times>

    /// - Parameter now: the wall clock at the start, milliseconds since the Unix epoch.
    public init(now: Int64 = 1_700_000_000_000) {
        times = Mutex(Times(wall: now, monotonic: 1))
    }

    public func now() -> Int64 { times.withLock { $0.wall } }

    public func monotonicNanoseconds() -> UInt64 { times.withLock { $0.monotonic } }

    /// Lets time pass on both clocks.
    public func advance(nanoseconds: UInt64) {
        times.withLock { times in
            let before = times.monotonic / 1_000_000
            times.monotonic &+= nanoseconds
            times.wall += Int64(times.monotonic / 1_000_000 - before)
        }
    }

    public func advance(milliseconds: Int64) {
        precondition(milliseconds >= 0, "advance by \(milliseconds) ms")
        advance(nanoseconds: UInt64(milliseconds) * 1_000_000)
    }

    /// Moves the wall clock alone, either way, as an operator or NTP would.
    public func jump(milliseconds: Int64) { times.withLock { $0.wall += milliseconds } }
}
