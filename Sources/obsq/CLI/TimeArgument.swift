import Bedrock
import Model

/// Times and spans on the command line.
enum TimeArgument {
    /// `now`, `-1h` (before now), Unix seconds with a fraction, or RFC 3339; in milliseconds.
    static func time(_ text: String, now: Int64) throws -> Int64 {
        if text == "now" { return now }
        if text.hasPrefix("-"), let span = try? PrometheusDuration.parse(String(text.dropFirst())) { return now - span }
        if let seconds = NumberText.parseFloat(text), seconds.magnitude < 1e12 {
            return Int64((seconds * 1000).rounded())
        }
        if let milliseconds = RFC3339.milliseconds(text) { return milliseconds }
        throw UsageError("\"\(text)\" is no time: now, -1h, Unix seconds or 2026-11-24T19:00:00Z")
    }

    /// `5m`, or seconds; in milliseconds.
    static func span(_ text: String) throws -> Int64 {
        if let milliseconds = try? PrometheusDuration.parse(text), milliseconds > 0 { return milliseconds }
        if let seconds = NumberText.parseFloat(text), seconds > 0, seconds < 1e12 { return Int64(seconds * 1000) }
        throw UsageError("\"\(text)\" is no span of time such as 30s, 5m or 1h30m")
    }

    /// `--start` and `--end`, or `--since` before `--end`; the last hour when nothing is said.
    static func range(_ invocation: Invocation, now: Int64) throws -> TimeRange {
        let end = try invocation.value("--end").map { try time($0, now: now) } ?? now
        if let start = invocation.value("--start") {
            if invocation.has("--since") { throw UsageError("--start and --since exclude each other") }
            let start = try time(start, now: now)
            if start > end { throw UsageError("the start is after the end") }
            return TimeRange(start, end)
        }
        return TimeRange(end - (try invocation.value("--since").map(span) ?? 3_600_000), end)
    }

    static let rangeFlags: [Flag] = [
        Flag("--since", "SPAN", "so long before the end (default 1h)"),
        Flag("--start", "TIME", "now, -1h, Unix seconds or RFC 3339"),
        Flag("--end", "TIME", "likewise (default now)"),
    ]
}
