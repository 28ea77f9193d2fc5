/// What a query variable asks a Prometheus server.
public enum VariableQuery: Equatable, Sendable {
    case labelValues(label: String, selector: String?)
    case labelNames(selector: String?)
    /// Names of metrics that match a pattern.
    case metrics(pattern: String)
    /// Results of an instant query as lines.
    case queryResult(expression: String)
    /// Anything else is a selector whose series are listed.
    case series(selector: String)

    /// - Parameter text: the query, already interpolated.
    public init(_ text: String) {
        let trimmed = Self.trim(text)
        if let inner = Self.arguments(trimmed, "label_values") {
            // The last comma splits: selectors have commas of their own.
            if let comma = inner.lastIndex(of: ","), Self.isLabel(Self.trim(inner[inner.index(after: comma)...])) {
                let selector = Self.trim(inner[..<comma])
                self = .labelValues(
                    label: Self.trim(inner[inner.index(after: comma)...]), selector: selector.isEmpty ? nil : selector)
            } else {
                self = .labelValues(label: Self.trim(inner), selector: nil)
            }
        } else if let inner = Self.arguments(trimmed, "label_names") {
            self = .labelNames(selector: Self.trim(inner).isEmpty ? nil : Self.trim(inner))
        } else if let inner = Self.arguments(trimmed, "metrics") {
            self = .metrics(pattern: Self.trim(inner))
        } else if let inner = Self.arguments(trimmed, "query_result") {
            self = .queryResult(expression: Self.trim(inner))
        } else {
            self = .series(selector: trimmed)
        }
    }

    private static func arguments(_ text: String, _ function: String) -> Substring? {
        guard text.hasPrefix(function), text.hasSuffix(")") else { return nil }
        let rest = text.dropFirst(function.count).drop { $0 == " " }
        guard rest.first == "(" else { return nil }
        return rest.dropFirst().dropLast()
    }

    private static func trim(_ text: some StringProtocol) -> String {
        var part = Substring(text)
        while let first = part.first, first.isWhitespace { part = part.dropFirst() }
        while let last = part.last, last.isWhitespace { part = part.dropLast() }
        return String(part)
    }

    /// Plain names, or quoted UTF-8 ones.
    private static func isLabel(_ text: String) -> Bool {
        !text.isEmpty
            && text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "\"" || $0 == "-" }
    }
}
