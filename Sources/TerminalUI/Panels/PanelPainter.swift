import Dashboards

/// Draws a whole panel: its frame and title, its state, and what its kind shows.
struct PanelPainter {
    let context: PanelContext
    /// Panels stand in boxes; otherwise a title line sets them apart, which leaves more rows.
    let isBoxed: Bool

    private var theme: Theme { context.theme }

    func draw(_ view: PanelView, on surface: inout Surface, in rect: Rect) {
        guard rect.width >= 3, rect.height >= 1 else { return }
        let inside = drawFrame(view, on: &surface, rect)
        guard !inside.isEmpty else { return }
        drawContent(view, on: &surface, inside)
    }

    // MARK: frame

    private func drawFrame(_ view: PanelView, on surface: inout Surface, _ rect: Rect) -> Rect {
        let edge = view.isFocused ? theme.focus : theme.faint
        let titleStyle = view.isFocused ? theme.focus : theme.title
        let mark = self.mark(view)
        if isBoxed, rect.height >= 3, rect.width >= 4 {
            surface.box(rect, title: view.title, edge, titleStyle: titleStyle)
            if let mark {
                let columns = max(0, min(rect.width - 6 - min(CharacterWidth.of(view.title) + 2, rect.width / 2), 60))
                surface.textEnding(" " + mark.text + " ", right: rect.maxX - 2, y: rect.y, columns: columns, mark.style)
            }
            return rect.inset(left: 2, top: 1, right: 2, bottom: 1)
        }
        let line = rect.inset(right: 1)
        let used = surface.fitted(view.title, x: line.x, y: line.y, columns: line.width, titleStyle)
        for x in min(line.maxX, line.x + used + (used > 0 ? 1 : 0))..<line.maxX {
            surface.put("─", x: x, y: line.y, edge)
        }
        if let mark {
            let columns = max(1, line.width - used - 2)
            surface.textEnding(mark.text, right: line.maxX, y: line.y, columns: columns, mark.style)
        }
        return Rect(x: line.x, y: line.y + 1, width: line.width, height: rect.height - 1)
    }

    /// What stands at the right of the title: an error, that this is old, a warning.
    private func mark(_ view: PanelView) -> (text: String, style: Style)? {
        if let error = view.errors.first, view.content.map({ !$0.isEmpty }) ?? false {
            return ("! " + error, theme.bad)
        }
        if view.isLoading, view.content != nil { return ("…", theme.muted) }
        if let warning = view.content?.warnings.first { return ("! " + warning, theme.warning) }
        return nil
    }

    // MARK: inside

    private func drawContent(_ view: PanelView, on surface: inout Surface, _ rect: Rect) {
        if view.panel.kind == .text { return TextPanel.draw(view.panel, on: &surface, in: rect, context) }
        if case .unknown(let type) = view.panel.kind { return drawUnknown(view, type, on: &surface, rect) }
        guard let content = view.content, !content.isEmpty else {
            if let error = view.errors.first { return drawMessage("! " + error, theme.bad, on: &surface, rect) }
            if let first = view.unsupported.first {
                return drawMessage("\(first.reason): \(first.expression)", theme.muted, on: &surface, rect)
            }
            let isWaiting = view.isUnasked || (view.isLoading && view.content == nil)
            return drawMessage(
                isWaiting ? "loading…" : view.panel.fields.defaults.noValue ?? "no data", theme.muted, on: &surface,
                rect)
        }
        switch view.panel.kind {
        case .timeSeries: TimeSeriesPanel(view: view, content: content, context: context).draw(on: &surface, in: rect)
        case .stat: StatPanel(panel: view.panel, context: context).draw(content, on: &surface, in: rect)
        case .gauge: GaugePanel(panel: view.panel, context: context).draw(content, on: &surface, in: rect)
        case .barGauge: BarGaugePanel(panel: view.panel, context: context).draw(content, on: &surface, in: rect)
        case .table: TablePanel(context: context).draw(view.panel, content, on: &surface, in: rect)
        case .heatmap: HeatmapPanel(view: view, context: context).draw(content, on: &surface, in: rect)
        case .histogram: HistogramPanel(panel: view.panel, context: context).draw(content, on: &surface, in: rect)
        case .logs where content.entries.isEmpty:
            // A metric query in a logs panel.
            TimeSeriesPanel(view: view, content: content, context: context).draw(on: &surface, in: rect)
        case .logs: LogsPanel(panel: view.panel, context: context).draw(content.entries, on: &surface, in: rect)
        case .text, .row, .unknown: break
        }
    }

    private func drawUnknown(_ view: PanelView, _ type: String, on surface: inout Surface, _ rect: Rect) {
        var lines = ["panels of type \"\(type)\" are not drawn here"]
        lines += view.unsupported.map { "\($0.target): \($0.expression)" }
        lines += view.panel.targets.filter { target in !view.unsupported.contains { $0.target == target.id } }.map {
            "\($0.id): \($0.expression)"
        }
        drawLines(lines, theme.muted, on: &surface, rect)
    }

    /// A text in the middle when it is short, wrapped otherwise.
    private func drawMessage(_ text: String, _ style: Style, on surface: inout Surface, _ rect: Rect) {
        if CharacterWidth.of(text) <= rect.width {
            surface.textCentered(text, in: rect, y: rect.y + (rect.height - 1) / 2, style)
        } else {
            drawLines([text], style, on: &surface, rect)
        }
    }

    private func drawLines(_ lines: [String], _ style: Style, on surface: inout Surface, _ rect: Rect) {
        let wrapped = lines.flatMap { TextWrap.lines($0, columns: rect.width) }.dropFirst(context.scroll)
        for (row, line) in wrapped.prefix(rect.height).enumerated() {
            surface.text(line, x: rect.x, y: rect.y + row, columns: rect.width, style)
        }
    }
}
