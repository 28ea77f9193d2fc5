/// What the operand of `obsq logs` asks, as LogQL.
struct LogQuestion {
    /// LogQL.
    var query: String
    /// It gives numbers, not entries.
    var isMetric: Bool

    /// - Parameter text: LogQL, or words as in a search box; empty is everything.
    init(_ text: String) throws {
        let trimmed = text.drop(while: \.isWhitespace)
        isMetric = Self.isMetric(trimmed)
        query = isMetric || trimmed.hasPrefix("{") ? text : try PlainSearch(text).query
    }

    /// A call or a parenthesis around a selector. Literals such as `5` are words to search for.
    private static func isMetric(_ text: Substring) -> Bool {
        guard text.contains("{"), let open = text.firstIndex(of: "(") else { return false }
        let head = text[..<open].split(whereSeparator: \.isWhitespace)
        return head.allSatisfy { $0.allSatisfy { $0.isLetter || $0 == "_" } } && head.count <= 2
    }

    /// The number of entries over time, split by `label`; of a metric query, the query itself. `step` is in milliseconds.
    func counts(by label: String?, step: Int64) -> String {
        if isMetric { return query }
        // On a line of its own: the query may end in a comment.
        let count = "count_over_time(\(query)\n[\(step)ms])"
        guard let label else { return "sum(\(count))" }
        return "sum by (\(label)) (\(count))"
    }
}
