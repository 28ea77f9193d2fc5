import Bedrock

/// Waits between tries: half a second, then twice as long each time, up to half a minute.
struct Backoff {
    private var milliseconds: UInt64 = 500

    init() {}

    var text: String { milliseconds < 1000 ? "0.5 s" : "\(milliseconds / 1000) s" }

    /// Nanoseconds.
    mutating func next() -> UInt64 {
        defer { milliseconds = min(milliseconds * 2, 30_000) }
        return milliseconds * 1_000_000
    }
}

/// Says when the tail falls behind, and when it has caught up; not more often than the lag doubles.
struct LagWatch {
    private var told = 0.0
    /// The server tells, and knows better than senders' clocks.
    private var isTold = false
    private static let worthTelling = 5.0

    init() {}

    /// Judges by the time of an entry, where the server tells nothing.
    /// - Parameter newest: nanoseconds.
    mutating func see(newest: Int64?, _ output: Output) {
        guard let newest, !isTold else { return }
        judge(Double(SystemClock().now()) / 1000 - Double(newest) / 1e9, output)
    }

    /// What the server tells, in seconds.
    mutating func see(_ seconds: Double, _ output: Output) {
        isTold = true
        judge(seconds, output)
    }

    private mutating func judge(_ seconds: Double, _ output: Output) {
        if seconds >= max(Self.worthTelling, told * 2) {
            told = seconds
            output.note("\(Int(seconds)) s behind")
        } else if told > 0, seconds < Self.worthTelling / 2 {
            told = 0
            output.note("caught up")
        }
    }
}
