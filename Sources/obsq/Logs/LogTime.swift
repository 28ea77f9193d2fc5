import Bedrock

/// Times of log entries, which are nanoseconds.
enum LogTime {
    static let nanosecondsPerMillisecond: Int64 = 1_000_000

    /// RFC 3339 in UTC with so many digits behind the point; 3 to 9.
    static func text(_ nanoseconds: Int64, digits: Int) -> String {
        // Down, so that times before 1970 keep their fraction.
        var milliseconds = nanoseconds / nanosecondsPerMillisecond
        if nanoseconds % nanosecondsPerMillisecond < 0 { milliseconds -= 1 }
        let time = UTCTime(milliseconds: milliseconds)
        let below = nanoseconds - milliseconds * nanosecondsPerMillisecond
        func padded(_ value: Int, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let fraction = padded(time.millisecond, 3) + padded(Int(below), 6)
        return padded(time.year, 4) + "-" + padded(time.month, 2) + "-" + padded(time.day, 2) + "T"
            + padded(time.hour, 2) + ":" + padded(time.minute, 2) + ":" + padded(time.second, 2) + "."
            + fraction.prefix(digits) + "Z"
    }
}
