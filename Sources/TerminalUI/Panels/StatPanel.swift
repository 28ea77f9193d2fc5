import Dashboards

/// Figures, large where there is room, over the course of their series.
struct StatPanel {
    let panel: Panel
    let context: PanelContext

    func draw(_ content: PanelContent, on surface: inout Surface, in rect: Rect) {
        let items = PanelItem.make(panel, content, context)
        guard !items.isEmpty else { return }
        let isDown =
            panel.options.orientation == .horizontal && items.count > 1
            || panel.options.orientation == .auto && items.count > 1 && rect.width < items.count * 12
        let cells = ItemGrid.split(rect, count: items.count, down: isDown, least: (8, 1))
        for (item, cell) in zip(items, cells) { draw(item, items.count > 1, on: &surface, in: cell) }
        ItemGrid.tellRest(items.count - cells.count, on: &surface, in: rect, context.theme)
    }

    private func draw(_ item: PanelItem, _ isOneOfMany: Bool, on surface: inout Surface, in rect: Rect) {
        var style = Style(item.color, .bold)
        if panel.options.colorMode == "none" || context.theme.isMonochrome { style = context.theme.strong }
        let isBackground = panel.options.colorMode.hasPrefix("background") && !item.color.isStandard
        if isBackground {
            surface.fill(rect, Cell(0x20, Style(.standard, on: item.color)))
            style = Style(Color(hex: 0x111111), on: item.color, .bold)
        }
        let (showsName, showsValue) = shows(isOneOfMany)
        if rect.height == 1, showsName, showsValue { return drawLine(item, style, on: &surface, rect) }
        let nameRows = showsName && rect.height >= 2 ? 1 : 0
        let room = rect.inset(bottom: nameRows)
        let used = showsValue ? drawValue(item, style, on: &surface, in: room, isBackground: isBackground) : room.y
        if showsName {
            let y = showsValue ? min(used, rect.maxY - 1) : rect.y + rect.height / 2
            surface.textCentered(item.name, in: rect, y: y, isBackground ? style : context.theme.muted)
        }
    }

    private func shows(_ isOneOfMany: Bool) -> (name: Bool, value: Bool) {
        switch panel.options.textMode {
        case .auto: (isOneOfMany, true)
        case .value: (false, true)
        case .valueAndName: (true, true)
        case .name: (true, false)
        case .none: (false, false)
        }
    }

    private func drawLine(_ item: PanelItem, _ style: Style, on surface: inout Surface, _ rect: Rect) {
        let value = item.text.text.text
        let valueWidth = min(rect.width, CharacterWidth.of(value))
        surface.fitted(item.name, x: rect.x, y: rect.y, columns: rect.width - valueWidth - 1, context.theme.muted)
        surface.textEnding(value, right: rect.maxX - 1, y: rect.y, columns: rect.width - 1, style)
    }

    /// - Returns: the row below the value.
    private func drawValue(
        _ item: PanelItem, _ style: Style, on surface: inout Surface, in rect: Rect, isBackground: Bool
    ) -> Int {
        let graphRows = graphRows(item, rect)
        let room = rect.inset(bottom: graphRows)
        if graphRows > 0, !isBackground {
            let graph = Rect(x: rect.x, y: room.maxY, width: rect.width, height: graphRows)
            let color =
                item.color.isStandard
                ? context.theme.muted.foreground : item.color.over(context.theme.ground, opacity: 0.55)
            Sparkline.area(
                on: &surface, in: graph, values: item.history, low: item.settings.minimum, high: item.settings.maximum,
                style: Style(color))
        }
        let text = item.text.text
        let small = CharacterWidth.of(text.prefix) + CharacterWidth.of(text.suffix)
        if room.height >= BigDigits.height, let width = BigDigits.width(text.number), width + small + 1 <= room.width {
            let x = room.x + (room.width - width - small) / 2
            let y = room.y + (room.height - BigDigits.height) / 2
            surface.text(text.prefix, x: x, y: y + 2, style)
            BigDigits.draw(text.number, on: &surface, x: x + CharacterWidth.of(text.prefix), y: y, style)
            surface.text(text.suffix, x: x + CharacterWidth.of(text.prefix) + width, y: y + 2, style)
            return y + BigDigits.height
        }
        let y = room.y + (room.height - 1) / 2
        surface.textCentered(text.text, in: room, y: y, style)
        return y + 1
    }

    /// The course of the value takes what the figure leaves.
    private func graphRows(_ item: PanelItem, _ rect: Rect) -> Int {
        guard panel.options.showsGraph, item.history.filter(\.isFinite).count > 1, rect.height >= 2 else { return 0 }
        if rect.height >= 6 { return rect.height - BigDigits.height - 1 }
        return rect.height >= 5 ? 2 : rect.height - 1
    }
}

/// Places of several items in one panel.
enum ItemGrid {
    /// Equal cells below or beside one another; what would be smaller than `least` has no place.
    static func split(_ rect: Rect, count: Int, down: Bool, least: (width: Int, height: Int)) -> [Rect] {
        guard count > 0, !rect.isEmpty else { return [] }
        if down {
            let shown = max(1, min(count, rect.height / max(1, least.height)))
            return (0..<shown).map { index in
                let top = rect.height * index / shown
                return Rect(
                    x: rect.x, y: rect.y + top, width: rect.width, height: rect.height * (index + 1) / shown - top)
            }
        }
        let shown = max(1, min(count, rect.width / max(1, least.width)))
        return (0..<shown).map { index in
            let left = rect.width * index / shown
            return Rect(
                x: rect.x + left, y: rect.y, width: rect.width * (index + 1) / shown - left, height: rect.height)
        }
    }

    /// `+3` in the lower right corner.
    static func tellRest(_ rest: Int, on surface: inout Surface, in rect: Rect, _ theme: Theme) {
        if rest > 0 { surface.textEnding("+\(rest)", right: rect.maxX, y: rect.maxY - 1, columns: 6, theme.muted) }
    }
}
