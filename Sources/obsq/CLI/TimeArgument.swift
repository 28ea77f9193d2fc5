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

    /// `--start` and `--end` (or what they are called), or `--since` before the end; the last hour when nothing is said.
    static func range(
        _ invocation: Invocation, now: Int64, start startFlag: String = "--start", end endFlag: String = "--end"
    ) throws -> TimeRange {
        let end = try invocation.value(endFlag).map { try time($0, now: now) } ?? now
        if let start = invocation.value(startFlag) {
            if invocation.has("--since") { throw UsageError("\(startFlag) and --since exclude each other") }
            let start = try time(start, now: now)
            if start > end { throw UsageError("the start is after the end") }
            return TimeRange(start, end)
        }
        return TimeRange(end - (try invocation.value("--since").map(span) ?? 3_600_000), end)
    }

    /// The next of 1, 5, 10, 15, 30 s, 1, 2, 5, 10, 15, 30 min, 1, 2, 6, 12 h, 1 d and its multiples; milliseconds.
    static func niceStep(_ wanted: Int64) -> Int64 {
        let steps: [Int64] = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400]
        return steps.map { $0 * 1000 }.first { $0 >= wanted } ?? (wanted / 86_400_000 + 1) * 86_400_000
    }

    static let rangeFlags: [Flag] = [
        Flag("--since", "SPAN", "so long before the end (default 1h)"),
        Flag("--start", "TIME", "now, -1h, Unix seconds or RFC 3339"),
        Flag("--end", "TIME", "likewise (default now)"),
    ]
}
