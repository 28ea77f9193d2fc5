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
