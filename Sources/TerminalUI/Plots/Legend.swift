import Dashboards

/// One line of a legend.
struct LegendEntry {
    var name: String
    var color: Color
    /// Mark used where there is no colour.
    var order: Int
    /// Figures, in the order of the legend's columns.
    var figures: [String] = []
}

/// A list or a table of what a chart's colours mean.
struct Legend {
    var columns: [String]
    var entries: [LegendEntry]

    private func mark(_ entry: LegendEntry, _ theme: Theme) -> String {
        theme.isMonochrome ? String(Character(Blocks.shades[entry.order % Blocks.shades.count])) : "●"
    }

    // MARK: list

    /// How many rows the list form takes in `width` columns, at most `limit`.
    func listRows(width: Int, limit: Int) -> Int {
        var rows = 1
        var used = 0
        for entry in entries {
            let size = entryWidth(entry, width)
            if used > 0, used + size > width {
                rows += 1
                used = 0
            }
            used += size + 2
        }
        return min(rows, limit)
    }

    private func entryWidth(_ entry: LegendEntry, _ width: Int) -> Int {
        min(width, 2 + CharacterWidth.of(listText(entry)))
    }

    private func listText(_ entry: LegendEntry) -> String {
        zip(columns, entry.figures).reduce(entry.name) { $0 + " " + $1.0.lowercased() + " " + $1.1 }
    }

    /// Entries side by side, wrapped; what has no room is told as a number.
    func drawList(on surface: inout Surface, in rect: Rect, theme: Theme) {
        var x = rect.x
        var y = rect.y
        for (index, entry) in entries.enumerated() {
            let size = entryWidth(entry, rect.width)
            let isLastRow = y == rect.maxY - 1
            let reserve = isLastRow && index + 1 < entries.count ? 5 : 0
            if x > rect.x, x + size + reserve > rect.maxX {
                if isLastRow {
                    surface.text("+\(entries.count - index)", x: x, y: y, columns: rect.maxX - x, theme.muted)
                    return
                }
                x = rect.x
                y += 1
            }
            surface.text(mark(entry, theme), x: x, y: y, Style(entry.color))
            let used = surface.fitted(listText(entry), x: x + 2, y: y, columns: rect.maxX - x - 2, theme.muted)
            x += 2 + used + 2
        }
    }

    // MARK: table

    /// A header and a line for each entry; figures are right-aligned. What has no room is told in the last line.
    func drawTable(on surface: inout Surface, in rect: Rect, theme: Theme) {
        guard rect.height >= 1 else { return }
        let widths = columns.indices.map { column in
            max(CharacterWidth.of(columns[column]), entries.map { CharacterWidth.of($0.figures[column]) }.max() ?? 0)
        }
        // Columns are dropped from the right until a name has room.
        var shown = columns.count
        while shown > 0, rect.width - 2 - widths[..<shown].reduce(0, { $0 + $1 + 2 }) < 10 { shown -= 1 }
        let nameWidth = rect.width - 2 - widths[..<shown].reduce(0) { $0 + $1 + 2 }
        var y = rect.y
        if shown > 0 {
            drawFigures(Array(columns[..<shown]), widths, right: rect.maxX, y: y, on: &surface, theme.muted)
            y += 1
        }
        for (index, entry) in entries.enumerated() {
            if y == rect.maxY - 1, index + 1 < entries.count {
                surface.text("+\(entries.count - index) more", x: rect.x + 2, y: y, theme.muted)
                return
            }
            guard y < rect.maxY else { return }
            surface.text(mark(entry, theme), x: rect.x, y: y, Style(entry.color))
            surface.fitted(entry.name, x: rect.x + 2, y: y, columns: nameWidth, theme.text)
            drawFigures(Array(entry.figures[..<shown]), widths, right: rect.maxX, y: y, on: &surface, theme.text)
            y += 1
        }
    }

    private func drawFigures(
        _ texts: [String], _ widths: [Int], right: Int, y: Int, on surface: inout Surface, _ style: Style
    ) {
        var end = right
        for index in texts.indices.reversed() {
            surface.textEnding(texts[index], right: end, y: y, columns: widths[index], style)
            end -= widths[index] + 2
        }
    }
}
