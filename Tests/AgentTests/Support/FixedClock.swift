import Bedrock
import Synchronization

/// A clock that a test sets.
final class FixedClock: ClockSource {
    private let milliseconds: Mutex<Int64>

    init(_ start: Int64 = 1_700_000_000_000) { milliseconds = Mutex(start) }

    func now() -> Int64 { milliseconds.withLock { $0 } }
    func monotonicNanoseconds() -> UInt64 { UInt64(now()) * 1_000_000 }
    func advance(milliseconds delta: Int64) { milliseconds.withLock { $0 += delta } }
}
