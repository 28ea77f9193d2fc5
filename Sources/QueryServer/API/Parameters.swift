import Bedrock
import Model
import PromQL
import Transport

/// A request's parameters, read as Prometheus reads them, with its error texts.
struct Parameters {
    let request: HTTPRequest

    /// The text of a parameter; empty when it is absent.
    func text(_ name: String) -> String { request.parameter(name) ?? "" }

    /// 0 means no limit.
    func limit() throws(APIError) -> Int {
        let text = text("limit")
        if text.isEmpty { return 0 }
        let limit: Int
        do throws(GoInteger.ParseError) { limit = try GoInteger.parse(text) } catch {
            throw .parameter("limit", error.description)
        }
        guard limit >= 0 else { throw .parameter("limit", "limit must be non-negative") }
        return limit
    }

    /// Any integer; nil when absent.
    func integer(_ name: String) throws(APIError) -> Int? {
        let text = text(name)
        if text.isEmpty { return nil }
        guard let value = try? GoInteger.parse(text) else { throw .badData("\(name) must be a number") }
        return value
    }

    /// A time in milliseconds, or `otherwise` when it is absent.
    func time(_ name: String, otherwise: Int64) throws(APIError) -> Int64 {
        let text = text(name)
        if text.isEmpty { return otherwise }
        guard let time = APITime.parse(text) else {
            throw .parameter(name, "invalid time value for '\(name)': \(APITime.complaint(text))")
        }
        return time
    }

    /// A time in milliseconds that must be there.
    func requiredTime(_ name: String) throws(APIError) -> Int64 {
        guard let time = APITime.parse(text(name)) else { throw .parameter(name, APITime.complaint(text(name))) }
        return time
    }

    /// `start` and `end`, by default everything.
    func range() throws(APIError) -> TimeRange {
        TimeRange(
            try time("start", otherwise: TimeRange.everything.start),
            try time("end", otherwise: TimeRange.everything.end))
    }

    /// A duration in nanoseconds; nil when it is absent.
    func duration(_ name: String) throws(APIError) -> Int64? {
        let text = text(name)
        if text.isEmpty { return nil }
        return try requiredDuration(name)
    }

    func requiredDuration(_ name: String) throws(APIError) -> Int64 {
        switch APITime.parseDuration(text(name)) {
        case .success(let nanoseconds): return nanoseconds
        case .failure(let why): throw .parameter(name, why.description)
        }
    }

    /// The selectors of `match[]`, each with a matcher that the empty text does not pass.
    func matcherSets() throws(APIError) -> [[Matcher]] {
        var sets: [[Matcher]] = []
        for text in request.parameters("match[]") {
            do throws(ParseError) { sets.append(try PromQLParser.parseMetricSelector(text)) } catch {
                // The parser's own rule for selectors, which the API words in its own way.
                let rule = "must contain at least one non-empty matcher"
                throw .badData(error.message.hasSuffix(rule) ? "match[] " + rule : error.description)
            }
        }
        return sets
    }

    /// The parsed `query`.
    func expression() throws(APIError) -> Expr {
        do throws(ParseError) { return try PromQLParser.parse(text("query")) } catch {
            throw .parameter("query", error.description)
        }
    }
}

/// Integers as Go reads them, for its error texts.
enum GoInteger {
    struct ParseError: Error, CustomStringConvertible {
        let description: String
    }

    static func parse(_ text: String) throws(ParseError) -> Int {
        if let value = Int(text) { return value }
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
        throw ParseError(
            description: "strconv.Atoi: parsing \(quoted(text)): \(isNumber ? "value out of range" : "invalid syntax")")
    }
}
