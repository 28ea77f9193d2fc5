import Bedrock
import Model
import Transport

/// A request's parameters, read as Tempo reads them.
struct TempoParameters {
    let request: HTTPRequest
    let options: TraceQueryOptions
    /// Nanoseconds since the epoch.
    let now: Int64

    static let second: Int64 = 1_000_000_000

    /// The text of a parameter; empty when it is absent.
    func text(_ name: String) -> String { request.parameter(name) ?? "" }

    /// Whole seconds, nanoseconds (numbers of more than ten digits), or RFC 3339; in nanoseconds. Nil when absent, or 0, which Grafana sends for it.
    func time(_ name: String) throws(TempoError) -> Int64? {
        let text = text(name)
        if text.isEmpty || text == "0" { return nil }
        guard let time = LokiParameters.parseTime(text) else {
            throw .badRequest("invalid \(name): \(quoted(text)) is neither a number nor RFC 3339")
        }
        return time
    }

    /// `start` and `end`, by default the last hour (or `since`).
    func range() throws(TempoError) -> SpanTimeRange {
        let end = try time("end") ?? now
        if let start = try time("start") {
            guard end >= start else { throw .badRequest("http parameter start must be before end") }
            return SpanTimeRange(start, end)
        }
        let since = try duration("since") ?? 3600 * Self.second
        let (start, overflow) = end.subtractingReportingOverflow(since)
        return SpanTimeRange(overflow ? .min : start, end)
    }

    /// As `range`, but everything where nothing is said: a hint where to look.
    func hint() throws(TempoError) -> SpanTimeRange {
        SpanTimeRange(try time("start") ?? .min, try time("end") ?? .max)
    }

    /// A duration of Go or Prometheus, or seconds; nanoseconds.
    func duration(_ name: String) throws(TempoError) -> Int64? {
        let text = text(name)
        if text.isEmpty { return nil }
        guard let value = GoDuration.parse(text) ?? (try? APITime.parseDuration(text).get()), value >= 0 else {
            throw .badRequest("invalid \(name): \(quoted(text)) is no duration such as 30s")
        }
        return value
    }

    /// A number of at least `least`, cut to `most`.
    func count(_ name: String, otherwise: Int, least: Int = 1, most: Int) throws(TempoError) -> Int {
        let text = text(name)
        if text.isEmpty { return otherwise }
        guard let value = Int(text), value >= least else {
            throw .badRequest(
                "invalid \(name): must be \(least == 1 ? "a positive number" : "a number of at least \(least)")")
        }
        return min(value, most)
    }

    func traceID() throws(TempoError) -> TraceID {
        let text = text("*")
        guard let id = TraceID(hex: text), !id.isZero else {
            throw .badRequest(
                "trace IDs can only contain hex characters, 1 to 32 of them, not all zero: \(quoted(text))")
        }
        return id
    }
}
