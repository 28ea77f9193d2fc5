/// What the operand of `obsq logs` asks, as LogQL.
struct LogQuestion {
    /// LogQL.
    var query: String
    /// It gives numbers, not entries.
    var isMetric: Bool

    init(_ text: String) throws {
        query = text
        isMetric = !text.hasPrefix("{")
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
