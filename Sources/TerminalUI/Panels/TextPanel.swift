import Dashboards

/// Markdown, as far as a terminal has it, or HTML without its tags.
enum TextPanel {
    static func draw(_ panel: Panel, on surface: inout Surface, in rect: Rect, _ context: PanelContext) {
        var y = rect.y - context.scroll
        for line in lines(panel.options.content, html: panel.options.contentMode == "html") {
            let (text, style) = shown(line, context.theme)
            for part in TextWrap.lines(text, columns: rect.width) {
                if y >= rect.maxY { return }
                if y >= rect.y { surface.text(part, x: rect.x, y: y, columns: rect.width, style) }
                y += 1
            }
        }
    }

    private static func lines(_ text: String, html: Bool) -> [String] {
        let plain = html ? withoutTags(text) : text
        return plain.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private static func shown(_ line: String, _ theme: Theme) -> (text: String, style: Style) {
        let trimmed = line.drop { $0 == " " }
        if trimmed.hasPrefix("#") { return (inline(String(trimmed.drop { $0 == "#" || $0 == " " })), theme.title) }
        if trimmed.hasPrefix("- ") || trimmed.hasPrefix("* ") {
            let indent = String(line.prefix(line.count - trimmed.count))
            return (indent + "• " + inline(String(trimmed.dropFirst(2))), theme.text)
        }
        if trimmed.hasPrefix("> ") { return ("│ " + inline(String(trimmed.dropFirst(2))), theme.muted) }
        return (inline(line), theme.text)
    }

    /// Drops emphasis marks; a link becomes its text and its address.
    private static func inline(_ text: String) -> String {
        var out = ""
        var rest = text[...]
        while let first = rest.first {
            if first == "[", let close = rest.firstRange(of: "]("),
                let end = rest[close.upperBound...].firstIndex(of: ")")
            {
                let label = rest[rest.index(after: rest.startIndex)..<close.lowerBound]
                let address = rest[close.upperBound..<end]
                out += label == address ? String(label) : label + " (" + address + ")"
                rest = rest[rest.index(after: end)...]
            } else if rest.hasPrefix("**") || rest.hasPrefix("__") {
                rest = rest.dropFirst(2)
            } else if first == "`" {
                rest = rest.dropFirst()
            } else {
                out.append(first)
                rest = rest.dropFirst()
            }
        }
        return out
    }

    private static func withoutTags(_ text: String) -> String {
        var out = ""
        var isInTag = false
        for character in text {
            switch character {
            case "<": isInTag = true
            case ">": isInTag = false
            default: if !isInTag { out.append(character) }
            }
        }
        return out.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&nbsp;", with: " ").replacing(
            "&amp;", with: "&")
    }
}
