import Dashboards

/// Rows and columns.
struct TablePanel {
    let context: PanelContext

    private struct Column {
        var name: String
        var cells: [Cell]
        var width: Int
        var isNumeric: Bool

        struct Cell {
            var text: String
            var style: Style
            /// Part of the range, drawn as a bar behind the text; nil for none.
            var bar: Double?
        }
    }

    func draw(_ panel: Panel, _ content: PanelContent, on surface: inout Surface, in rect: Rect) {
        let rows = shownRows(content)
        let headerRows = panel.options.showsHeader ? 1 : 0
        let space = rect.height - headerRows
        guard space > 0 else { return }
        let first = min(context.scroll, max(0, rows.count - space))
        let visible = Array(rows.dropFirst(first).prefix(space))
        var columns = content.columns.map { column($0, visible) }
        fit(&columns, rect.width)
        var x = rect.x
        for column in columns where column.width > 0 {
            if headerRows > 0 { place(column.name, column, x, rect.y, context.theme.title, on: &surface) }
            for (index, cell) in column.cells.enumerated() {
                draw(cell, column, x, rect.y + headerRows + index, on: &surface)
            }
            x += column.width + 2
        }
        if rows.count > first + visible.count {
            ItemGrid.tellRest(rows.count - first - visible.count, on: &surface, in: rect, context.theme)
        }
    }

    private func draw(_ cell: Column.Cell, _ column: Column, _ x: Int, _ y: Int, on surface: inout Surface) {
        guard let bar = cell.bar, column.width >= CharacterWidth.of(cell.text) + 5 else {
            return place(cell.text, column, x, y, cell.style, on: &surface)
        }
        let textWidth = CharacterWidth.of(cell.text)
        Blocks.horizontalBar(
            on: &surface, x: x, y: y, columns: column.width - textWidth - 1, fraction: bar, track: context.theme.faint,
            color: { _ in cell.style })
        surface.text(cell.text, x: x + column.width - textWidth, y: y, cell.style)
    }

    private func place(_ text: String, _ column: Column, _ x: Int, _ y: Int, _ style: Style, on surface: inout Surface)
    {
        if column.isNumeric {
            surface.textEnding(text, right: x + column.width, y: y, columns: column.width, style)
        } else {
            surface.fitted(text, x: x, y: y, columns: column.width, style)
        }
    }

    /// Rows in which any text has the filter.
    private func shownRows(_ content: PanelContent) -> [Int] {
        let all = Array(0..<content.rowCount)
        guard !context.filter.isEmpty else { return all }
        let wanted = context.filter.lowercased()
        return all.filter { row in
            content.columns.contains { column in
                if case .texts(let values) = column.values {
                    row < values.count && values[row].lowercased().contains(wanted)
                } else {
                    false
                }
            }
        }
    }

    // MARK: cells

    private func column(_ source: DisplayColumn, _ rows: [Int]) -> Column {
        let cells: [Column.Cell]
        var isNumeric = true
        switch source.values {
        case .times(let values):
            cells = rows.map { row in
                let civil = CivilTime(row < values.count ? values[row] : 0, context.zone)
                return Column.Cell(text: civil.dateText + " " + civil.secondText, style: context.theme.text)
            }
        case .numbers(let values):
            let range = ValueText.range(source.settings, values: values)
            cells = rows.map { row in numberCell(row < values.count ? values[row] : .nan, source.settings, range) }
        case .texts(let values):
            isNumeric = false
            cells = rows.map { row in textCell(row < values.count ? values[row] : "", source.settings) }
        }
        if source.settings.alignment == "left" { isNumeric = false }
        if source.settings.alignment == "right" { isNumeric = true }
        let wanted = max(
            CharacterWidth.of(source.name),
            cells.map { CharacterWidth.of($0.text) + ($0.bar == nil ? 0 : 10) }.max() ?? 0)
        return Column(name: source.name, cells: cells, width: wanted, isNumeric: isNumeric)
    }

    private func numberCell(_ value: Double, _ settings: FieldSettings, _ range: ClosedRange<Double>) -> Column.Cell {
        let text = context.text(value, settings, range: range)
        let color = text.color.map { Color($0) } ?? .standard
        let type = settings.cellType ?? "auto"
        let part = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        switch type {
        case "color-text": return Column.Cell(text: text.text.text, style: Style(color))
        case let kind where kind.hasPrefix("color-background") && !context.theme.isMonochrome && !color.isStandard:
            return Column.Cell(text: text.text.text, style: Style(Color(hex: 0x111111), on: color))
        case let kind where kind.contains("gauge") || kind == "basic" || kind == "lcd-gauge":
            return Column.Cell(text: text.text.text, style: Style(color), bar: value.isNaN ? nil : part)
        default: return Column.Cell(text: text.text.text, style: context.theme.text)
        }
    }

    private func textCell(_ text: String, _ settings: FieldSettings) -> Column.Cell {
        for mapping in settings.mappings ?? [] {
            if case .value(let wanted) = mapping.condition, wanted == text {
                return Column.Cell(
                    text: mapping.text ?? text, style: Style(mapping.color.map { Color($0) } ?? .standard))
            }
        }
        return Column.Cell(text: text, style: context.theme.text)
    }

    /// Narrows the widest text columns until all have room; then columns at the right go.
    private func fit(_ columns: inout [Column], _ width: Int) {
        func total() -> Int { columns.reduce(0) { $0 + ($1.width > 0 ? $1.width + 2 : 0) } - 2 }
        var rounds = 0
        while total() > width, rounds < 4_000 {
            rounds += 1
            let texts = columns.indices.filter { !columns[$0].isNumeric && columns[$0].width > 8 }
            guard let widest = texts.max(by: { columns[$0].width < columns[$1].width }) else { break }
            columns[widest].width -= 1
        }
        while total() > width, let last = columns.lastIndex(where: { $0.width > 0 }),
            columns.filter({ $0.width > 0 }).count > 1
        {
            columns[last].width = 0
        }
        if total() > width, let only = columns.firstIndex(where: { $0.width > 0 }) {
            columns[only].width = max(1, width)
        }
        // What is left over goes to the gaps between columns of figures and to bars.
        let spare = width - total()
        if spare > 0, let bar = columns.firstIndex(where: { $0.cells.contains { $0.bar != nil } }) {
            columns[bar].width += min(spare, 30)
        }
    }
}
