import Model

/// A word of a plain search with its quoted parts.
struct SearchTerm {
    typealias Character = (scalar: Swift.Character, isQuoted: Bool)

    var characters: [Character] = []
    var source = SourceRange(0, 0)

    var text: String { String(characters.map(\.scalar)) }
    var hasQuotes: Bool { characters.contains(where: \.isQuoted) }

    /// Whether it is exactly this word, without quotes.
    func isPlain(_ word: String) -> Bool { !hasQuotes && text == word }

    /// What is excluded, of a term with a minus and something behind it.
    var withoutMinus: SearchTerm? {
        guard characters.count > 1, let first = characters.first, first.scalar == "-", !first.isQuoted else {
            return nil
        }
        return SearchTerm(characters: Array(characters.dropFirst()), source: source)
    }

    /// Cut at blanks that are not in quotes. A quote without its partner, and an apostrophe inside a word, are ordinary characters.
    static func cut(_ text: String) -> [SearchTerm] {
        var terms: [SearchTerm] = []
        var term: SearchTerm?
        var offset = 0
        var rest = text[...]
        while let character = rest.first {
            rest = rest.dropFirst()
            let length = character.utf8.count
            if character.isWhitespace {
                if let done = term { terms.append(done) }
                term = nil
            } else {
                var current = term ?? SearchTerm(source: SourceRange(offset, offset))
                if opens(character, behind: current.characters.last), let end = rest.firstIndex(of: character) {
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
        return terms.filter { !$0.characters.isEmpty }
    }

    private static func opens(_ character: Swift.Character, behind last: Character?) -> Bool {
        switch character {
        case "\"", "`": true
        case "'": last.map { !$0.isQuoted && "-=~:".contains($0.scalar) } ?? true
        default: false
        }
    }
}
