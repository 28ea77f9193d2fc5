import Bedrock
import Synchronization

/// Nanoseconds since the epoch from the monotonic clock and an offset that is set once in a while: one reading a time stamp, and spans never
/// end before they start. Thread-safe.
final class TelemetryClock: Sendable {
    let source: any ClockSource
    private let offset = Atomic<Int64>(0)

    init(_ source: any ClockSource) {
        self.source = source
        adjust()
    }

    /// Follows the wall clock; called about once a second.
    func adjust() {
        let wall = source.nowNanoseconds()
        offset.store(wall &- Int64(clamping: source.monotonicNanoseconds()), ordering: .relaxed)
    }

    /// Monotonic.
    @inline(__always)
    func nanoseconds() -> UInt64 { source.monotonicNanoseconds() }

    /// What to add to monotonic nanoseconds to get those since the epoch.
    var wallOffset: Int64 { offset.load(ordering: .relaxed) }

    func wallNanoseconds() -> UInt64 { UInt64(clamping: Int64(clamping: nanoseconds()) &+ wallOffset) }
}
