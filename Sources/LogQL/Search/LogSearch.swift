import Bedrock
import Model

/// The plain search form, for people in a hurry: `timeout payment -healthcheck "exact phrase" level:error app=foo took>2s`.
///
/// | written | meaning |
/// |---|---|
/// | `word` | the line contains it as `word`, `Word` or `WORD` |
/// | `Word`, `"two words"`, `` `two words` ``, `'two words'` | the line contains exactly this; no escapes |
/// | `a OR "b c"` | either |
/// | `-word`, `-"two words"` | the line doesn't contain it |
/// | `name:value`, `-name:value` | the label is, or isn't, this; `*` stands for anything |
/// | `level:error`, `-level:debug` | the same of all labels that levels go by, whatever their case |
/// | `name=value`, `name!=value` | the label is, or isn't, exactly this; the value may be quoted |
/// | `name=~re`, `name!~re` | the label matches the whole regular expression, or doesn't |
/// | `name>5`, `name<=10ms`, `name>20MB` | the label's number, duration or size compares so |
///
/// All conditions must hold. Without conditions on labels everything is searched. What looks like nothing of the above is a word. Words become
/// literals, not regexes that ignore case: those are found without reading everything.
public enum LogSearch {
    /// Labels that hold a line's level: what senders and Loki call it, what OTLP does, what syslog does.
    public static let levelLabels = ["level", "detected_level", "severity_text", "severity"]

    /// - Parameter streamLabels: labels that streams are known to have: plain conditions on them choose streams. Conditions on other labels are
    ///   label filters, which look at stream labels and structured metadata, too, so that leaving this out changes no answer.
    /// - Returns: a query whose selector may be empty, which stands for everything; its text form is LogQL for those who take `{}`.
    /// - Throws: for a regular expression that doesn't compile, and for an `OR` that doesn't stand between words, with the place.
    public static func parse(_ text: String, streamLabels: Set<String> = []) throws(LogQLError) -> LogQuery {
        guard text.utf8.count <= LogQLLimits.queryBytesMax else {
            throw LogQLError(
                "search is longer than the limit of \(LogQLLimits.queryBytesMax) bytes", SourceRange(0, 0), in: [])
        }
        var query = LogQuery(matchers: [])
        var filters: [PipelineStage] = []
        /// What an `OR` would join to: the word before it.
        var joinable = false
        /// An `OR` that still wants its second word.
        var open: SearchTerm?
        for term in SearchTerm.cut(text) {
            if term.isPlain("OR") {
                guard joinable, open == nil else { throw error(Self.loneOr, term, text) }
                open = term
                continue
            }
            if let filter = try condition(term, text) {
                if let open { throw error(Self.loneOr, open, text) }
                if case .text(let matcher) = filter, streamLabels.contains(matcher.name) {
                    query.matchers.append(matcher)
                } else {
                    filters.append(.labelFilter(filter))
                }
                joinable = false
            } else {
                let word = lineFilter(term)
                if let or = open {
                    guard !word.isNegated, case .lineFilter(var last)? = query.stages.popLast() else {
                        throw error(Self.loneOr, or, text)
                    }
                    last.alternatives += word.alternatives.filter { !last.alternatives.contains($0) }
                    query.stages.append(.lineFilter(last))
                } else {
                    query.stages.append(.lineFilter(word))
                }
                joinable = !word.isNegated
                open = nil
            }
            guard query.stages.count + filters.count <= LogQLLimits.stagesMax else {
                throw error("search of more than \(LogQLLimits.stagesMax) words", term, text)
            }
        }
        if let open { throw error(Self.loneOr, open, text) }
        query.stages += filters
        return query
    }

    private static let loneOr =
        "OR stands between two words; conditions and exclusions are joined in LogQL: {…} | a=\"b\" or c=\"d\""

    private static func error(_ message: String, _ term: SearchTerm, _ text: String) -> LogQLError {
        LogQLError(message, term.source, in: Array(text.utf8))
    }

    // MARK: Words

    private static func lineFilter(_ term: SearchTerm) -> LineFilterStage {
        let word = term.withoutMinus
        return LineFilterStage(spellings(word ?? term), isNegated: word != nil)
    }

    /// The usual three, unless the case was chosen.
    private static func spellings(_ word: SearchTerm) -> [LineFilterStage.Operand] {
        let text = word.text
        var found = [text]
        if !word.hasQuotes, !text.contains(where: \.isUppercase), text.contains(where: \.isLowercase) {
            for other in [text.prefix(1).uppercased() + text.dropFirst(), text.uppercased()]
            where !found.contains(other) {
                found.append(other)
            }
        }
        return found.map { .literal(Array($0.utf8)) }
    }

    // MARK: Conditions

    /// nil for a word.
    private static func condition(_ term: SearchTerm, _ text: String) throws(LogQLError) -> LabelFilter? {
        let positive = term.withoutMinus
        let isNegated = positive != nil
        let term = positive ?? term
        let name = String(term.characters.prefix { !$0.isQuoted && isNameCharacter($0.scalar) }.map(\.scalar))
        guard isLegacyLabelName(name) else { return nil }
        let rest = term.characters.dropFirst(name.count)
        if rest.first?.scalar == ":", rest.first?.isQuoted == false {
            return try loose(name, rest.dropFirst(), isNegated: isNegated, term, text)
        }
        let sign = String(rest.prefix { !$0.isQuoted && "=!~<>".contains($0.scalar) }.map(\.scalar))
        let value = String(rest.dropFirst(sign.count).map(\.scalar))
        if let operation = Matcher.Operation(rawValue: sign) {
            return .text(try matcher(name, isNegated ? operation.opposite : operation, value, term, text))
        }
        guard !isNegated, [">", ">=", "<", "<="].contains(sign) else { return nil }
        let asQuery = "{a=\"b\"} | \(name) \(sign) \(value)"
        guard case .log(let query)? = try? LogQLParser.parse(asQuery), query.stages.count == 1,
            case .labelFilter(let filter)? = query.stages.first
        else { return nil }
        return filter
    }

    /// `name:value` with stars; nil for what only looks so, like an address or a qualified name.
    private static func loose(
        _ name: String, _ value: ArraySlice<SearchTerm.Character>, isNegated: Bool, _ term: SearchTerm, _ text: String
    ) throws(LogQLError) -> LabelFilter? {
        guard let first = value.first, first.isQuoted || !"/:".contains(first.scalar) else { return nil }
        let isLevel = name == "level"
        guard isLevel || value.contains(where: { $0.scalar == "*" && !$0.isQuoted }) else {
            let exact = String(value.map(\.scalar))
            return .text(try matcher(name, isNegated ? .notEqual : .equal, exact, term, text))
        }
        let pattern = value.map { $0.scalar == "*" && !$0.isQuoted ? ".*" : escaped($0.scalar) }.joined()
        let operation: Matcher.Operation = isNegated ? .notRegex : .regex
        guard isLevel else { return .text(try matcher(name, operation, pattern, term, text)) }
        var filter: LabelFilter?
        for label in levelLabels {
            let one = LabelFilter.text(try matcher(label, operation, "(?i)" + pattern, term, text))
            filter = filter.map { isNegated ? .and($0, one) : .or($0, one) } ?? one
        }
        return filter
    }

    private static func matcher(
        _ name: String, _ operation: Matcher.Operation, _ value: String, _ term: SearchTerm, _ text: String
    ) throws(LogQLError) -> Matcher {
        do { return try Matcher(name, operation, value) } catch {
            throw self.error("error parsing regexp: \(error.reason): `\(value)`", term, text)
        }
    }

    private static func escaped(_ character: Character) -> String {
        "\\.+*?()|[]{}^$".contains(character) ? "\\\(character)" : String(character)
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character == "_" || (character.isASCII && (character.isLetter || character.isNumber))
    }
}

extension Matcher.Operation {
    fileprivate var opposite: Self {
        switch self {
        case .equal: .notEqual
        case .notEqual: .equal
        case .regex: .notRegex
        case .notRegex: .regex
        }
    }
}
