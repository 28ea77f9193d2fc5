import Bedrock
import Model

/// Where a pipeline puts finished lines: the record being built, stamped with times that never repeat. Not thread-safe.
final class LogAppending {
    let builder: LogRecordBuilder
    private let times: LineTimes

    init(_ builder: LogRecordBuilder, _ times: LineTimes) {
        self.builder = builder
        self.times = times
    }

    /// Nanoseconds since the epoch, higher than any before.
    func time() -> Int64 { times.next() }

    func advance(_ key: String, _ value: [UInt8]) { builder.advance(key, value) }
}

/// Times for lines that bring none. Not thread-safe.
final class LineTimes {
    private let clock: any ClockSource
    private var last: Int64 = 0

    init(_ clock: any ClockSource) { self.clock = clock }

    /// Lines keep the order in which they were read, and no two look like one sent twice.
    func next() -> Int64 {
        last = max(last &+ 1, clock.now() &* 1_000_000)
        return last
    }
}
