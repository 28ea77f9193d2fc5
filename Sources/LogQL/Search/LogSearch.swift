import Bedrock
import Model

/// The plain search form, for people in a hurry: `timeout payment -healthcheck "exact phrase" app=foo level!=debug`.
///
/// | written | meaning |
/// |---|---|
/// | `word` | the line contains it, whatever its case |
/// | `"two words"`, `` `two words` `` | likewise, blanks kept; no escapes |
/// | `-word`, `-"two words"` | the line doesn't contain it |
/// | `name=value`, `name!=value` | the label is, or isn't, exactly this; the value may be quoted |
/// | `name=~re`, `name!~re` | the label matches the whole regular expression, or doesn't |
/// | `name>5`, `name<=10ms`, `name>20MB` | the label's number, duration or size compares so |
///
/// All conditions must hold. Without conditions on labels everything is searched. There is no text that is no search: what looks like
/// nothing of the above is a word.
public enum LogSearch {
    /// - Parameter streamLabels: labels that streams are known to have: conditions on them choose streams. Conditions on other labels are label
    ///   filters, which look at stream labels and structured metadata, too, so that leaving this out changes no answer.
    /// - Returns: a query whose selector may be empty, which the engine takes as everything; the text form of such a query is no LogQL.
    /// - Throws: for a regular expression that doesn't compile, with its place.
    public static func parse(_ text: String, streamLabels: Set<String> = []) throws(LogQLError) -> LogQuery {
        guard text.utf8.count <= LogQLLimits.queryBytesMax else {
            throw LogQLError(
                "search is longer than the limit of \(LogQLLimits.queryBytesMax) bytes", SourceRange(0, 0), in: [])
        }
        var query = LogQuery(matchers: [])
        var filters: [PipelineStage] = []
        for term in terms(text) {
            switch try condition(term, text) {
            case .text(let matcher)? where streamLabels.contains(matcher.name): query.matchers.append(matcher)
            case let filter?: filters.append(.labelFilter(filter))
            case nil: query.stages.append(.lineFilter(lineFilter(term)))
            }
            guard query.stages.count + filters.count <= LogQLLimits.stagesMax else {
                throw error("search of more than \(LogQLLimits.stagesMax) words", term, text)
            }
        }
        query.stages += filters
        return query
    }

    // MARK: Terms

    /// A word with its quoted parts: characters and whether they stood in quotes.
    private struct Term {
        var characters: [(scalar: Character, isQuoted: Bool)] = []
        var source = SourceRange(0, 0)

        var text: String { String(characters.map(\.scalar)) }
    }

    /// Cut at blanks that are not in quotes. A quote without its partner is an ordinary character.
    private static func terms(_ text: String) -> [Term] {
        var terms: [Term] = []
        var term: Term?
        var offset = 0
        var rest = text[...]
        while let character = rest.first {
            rest = rest.dropFirst()
            let length = character.utf8.count
            if character.isWhitespace {
                if let done = term { terms.append(done) }
                term = nil
            } else {
                var current = term ?? Term(source: SourceRange(offset, offset))
                if character == "\"" || character == "`", let end = rest.firstIndex(of: character) {
                    current.characters += rest[..<end].map { ($0, true) }
                    offset += rest[..<end].utf8.count + 1
                    rest = rest[rest.index(after: end)...]
                } else {
                    current.characters.append((character, false))
                }
                current.source.end = offset + length
                term = current
            }
            offset += length
        }
        if let done = term { terms.append(done) }
        return terms.filter { !$0.text.isEmpty }
    }

    private static func lineFilter(_ term: Term) -> LineFilterStage {
        var characters = term.characters[...]
        let isNegated = characters.count > 1 && characters.first?.scalar == "-" && characters.first?.isQuoted == false
        if isNegated { characters = characters.dropFirst() }
        let word = String(characters.map(\.scalar))
        return LineFilterStage([.regex("(?i)" + escaped(word))], isNegated: isNegated)
    }

    /// A regular expression that matches exactly this text.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            if "\\.+*?()|[]{}^$".contains(character) { out.append("\\") }
            out.append(character)
        }
        return out
    }

    // MARK: Conditions

    /// nil for a word.
    private static func condition(_ term: Term, _ text: String) throws(LogQLError) -> LabelFilter? {
        let name = String(term.characters.prefix { !$0.isQuoted && isNameCharacter($0.scalar) }.map(\.scalar))
        guard isLegacyLabelName(name) else { return nil }
        let rest = term.characters.dropFirst(name.count)
        let sign = String(rest.prefix { !$0.isQuoted && "=!~<>".contains($0.scalar) }.map(\.scalar))
        let value = String(rest.dropFirst(sign.count).map(\.scalar))
        if let operation = Matcher.Operation(rawValue: sign) {
            do { return .text(try Matcher(name, operation, value)) } catch {
                throw self.error("error parsing regexp: \(error.reason): `\(value)`", term, text)
            }
        }
        guard [">", ">=", "<", "<="].contains(sign) else { return nil }
        let asQuery = "{a=\"b\"} | \(name) \(sign) \(value)"
        guard case .log(let query)? = try? LogQLParser.parse(asQuery), query.stages.count == 1,
            case .labelFilter(let filter)? = query.stages.first
        else { return nil }
        return filter
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character == "_" || (character.isASCII && (character.isLetter || character.isNumber))
    }

    private static func error(_ message: String, _ term: Term, _ text: String) -> LogQLError {
        LogQLError(message, term.source, in: Array(text.utf8))
    }
}
