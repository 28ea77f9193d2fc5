import Bedrock

/// Times of RFC 3164: `Oct  7 22:14:15`, in UTC as nothing says otherwise; or RFC 3339, as newer senders write.
enum SyslogTime {
    /// The time at the start of `text` in nanoseconds, and its length; nil when there is none. The year is the one that brings it nearest to `now`.
    static func parse(_ text: UnsafeRawBufferPointer, now: Int64) -> (time: Int64, length: Int)? {
        if let first = text.first, first &- 48 < 10 {
            let end = text.prefix(40).firstIndex(of: UInt8(ascii: " ")) ?? min(text.count, 40)
            return RFC3339.nanoseconds(UnsafeRawBufferPointer(rebasing: text[..<end])).map { ($0, end) }
        }
        guard text.count >= 15, let month = month(text), text[3] == UInt8(ascii: " "),
            let day = number(text, 4), text[6] == UInt8(ascii: " "), let hour = number(text, 7),
            text[9] == UInt8(ascii: ":"), let minute = number(text, 10), text[12] == UInt8(ascii: ":"),
            let second = number(text, 13), day >= 1, hour < 24, minute < 60, second < 61
        else { return nil }
        let year = UTCTime(milliseconds: now / 1_000_000).year
        var best: Int64?
        for candidate in [year - 1, year, year + 1] {
            guard day <= UTCTime.daysInMonth(year: candidate, month: month) else { continue }
            let days = UTCTime.days(year: candidate, month: month, day: day)
            let seconds = ((days * 24 + Int64(hour)) * 60 + Int64(minute)) * 60 + Int64(second)
            let (time, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            if overflow { continue }
            if let known = best, distance(known, now) <= distance(time, now) { continue }
            best = time
        }
        return best.map { ($0, 15) }
    }

    private static func distance(_ a: Int64, _ b: Int64) -> UInt64 {
        a > b ? UInt64(bitPattern: a &- b) : UInt64(bitPattern: b &- a)
    }

    private static func month(_ text: UnsafeRawBufferPointer) -> Int? {
        let names: [StaticString] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let word = UnsafeRawBufferPointer(rebasing: text[..<3])
        return names.firstIndex { word.spells($0) }.map { $0 + 1 }
    }

    /// Two digits, the first of which may be a space.
    private static func number(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int? {
        let tens = text[at] == UInt8(ascii: " ") ? 0 : text[at] &- 48
        let ones = text[at + 1] &- 48
        return tens < 10 && ones < 10 ? Int(tens) * 10 + Int(ones) : nil
    }
}
