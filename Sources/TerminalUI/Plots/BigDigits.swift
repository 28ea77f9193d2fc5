/// Figures three rows high, of heavy lines; with them the letters of durations.
enum BigDigits {
    static let height = 3

    /// Columns that `text` takes, or nil where it has a character that isn't in the set.
    static func width(_ text: String) -> Int? {
        var total = 0
        for character in text {
            guard let glyph = glyphs[character] else { return nil }
            total += glyph[0].unicodeScalars.count + 1
        }
        return max(0, total - 1)
    }

    static func draw(_ text: String, on surface: inout Surface, x: Int, y: Int, _ style: Style) {
        var column = x
        for character in text {
            guard let glyph = glyphs[character] else { continue }
            for (row, line) in glyph.enumerated() { surface.text(line, x: column, y: y + row, style) }
            column += glyph[0].unicodeScalars.count + 1
        }
    }

    private static let glyphs: [Character: [String]] = [
        "0": ["┏━┓", "┃ ┃", "┗━┛"], "1": ["╺┓ ", " ┃ ", "╺┻╸"], "2": ["┏━┓", "┏━┛", "┗━╸"], "3": ["╺━┓", " ━┫", "╺━┛"],
        "4": ["╻ ╻", "┗━┫", "  ╹"], "5": ["┏━╸", "┗━┓", "╺━┛"], "6": ["┏━╸", "┣━┓", "┗━┛"], "7": ["╺━┓", "  ┃", "  ╹"],
        "8": ["┏━┓", "┣━┫", "┗━┛"], "9": ["┏━┓", "┗━┫", "╺━┛"], ".": [" ", " ", "."], "-": ["  ", "━━", "  "],
        ":": [" ", "╏", " "], " ": [" ", " ", " "], "d": ["  ╻", "┏━┫", "┗━┛"], "h": ["╻  ", "┣━┓", "╹ ╹"],
        "m": ["   ", "┏┳┓", "╹╹╹"], "s": ["   ", "┏━╸", "╺━┛"], "∞": ["   ", " ∞ ", "   "],
    ]
}
