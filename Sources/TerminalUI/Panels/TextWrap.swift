/// Breaks text into lines.
enum TextWrap {
    /// Breaks at blanks where it can; words longer than a line are cut. Line ends in the text stay.
    static func lines(_ text: String, columns: Int) -> [String] {
        guard columns > 0 else { return [] }
        var result: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            var used = 0
            for word in paragraph.split(separator: " ", omittingEmptySubsequences: false) {
                var rest = String(word)
                var width = CharacterWidth.of(rest)
                if used > 0, used + 1 + width > columns {
                    result.append(line)
                    (line, used) = ("", 0)
                } else if used > 0 || !line.isEmpty {
                    line += " "
                    used += 1
                }
                while width > columns {
                    let head = cut(rest, columns)
                    result.append(head)
                    rest = String(rest.unicodeScalars.dropFirst(max(1, head.unicodeScalars.count)))
                    width = CharacterWidth.of(rest)
                }
                line += rest
                used += width
            }
            result.append(line)
        }
        return result
    }

    private static func cut(_ text: String, _ columns: Int) -> String {
        var result = ""
        var used = 0
        for scalar in text.unicodeScalars {
            let width = CharacterWidth.of(scalar)
            if used + width > columns { break }
            used += width
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
