import Dashboards

/// Half rings, or bars where a ring has no room.
struct GaugePanel {
    let panel: Panel
    let context: PanelContext

    func draw(_ content: PanelContent, on surface: inout Surface, in rect: Rect) {
        let items = PanelItem.make(panel, content, context)
        guard !items.isEmpty else { return }
        let beside = ItemGrid.split(rect, count: items.count, down: false, least: (12, 1))
        let cells =
            beside.count == items.count ? beside : ItemGrid.split(rect, count: items.count, down: true, least: (8, 1))
        for (item, cell) in zip(items, cells) { draw(item, items.count > 1, on: &surface, in: cell) }
        ItemGrid.tellRest(items.count - cells.count, on: &surface, in: rect, context.theme)
    }

    private func draw(_ item: PanelItem, _ isOneOfMany: Bool, on surface: inout Surface, in rect: Rect) {
        let nameRows = isOneOfMany && rect.height >= 3 ? 1 : 0
        let room = rect.inset(bottom: nameRows)
        let style = Style(item.color, .bold)
        if GaugeArc.fits(room), !context.theme.isMonochrome {
            let inner = GaugeArc.draw(
                on: &surface, in: room, fraction: item.fraction, track: context.theme.faint.foreground,
                color: item.color(at:))
            drawFigure(item, style, on: &surface, in: inner)
        } else {
            drawBar(item, isOneOfMany && nameRows == 0, style, on: &surface, in: room)
        }
        if nameRows > 0 { surface.textCentered(item.name, in: rect, y: rect.maxY - 1, context.theme.muted) }
    }

    private func drawFigure(_ item: PanelItem, _ style: Style, on surface: inout Surface, in rect: Rect) {
        let text = item.text.text
        let small = CharacterWidth.of(text.prefix) + CharacterWidth.of(text.suffix)
        if rect.height >= 4, let width = BigDigits.width(text.number), width + small <= rect.width {
            let x = rect.x + (rect.width - width - small) / 2
            surface.text(text.prefix, x: x, y: rect.maxY - 1, style)
            BigDigits.draw(
                text.number, on: &surface, x: x + CharacterWidth.of(text.prefix), y: rect.maxY - BigDigits.height, style
            )
            surface.text(text.suffix, x: x + CharacterWidth.of(text.prefix) + width, y: rect.maxY - 1, style)
        } else {
            surface.textCentered(text.text, in: rect, y: rect.maxY - 1, style)
        }
    }

    /// A figure over a bar; in one row both beside one another.
    private func drawBar(_ item: PanelItem, _ showsName: Bool, _ style: Style, on surface: inout Surface, in rect: Rect)
    {
        let text = (showsName ? item.name + " " : "") + item.text.text.text
        let color: (Double) -> Style = { Style(item.color(at: $0)) }
        guard rect.height >= 2 else {
            let width = min(rect.width, CharacterWidth.of(text) + 1)
            Blocks.horizontalBar(
                on: &surface, x: rect.x, y: rect.y, columns: rect.width - width, fraction: item.fraction,
                track: context.theme.faint, color: color)
            surface.textEnding(text, right: rect.maxX, y: rect.y, columns: rect.width, style)
            return
        }
        let rows = rect.height >= 5 ? 2 : 1
        let y = rect.y + (rect.height - rows - 1) / 2
        surface.textCentered(text, in: rect, y: y, style)
        for row in 0..<rows {
            Blocks.horizontalBar(
                on: &surface, x: rect.x, y: y + 1 + row, columns: rect.width, fraction: item.fraction,
                track: context.theme.faint, color: color)
        }
    }
}
