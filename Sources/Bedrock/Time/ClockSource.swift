import Glibc

/// The clock seam: all time in the house comes from one of these, passed in.
public protocol ClockSource: Sendable {
    /// Wall clock, milliseconds since the Unix epoch. May jump.
    func now() -> Int64
    /// Wall clock, nanoseconds since the Unix epoch, as finely as the source knows. May jump.
    func nowNanoseconds() -> Int64
    /// Monotonic nanoseconds from an arbitrary start. Never goes back.
    func monotonicNanoseconds() -> UInt64
}

extension ClockSource {
    public func nowNanoseconds() -> Int64 { now().multipliedReportingOverflow(by: 1_000_000).partialValue }
}

/// The operating system's clocks.
public struct SystemClock: ClockSource {
    public init() {}

    public func now() -> Int64 {
        var t = timespec()
        clock_gettime(CLOCK_REALTIME, &t)
        return Int64(t.tv_sec) * 1000 + Int64(t.tv_nsec) / 1_000_000
    }

    public func nowNanoseconds() -> Int64 {
        var t = timespec()
        clock_gettime(CLOCK_REALTIME, &t)
        return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
    }

    public func monotonicNanoseconds() -> UInt64 {
        var t = timespec()
        clock_gettime(CLOCK_MONOTONIC, &t)
        return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
    }
}
