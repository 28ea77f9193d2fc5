import Model

/// Queries that narrow the values offered while somebody types: one spanset filter, perhaps not finished.
public enum TagQuery {
    /// What spans must pass for their values to be offered: all conditions of `text` that stand by themselves and can be read; the others are
    /// left out, as is everything that is more than one filter.
    public static func filter(of text: String) -> SpanFilter {
        if text.isEmpty { return .everything }
        if let query = try? TraceQLParser.parse(text) { return filter(of: query) ?? .everything }
        let inner = text.drop { $0 == "{" || $0 == " " }.prefix { $0 != "}" }
        let parts = inner.split(separator: "&&").compactMap { part -> SpanFilter? in
            (try? TraceQLParser.parse("{" + part + "}")).flatMap(filter)
        }
        return parts.isEmpty ? .everything : .all(parts)
    }

    private static func filter(of query: TraceQLQuery) -> SpanFilter? {
        guard case .spans(let pipeline) = query.expression, case .spanset(.filter(let expr))? = pipeline.stages.first
        else { return nil }
        return try? FieldFilter(expr).filter
    }
}
