import Dashboards
import Model

/// Frames of the application.
extension DashState {
    private var theme: Theme { settings.theme }

    func frame(now: Int64) -> Surface {
        var surface = Surface(width: width, height: height)
        guard !isTooSmall else {
            drawTooSmall(on: &surface)
            return surface
        }
        let shown: DashMode
        switch mode {
        case .menu, .prompt, .help: shown = behind
        default: shown = mode
        }
        switch shown {
        case .panel: drawFullScreen(on: &surface, now: now)
        case .explore(let explore): drawExplore(explore, on: &surface, now: now)
        default: drawGrid(on: &surface, now: now)
        }
        drawHeader(on: &surface)
        drawFooter(on: &surface)
        switch mode {
        case .menu(let menu): menu.draw(on: &surface, theme)
        case .help: HelpPage.draw(on: &surface, theme)
        default: break
        }
        return surface
    }

    private func drawTooSmall(on surface: inout Surface) {
        for (row, line) in TextWrap.lines("terminal too small: \(width)×\(height), needs 30×8", columns: max(1, width))
            .enumerated()
        {
            surface.text(line, x: 0, y: row)
        }
    }

    // MARK: panels

    private func view(_ place: ScreenLayout.Place, isFocused: Bool) -> PanelView {
        let result = results[place.panel.id]
        let title = planner.title(place.panel)
        var view = PanelView(
            panel: place.panel, title: title.isEmpty ? " " : title, range: result?.plan?.range ?? range)
        view.content = result?.content
        view.isLoading = result?.isLoading ?? false
        view.isUnasked = result == nil
        view.errors = result?.errors ?? []
        view.unsupported = result?.plan?.unsupported ?? []
        view.isFocused = isFocused
        return view
    }

    private func context(now: Int64) -> PanelContext {
        PanelContext(theme: theme, zone: settings.zone, now: now, filter: filter)
    }

    private func drawGrid(on surface: inout Surface, now: Int64) {
        let painter = PanelPainter(context: context(now: now), isBoxed: layout.isBoxed)
        let area = viewport
        if layout.places.isEmpty {
            surface.textCentered("this dashboard has no panels", in: area, y: area.y + area.height / 2, theme.muted)
        }
        for (index, place) in layout.places.enumerated() {
            var rect = place.rect
            rect.y += area.y - scroll
            guard rect.maxY > area.y, rect.y < area.maxY else { continue }
            if place.panel.kind == .row {
                drawRow(place, rect, isFocused: index == focus && !asksEverything, on: &surface)
            } else {
                painter.draw(view(place, isFocused: index == focus && !asksEverything), on: &surface, in: rect)
            }
        }
        drawScrollMark(on: &surface)
    }

    private func drawRow(_ place: ScreenLayout.Place, _ rect: Rect, isFocused: Bool, on surface: inout Surface) {
        let style = isFocused ? theme.focus : theme.title
        let count = place.isOpen ? "" : " (\(place.childCount) panel\(place.childCount == 1 ? "" : "s"))"
        let title = (place.isOpen ? "▾ " : "▸ ") + planner.title(place.panel)
        let used = surface.fitted(title, x: rect.x, y: rect.y, columns: rect.width, style)
        surface.fitted(count, x: rect.x + used, y: rect.y, columns: rect.width - used, theme.muted)
    }

    /// At the right edge, where of the sheet the screen is.
    private func drawScrollMark(on surface: inout Surface) {
        let area = viewport
        guard layout.height > area.height, area.height >= 3, !asksEverything else { return }
        let size = max(1, area.height * area.height / layout.height)
        let top = scroll * (area.height - size) / max(1, layout.height - area.height)
        for row in 0..<size { surface.put("▐", x: width - 1, y: area.y + top + row, theme.muted) }
    }

    private func drawFullScreen(on surface: inout Surface, now: Int64) {
        guard let place = focusedPlace else { return }
        var context = context(now: now)
        context.isFullScreen = true
        context.cursor = cursor
        context.scroll = panelScroll
        PanelPainter(context: context, isBoxed: true).draw(view(place, isFocused: true), on: &surface, in: viewport)
        if !place.panel.description.isEmpty {
            let text = " " + Self.oneLine(planner.scoped(place.panel).expand(place.panel.description, .title)) + " "
            surface.fitted(text, x: 2, y: viewport.maxY - 1, columns: width - 4, theme.muted)
        }
    }

    private func drawExplore(_ explore: Explore, on surface: inout Surface, now: Int64) {
        let area = viewport
        surface.box(
            Rect(x: area.x, y: area.y, width: area.width, height: 3), title: exploreTitle(explore), theme.focus,
            titleStyle: theme.focus)
        explore.editor.draw(on: &surface, x: area.x + 2, y: area.y + 1, columns: area.width - 4, theme.text)
        var context = context(now: now)
        context.isFullScreen = true
        context.scroll = panelScroll
        var panel = explore.panel
        panel.kind = panel.kind == .logs ? .logs : .timeSeries
        panel.fields.defaults.stacking = FieldSettings.Stacking.none
        if explore.isInstant {
            panel.kind = .table
        }
        var view = PanelView(panel: panel, title: "Result", range: explore.outcome?.plan.range ?? range)
        view.content = explore.outcome?.content
        view.isLoading = explore.isLoading
        view.errors = explore.outcome?.errors ?? []
        view.unsupported = explore.outcome?.plan.unsupported ?? []
        view.isUnasked = false
        PanelPainter(context: context, isBoxed: true).draw(view, on: &surface, in: area.inset(top: 3))
    }

    private func exploreTitle(_ explore: Explore) -> String {
        let count = explore.panel.targets.count
        let which = count > 1 ? ", query \(explore.index + 1) of \(count)" : ""
        return planner.title(explore.panel) + which + (explore.isInstant ? " (instant)" : "")
    }

    // MARK: header

    private func drawHeader(on surface: inout Surface) {
        surface.fill(Rect(x: 0, y: 0, width: width, height: 1), Cell(0x20, theme.bar))
        let healthStyle: Style
        let healthText: String
        switch health {
        case .unknown: (healthStyle, healthText) = (theme.muted, "")
        case .ready: (healthStyle, healthText) = (theme.good, "")
        case .failing(let reason): (healthStyle, healthText) = (theme.bad, " " + reason)
        }
        let clock = CivilTime(refreshedAt, settings.zone).secondText + (settings.zone == .utc ? " UTC" : "")
        let right = " " + clock + " "
        var end = width - CharacterWidth.of(right)
        surface.text(right, x: end, y: 0, theme.bar)
        let title = " " + dashboard.title
        let facts = [
            "  " + settings.window.text(zone: settings.zone),
            "  " + (settings.refresh.map { "every " + DurationText.prometheus($0) } ?? "no refresh"),
        ]
        let server =
            healthText.isEmpty ? settings.server : CharacterWidth.fit(settings.server + healthText, max(20, width / 2))
        var x = surface.fitted(title, x: 0, y: 0, columns: max(8, end / 2), theme.bar.with(.bold))
        for fact in facts where x + CharacterWidth.of(fact) < end { x += surface.text(fact, x: x, y: 0, theme.bar) }
        let room = end - x - 4
        if room > 6, !server.isEmpty {
            let text = CharacterWidth.fit(server, room)
            end -= CharacterWidth.of(text) + 2
            surface.text("●", x: end, y: 0, healthStyle.on(theme.bar.background))
            surface.text(text, x: end + 2, y: 0, theme.bar)
        }
        if viewport.y == 2 { drawVariables(on: &surface) }
    }

    private func drawVariables(on surface: inout Surface) {
        surface.fill(Rect(x: 0, y: 1, width: width, height: 1), .blank)
        var x = 1
        for variable in shownVariables {
            let value = variables.errors[variable.name].map { "! " + $0 } ?? variables.text(variable)
            x += surface.fitted(variable.title + " ", x: x, y: 1, columns: width - x, theme.muted)
            let style = variables.errors[variable.name] == nil ? theme.strong : theme.bad
            x +=
                surface.fitted(
                    value.isEmpty ? "–" : value, x: x, y: 1, columns: min(width - x, max(20, width / 2)), style) + 2
        }
        if !filter.isEmpty { surface.fitted("/" + filter, x: x, y: 1, columns: width - x, theme.warning) }
    }

    // MARK: footer

    private func drawFooter(on surface: inout Surface) {
        let y = height - 1
        surface.fill(Rect(x: 0, y: y, width: width, height: 1), Cell(0x20, theme.bar))
        if case .prompt(let prompt) = mode {
            let used = surface.text(prompt.sign, x: 1, y: y, theme.barKey)
            prompt.editor.draw(on: &surface, x: 1 + used, y: y, columns: width - used - 2, theme.bar)
            return
        }
        if let message {
            surface.fitted(
                message.text, x: 1, y: y, columns: width - 2,
                message.isError ? theme.bad.on(theme.bar.background) : theme.bar)
            return
        }
        var x = 1
        for hint in KeyHints.hints(mode, hasFilter: !filter.isEmpty, isRow: focusedPlace?.panel.kind == .row) {
            let size = CharacterWidth.of(hint.keys) + 1 + CharacterWidth.of(hint.meaning)
            guard x + size <= width - 1 else { break }
            x += surface.text(hint.keys, x: x, y: y, theme.barKey) + 1
            x += surface.text(hint.meaning, x: x, y: y, theme.bar) + 2
        }
    }
}

/// The keys that work now, the weightiest first.
enum KeyHints {
    static func hints(_ mode: DashMode, hasFilter: Bool, isRow: Bool) -> [(keys: String, meaning: String)] {
        switch mode {
        case .grid:
            let open = ("⏎", isRow ? "fold" : "open")
            let clear = hasFilter ? [("Esc", "clear filter")] : []
            return [("q", "quit"), ("?", "help"), open] + clear + [
                ("t", "time"), ("+-", "zoom"), ("[]", "shift"), ("e", "explore"), ("/", "filter"), ("v", "vars"),
                ("r", "refresh"), (":", "command"), ("hjkl", "move"),
            ]
        case .panel:
            return [
                ("Esc", "back"), ("←→", "cursor"), ("↑↓", "scroll"), ("n p", "next, previous"), ("e", "explore"),
                ("/", "filter"), ("t", "time"), ("+-", "zoom"), ("[]", "shift"), ("q", "quit"),
            ]
        case .explore:
            return [("⏎", "run"), ("Esc", "back"), ("Tab", "next query"), ("^T", "range or instant"), ("↑↓", "scroll")]
        case .menu(let menu):
            var hints = [("⏎", "choose"), ("↑↓", "move"), ("Esc", "back"), ("type", "narrow")]
            if case .options = menu.purpose { hints.insert(("Space", "mark"), at: 1) }
            return hints
        case .help: return [("any key", "back")]
        case .prompt: return []
        }
    }
}

/// All keys and commands.
enum HelpPage {
    private static let keys: [(String, String)] = [
        ("arrows, hjkl", "move between panels"), ("Tab, Shift-Tab", "next, previous panel"),
        ("PgUp, PgDn, g, G", "scroll"), ("Enter", "open the panel; fold or unfold a row"),
        ("Esc", "back; drop the filter"),
        ("/", "show only series with this in their name"), ("t", "time range"), ("+  -", "zoom in, out"),
        ("[  ]", "earlier, later"), ("r", "ask anew"), ("e", "explore: edit the panel's query"), ("v", "variables"),
        ("u", "UTC or local time"), ("mouse", "click to focus and open, wheel to scroll"),
        ("Ctrl-L, Ctrl-Z", "draw anew, suspend"), ("q, Ctrl-C", "quit"),
    ]

    static func draw(on surface: inout Surface, _ theme: Theme) {
        let commands = DashCommand.all.map {
            (":" + $0.name + ($0.argument.isEmpty ? "" : " " + $0.argument), $0.meaning)
        }
        let lines = keys + commands
        let columns = lines.map { CharacterWidth.of($0.0) }.max() ?? 0
        let width = columns + 4 + (lines.map { CharacterWidth.of($0.1) }.max() ?? 0) + 4
        let rect = surface.bounds.centered(
            width: min(surface.width, width), height: min(surface.height, lines.count + 2))
        surface.fill(rect, .blank)
        surface.box(rect, title: "Keys and commands", theme.focus, titleStyle: theme.focus)
        // On a low screen the commands go first, then keys from the end.
        for (row, line) in lines.prefix(rect.height - 2).enumerated() {
            surface.fitted(line.0, x: rect.x + 2, y: rect.y + 1 + row, columns: columns, theme.focus)
            surface.fitted(
                line.1, x: rect.x + 2 + columns + 2, y: rect.y + 1 + row, columns: rect.width - columns - 6, theme.text)
        }
    }
}
