/// One line of text with a cursor, as prompts and the query editor use it.
struct LineEditor: Equatable {
    private(set) var characters: [Character]
    private(set) var cursor: Int

    init(_ text: String = "") {
        characters = Array(text)
        cursor = characters.count
    }

    var text: String { String(characters) }

    /// Longest line that can be typed.
    static let charactersMax = 10_000

    /// - Returns: whether the key meant anything here.
    mutating func handle(_ key: Key) -> Bool {
        switch key {
        case .character(let character):
            guard characters.count < Self.charactersMax else { return true }
            characters.insert(character, at: cursor)
            cursor += 1
        case .backspace:
            if cursor > 0 {
                cursor -= 1
                characters.remove(at: cursor)
            }
        case .delete, .control("d"): if cursor < characters.count { characters.remove(at: cursor) }
        case .left, .control("b"): cursor = max(0, cursor - 1)
        case .right, .control("f"): cursor = min(characters.count, cursor + 1)
        case .home, .control("a"): cursor = 0
        case .end, .control("e"): cursor = characters.count
        case .control("u"):
            characters.removeSubrange(..<cursor)
            cursor = 0
        case .control("k"): characters.removeSubrange(cursor...)
        case .control("w"):
            var start = cursor
            while start > 0, !Self.isWord(characters[start - 1]) { start -= 1 }
            while start > 0, Self.isWord(characters[start - 1]) { start -= 1 }
            characters.removeSubrange(start..<cursor)
            cursor = start
        default: return false
        }
        return true
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// Draws the part around the cursor, the cursor as a reversed cell.
    func draw(on surface: inout Surface, x: Int, y: Int, columns: Int, _ style: Style) {
        guard columns > 1 else { return }
        var start = 0
        while characters[start..<cursor].reduce(1, { $0 + Self.width($1) }) > columns { start += 1 }
        var column = x
        for (index, character) in (characters + [" "]).enumerated().dropFirst(start) {
            let width = Self.width(character)
            if column + width > x + columns { break }
            surface.text(String(character), x: column, y: y, index == cursor ? style.with(.reverse) : style)
            column += width
        }
    }

    private static func width(_ character: Character) -> Int { max(1, CharacterWidth.of(String(character))) }
}
