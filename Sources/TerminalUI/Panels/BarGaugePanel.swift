import Dashboards

/// A bar for each value, to compare them.
struct BarGaugePanel {
    let panel: Panel
    let context: PanelContext

    func draw(_ content: PanelContent, on surface: inout Surface, in rect: Rect) {
        let items = PanelItem.make(panel, content, context)
        guard !items.isEmpty else { return }
        if panel.options.orientation == .vertical, rect.height >= 4 {
            return drawUpright(items, on: &surface, in: rect)
        }
        drawLying(items, on: &surface, in: rect)
    }

    private func drawLying(_ items: [PanelItem], on surface: inout Surface, in rect: Rect) {
        let first = min(context.scroll, max(0, items.count - rect.height))
        let shown = Array(items.dropFirst(first).prefix(rect.height))
        let values = shown.map(\.text.text.text)
        let valueWidth = min(rect.width / 2, values.map { CharacterWidth.of($0) }.max() ?? 0)
        // A single bar has a name where its query gives it one.
        let isNamed = items.count > 1 || panel.targets.contains { !$0.legend.isEmpty && $0.legend != "__auto" }
        let longest = shown.map { CharacterWidth.of($0.name) }.max() ?? 0
        let nameWidth = isNamed ? min(longest, max(6, (rect.width - valueWidth) * 2 / 5)) : 0
        let barX = rect.x + nameWidth + (nameWidth > 0 ? 1 : 0)
        let barWidth = rect.maxX - barX - valueWidth - 1
        // Rows to spare go between the bars, or into them.
        let pitch = max(1, min(3, rect.height / max(1, shown.count)))
        for (index, item) in shown.enumerated() {
            let y = rect.y + index * pitch
            surface.fitted(item.name, x: rect.x, y: y, columns: nameWidth, context.theme.text)
            for row in 0..<max(1, pitch - 1) {
                Blocks.horizontalBar(
                    on: &surface, x: barX, y: y + row, columns: barWidth, fraction: item.fraction,
                    track: context.theme.faint,
                    color: {
                        Style(panel.options.displayMode == "basic" ? item.color(at: item.fraction) : item.color(at: $0))
                    })
            }
            surface.textEnding(values[index], right: rect.maxX, y: y, columns: valueWidth, Style(item.color, .bold))
        }
        ItemGrid.tellRest(items.count - first - shown.count, on: &surface, in: rect, context.theme)
    }

    private func drawUpright(_ items: [PanelItem], on surface: inout Surface, in rect: Rect) {
        let cells = ItemGrid.split(rect, count: items.count, down: false, least: (4, 1))
        for (item, cell) in zip(items, cells) {
            let column = cell.inset(right: cell.width > 3 ? 1 : 0)
            surface.textCentered(item.text.text.text, in: column, y: column.y, Style(item.color, .bold))
            surface.textCentered(item.name, in: column, y: column.maxY - 1, context.theme.muted)
            let bar = column.inset(top: 1, bottom: 1)
            let eighths = Int(
                (max(0, min(1, item.fraction.isNaN ? 0 : item.fraction)) * Double(bar.height * 8)).rounded())
            for row in 0..<bar.height {
                let filled = max(0, min(8, eighths - (bar.height - 1 - row) * 8))
                guard filled > 0 else { continue }
                let part = (Double(bar.height - row) - 0.5) / Double(bar.height)
                for x in bar.x..<bar.maxX {
                    surface.put(Blocks.lower[filled], x: x, y: bar.y + row, Style(item.color(at: part)))
                }
            }
        }
        ItemGrid.tellRest(items.count - cells.count, on: &surface, in: rect, context.theme)
    }
}
