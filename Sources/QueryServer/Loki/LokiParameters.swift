import Bedrock
import LogQL
import Model
import Transport

/// A request's parameters, read as Loki reads them, with its error texts.
struct LokiParameters {
    let request: HTTPRequest
    let options: LogQueryOptions
    /// Nanoseconds since the epoch.
    let now: Int64

    static let second: Int64 = 1_000_000_000

    /// The text of a parameter; empty when it is absent.
    func text(_ name: String) -> String { request.parameter(name) ?? "" }

    // MARK: Times

    /// `start` and `end`, by default the last hour (or `since`).
    func range(sinceSeconds: Int64? = nil) throws(LokiError) -> LogTimeRange {
        var since = (sinceSeconds ?? options.sinceSeconds) &* Self.second
        let sinceText = text("since")
        if !sinceText.isEmpty {
            guard let duration = Self.duration(sinceText) else {
                throw .badRequest(
                    "could not parse 'since' parameter: not a valid duration string: \(quoted(sinceText))")
            }
            since = duration
        }
        let end = try time("end") ?? now
        let (origin, overflows) = min(end, now).subtractingReportingOverflow(since)
        return LogTimeRange(try time("start") ?? (overflows ? .min : origin), end)
    }

    /// As `range`, refused when it is empty.
    func properRange(sinceSeconds: Int64? = nil) throws(LokiError) -> LogTimeRange {
        let range = try range(sinceSeconds: sinceSeconds)
        guard range.end > range.start else {
            throw .badRequest("end timestamp must not be before or equal to start time")
        }
        return range
    }

    /// A time in nanoseconds; nil when it is absent.
    func time(_ name: String) throws(LokiError) -> Int64? {
        let text = text(name)
        if text.isEmpty { return nil }
        guard let time = Self.parseTime(text) else {
            throw .badRequest("could not parse '\(name)' parameter: \(quoted(text)) is neither a number nor RFC 3339")
        }
        return time
    }

    /// Whole numbers are nanoseconds, or seconds when they have at most ten digits; fractions are seconds.
    static func parseTime(_ text: String) -> Int64? {
        if text.utf8.contains(UInt8(ascii: ".")), let seconds = NumberText.parseFloat(text, syntax: .go) {
            guard seconds.magnitude < 9.2e9 else { return nil }
            let whole = seconds.rounded(.towardZero)
            return Int64(whole) * second + Int64(((seconds - whole) * 1000).rounded() * 1e6)
        }
        if let number = NumberText.parseInteger(text) {
            return text.utf8.count <= 10 ? number * second : number
        }
        var text = text
        return text.withUTF8 { RFC3339.nanoseconds(UnsafeRawBufferPointer($0)) }
    }

    /// Seconds with a fraction, or Prometheus' `1h30m`; in nanoseconds.
    static func duration(_ text: String) -> Int64? {
        guard case .success(let nanoseconds) = APITime.parseDuration(text) else { return nil }
        return nanoseconds
    }

    /// The distance of points, nanoseconds; by default a 250th of the range, in whole seconds.
    func step(_ range: LogTimeRange) throws(LokiError) -> Int64 {
        let (length, overflows) = range.end.subtractingReportingOverflow(range.start)
        guard !overflows else { throw .badRequest("the range is too long") }
        let text = text("step")
        var step = max(length / 250 / Self.second, 1) * Self.second
        if !text.isEmpty {
            guard let given = Self.duration(text) else {
                throw .badRequest("cannot parse \(quoted(text)) to a valid duration")
            }
            step = given
        }
        guard step > 0 else {
            throw .badRequest(
                "zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        guard length / step <= options.pointsMax else {
            throw .badRequest(
                "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
            )
        }
        return step
    }

    /// Distance of entries at least, nanoseconds; 0: all of them.
    func interval() throws(LokiError) -> Int64 {
        let text = text("interval")
        if text.isEmpty { return 0 }
        guard let interval = Self.duration(text) else {
            throw .badRequest("cannot parse \(quoted(text)) to a valid duration")
        }
        guard interval >= 0 else { throw .badRequest("interval must be >= 0") }
        return interval
    }

    // MARK: Numbers

    /// A positive number, or one of at least `least`.
    func count(_ name: String, otherwise: Int, least: Int = 1) throws(LokiError) -> Int {
        let text = text(name)
        if text.isEmpty { return otherwise }
        let value: Int
        do throws(GoInteger.ParseError) { value = try GoInteger.parse(text) } catch {
            throw .badRequest(error.description)
        }
        guard value >= least else { throw .badRequest("\(name) must be a positive value") }
        return value
    }

    /// Entries wanted.
    func entriesLimit() throws(LokiError) -> Int {
        let limit = try count("limit", otherwise: options.entriesDefault)
        guard limit <= options.entriesMax else {
            throw .badRequest(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query (\(limit) > \(options.entriesMax))"
            )
        }
        return limit
    }

    func direction() throws(LokiError) -> LogDirection {
        switch text("direction").lowercased() {
        case "", "backward": return .backward
        case "forward": return .forward
        default: throw .badRequest("invalid direction \(quoted(text("direction")))")
        }
    }

    /// The tree of `query`.
    func logQL() throws(LogQLError) -> LogQLExpr {
        try LogQLParser.parse(text("query"), takesEmptySelector: request.headers["X-Obs-Empty-Selector"] == "all")
    }

    /// How values are written.
    var encoding: LogValueEncoding {
        var encoding = LogValueEncoding()
        for flag in (request.headers["X-Loki-Response-Encoding-Flags"] ?? "").split(separator: ",") {
            switch flag.filter({ $0 != " " }) {
            case "categorize-labels": encoding.isCategorized = true
            case "base64-lines": encoding.isExact = true
            default: break
            }
        }
        return encoding
    }
}
