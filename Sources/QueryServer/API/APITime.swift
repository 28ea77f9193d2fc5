import Bedrock
import Model

/// Times and durations as the Prometheus API takes them.
enum APITime {
    struct Complaint: Error, CustomStringConvertible {
        let description: String
    }

    /// Farther times mean the first or last moment there is.
    private static let secondsMax = 9.2e15

    /// Unix seconds, rounded to milliseconds, or RFC 3339; in milliseconds.
    static func parse(_ text: String) -> Int64? {
        if let seconds = NumberText.parseFloat(text, syntax: .go) {
            guard !seconds.isNaN else { return nil }
            if seconds >= secondsMax { return TimeRange.everything.end }
            if seconds <= -secondsMax { return TimeRange.everything.start }
            // As Prometheus: the fraction alone is rounded, half away from zero.
            let whole = seconds.rounded(.towardZero)
            return Int64(whole) * 1000 + Int64(((seconds - whole) * 1000).rounded(.toNearestOrAwayFromZero))
        }
        switch text {
        // Go's formatted first and last times, which its client library sends.
        case "-292273086-05-16T16:47:06Z": return TimeRange.everything.start
        case "292277025-08-18T07:12:54.999999999Z": return TimeRange.everything.end
        default: return RFC3339.milliseconds(text)
        }
    }

    static func complaint(_ text: String) -> String { "cannot parse \(quoted(text)) to a valid timestamp" }

    /// Seconds with a fraction, or Prometheus' `1h30m`; in nanoseconds.
    static func parseDuration(_ text: String) -> Result<Int64, Complaint> {
        if let seconds = NumberText.parseFloat(text, syntax: .go), !seconds.isNaN {
            let nanoseconds = seconds * 1e9
            guard nanoseconds.magnitude < 0x1p63 else {
                return .failure(
                    Complaint(description: "cannot parse \(quoted(text)) to a valid duration. It overflows int64"))
            }
            return .success(Int64(nanoseconds))
        }
        if let milliseconds = try? PrometheusDuration.parse(text) { return .success(milliseconds * 1_000_000) }
        return .failure(Complaint(description: "cannot parse \(quoted(text)) to a valid duration"))
    }
}

/// Times such as `2015-07-01T20:10:30.781Z` and `2015-07-01T20:10:30+02:00` (RFC 3339).
enum RFC3339 {
    /// What stands for a time that has not been, as Go writes its zero time.
    static let never = "0001-01-01T00:00:00Z"

    /// Milliseconds since the epoch, finer fractions cut; nil for anything else than that form.
    static func milliseconds(_ text: String) -> Int64? {
        var scan = Scan(bytes: Array(text.utf8))
        guard let year = scan.number(4), scan.take("-"), let month = scan.number(2), scan.take("-"),
            let day = scan.number(2), scan.take("T"), let hour = scan.number(2), scan.take(":"),
            let minute = scan.number(2), scan.take(":"), let second = scan.number(2)
        else { return nil }
        let fraction = scan.fraction()
        guard let fraction, let offset = scan.zone(), scan.isAtEnd, (1...12).contains(month), day >= 1,
            day <= UTCTime.daysInMonth(year: year, month: month), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = UTCTime.days(year: year, month: month, day: day)
        let seconds = ((days * 24 + Int64(hour)) * 60 + Int64(minute)) * 60 + Int64(second)
        return (seconds - Int64(offset) * 60) * 1000 + Int64(fraction)
    }

    private struct Scan {
        let bytes: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        mutating func take(_ wanted: Unicode.Scalar) -> Bool {
            guard at < bytes.count, bytes[at] == UInt8(ascii: wanted) else { return false }
            at += 1
            return true
        }

        mutating func number(_ digits: Int) -> Int? {
            guard at + digits <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[at..<at + digits] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            at += digits
            return value
        }

        /// Milliseconds of `.123456`; 0 when there is no fraction, nil when it has no digits.
        mutating func fraction() -> Int? {
            guard take(".") || take(",") else { return 0 }
            var value = 0
            var count = 0
            while let digit = number(1) {
                if count < 3 { value = value * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in min(count, 3)..<3 { value *= 10 }
            return value
        }

        /// Minutes east of UTC.
        mutating func zone() -> Int? {
            if take("Z") { return 0 }
            let sign = take("+") ? 1 : take("-") ? -1 : 0
            guard sign != 0, let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            return sign * (hours * 60 + minutes)
        }
    }
}
