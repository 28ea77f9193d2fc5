import Model

/// Words as in a search box, as LogQL: `timeout payment -healthcheck "exact phrase" level:error service_name:pay*`.
///
/// - A word must stand in the line. In lower case it is found as `word`, `Word` and `WORD`: literals, which servers search without reading
///   everything, unlike a regex that ignores case. With a capital in it, or in quotes, it is found exactly so.
/// - `-` in front: must not stand there. `OR` between: either.
/// - `name:value`: a label of the stream, structured metadata; `*` stands for anything.
struct PlainSearch {
    /// Every stream has this label: receivers see to it.
    private static let everything = "{service_name=~\".+\"}"

    /// One thing to look for.
    private struct Term {
        var text: String
        var isQuoted: Bool
        var isExcluded: Bool
    }

    /// LogQL.
    let query: String

    init(_ text: String) throws {
        var stages: [String] = []
        var alternatives: [Term] = []
        var joinsNext = false
        for term in try Self.terms(text) {
            if !term.isQuoted, !term.isExcluded, term.text == "OR" {
                guard !alternatives.isEmpty, !joinsNext else { throw UsageError("OR stands between two words") }
                joinsNext = true
                continue
            }
            if !joinsNext { Self.close(&alternatives, into: &stages) }
            alternatives.append(term)
            if joinsNext, alternatives.contains(where: { $0.isExcluded || Self.label($0) != nil }) {
                throw UsageError("OR joins words, not exclusions and labels; LogQL can: see obsq logs --help")
            }
            joinsNext = false
        }
        if joinsNext { throw UsageError("OR stands between two words") }
        Self.close(&alternatives, into: &stages)
        query = ([Self.everything] + stages).joined(separator: " ")
    }

    private static func close(_ alternatives: inout [Term], into stages: inout [String]) {
        defer { alternatives = [] }
        guard let first = alternatives.first else { return }
        if let (name, value) = label(first) {
            stages.append(labelFilter(name, value, isExcluded: first.isExcluded))
            return
        }
        let literals = alternatives.flatMap(spellings).map(quoted)
        stages.append((first.isExcluded ? "!= " : "|= ") + literals.joined(separator: " or "))
    }

    private static func spellings(_ term: Term) -> [String] {
        guard !term.isQuoted, !term.text.contains(where: \.isUppercase), term.text.contains(where: \.isLowercase) else {
            return [term.text]
        }
        let capital = term.text.prefix(1).uppercased() + term.text.dropFirst()
        var found = [term.text]
        for other in [capital, term.text.uppercased()] where !found.contains(other) { found.append(other) }
        return found
    }

    /// `name:value`, unless it is quoted or something else with a colon, like an address or a time of day.
    private static func label(_ term: Term) -> (name: String, value: String)? {
        guard !term.isQuoted, let colon = term.text.firstIndex(of: ":") else { return nil }
        let name = String(term.text[..<colon])
        let value = String(term.text[term.text.index(after: colon)...])
        guard isLegacyLabelName(name), !value.isEmpty, !value.hasPrefix("/") else { return nil }
        return (name, value)
    }

    private static func labelFilter(_ name: String, _ value: String, isExcluded: Bool) -> String {
        // Receivers call an entry's level so, whatever its sender did.
        let name = name == "level" ? GraphReport.levelLabel : name
        guard value.contains("*") else { return "| \(name)\(isExcluded ? "!=" : "=")\(quoted(value))" }
        let pattern = value.split(separator: "*", omittingEmptySubsequences: false).map(escaped).joined(separator: ".*")
        return "| \(name)\(isExcluded ? "!~" : "=~")\(quoted(pattern))"
    }

    private static func escaped(_ text: Substring) -> String {
        text.map { "\\.+*?()|[]{}^$".contains($0) ? "\\\($0)" : String($0) }.joined()
    }

    // MARK: words

    private static func terms(_ text: String) throws -> [Term] {
        var terms: [Term] = []
        var rest = text[...]
        while true {
            rest = rest.drop(while: \.isWhitespace)
            guard let first = rest.first else { return terms }
            var term = Term(text: "", isQuoted: false, isExcluded: false)
            if first == "-", let second = rest.dropFirst().first, !second.isWhitespace {
                term.isExcluded = true
                rest = rest.dropFirst()
            }
            if let quote = rest.first, quote == "\"" || quote == "'" {
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: quote) else {
                    throw UsageError("a quoted phrase has no end: \(quote)\(rest)")
                }
                term.text = String(rest[..<end])
                term.isQuoted = true
                rest = rest[rest.index(after: end)...]
                if term.text.isEmpty { continue }
            } else {
                let end = rest.firstIndex(where: \.isWhitespace) ?? rest.endIndex
                term.text = String(rest[..<end])
                rest = rest[end...]
            }
            terms.append(term)
        }
    }
}
