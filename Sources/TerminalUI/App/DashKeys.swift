import Dashboards
import Model

/// What keys and the mouse do.
extension DashState {
    mutating func press(_ key: Key, now: Int64) -> [DashEffect] {
        message = nil
        switch key {
        case .control("c"): return [.quit]
        case .control("l"): return [.redraw]
        case .control("z"): return [.suspend]
        default: break
        }
        switch mode {
        case .menu(let menu): return pressInMenu(key, menu, now: now)
        case .prompt(let prompt): return pressInPrompt(key, prompt, now: now)
        case .explore(let explore): return pressInExplore(key, explore, now: now)
        case .help:
            mode = behind
            return []
        case .panel: return pressInPanel(key, now: now) ?? pressAnywhere(key, now: now)
        case .grid: return pressInGrid(key) ?? pressAnywhere(key, now: now)
        }
    }

    // MARK: both views

    private mutating func pressAnywhere(_ key: Key, now: Int64) -> [DashEffect] {
        switch key {
        case .character("q"): return [.quit]
        case .character("?"), .function(1): return overlay(.help)
        case .character("t"): return overlay(.menu(.timeRanges(settings.window)))
        case .character("v"): return overlay(.menu(.variables(dashboard.variables, variables)))
        case .character("/"): return overlay(.prompt(Prompt(purpose: .filter, editor: LineEditor(filter))))
        case .character(":"): return overlay(.prompt(Prompt(purpose: .command)))
        case .character("+"), .character("="): return zoom(0.5, now: now)
        case .character("-"), .character("_"): return zoom(2, now: now)
        case .character("["): return shift(-0.5, now: now)
        case .character("]"): return shift(0.5, now: now)
        case .character("r"): return refresh(now: now)
        case .character("u"): return setZone(settings.zone == .utc ? .local : .utc)
        case .character("e"): return openExplore()
        default: return []
        }
    }

    mutating func overlay(_ next: DashMode) -> [DashEffect] {
        behind = mode
        mode = next
        return []
    }

    mutating func setZone(_ zone: TimeZoneChoice) -> [DashEffect] {
        settings.zone = zone
        message = Message(text: zone == .utc ? "times are in UTC" : "times are local", isError: false)
        return []
    }

    private mutating func zoom(_ factor: Double, now: Int64) -> [DashEffect] {
        let span = range.end - range.start
        let wanted = max(10_000, min(10 * 365 * 86_400_000, Int64(Double(span) * factor)))
        if settings.window.to == "now" {
            settings.window = TimeWindow(last: wanted)
        } else {
            let middle = cursor.map { isPanelFullScreen ? $0 : range.start + span / 2 } ?? range.start + span / 2
            settings.window = TimeWindow(TimeRange(middle - wanted / 2, middle + wanted / 2))
        }
        return refresh(now: now)
    }

    private mutating func shift(_ part: Double, now: Int64) -> [DashEffect] {
        let span = range.end - range.start
        let distance = Int64(Double(span) * part)
        let moved = TimeRange(range.start + distance, range.end + distance)
        // Back at the present it follows the clock again.
        settings.window = moved.end >= now ? TimeWindow(last: span) : TimeWindow(moved)
        return refresh(now: now)
    }

    // MARK: grid

    private mutating func pressInGrid(_ key: Key) -> [DashEffect]? {
        switch key {
        case .left, .character("h"): return moveFocus(-1, 0)
        case .right, .character("l"): return moveFocus(1, 0)
        case .up, .character("k"): return moveFocus(0, -1)
        case .down, .character("j"): return moveFocus(0, 1)
        case .tab: return step(1)
        case .backTab: return step(-1)
        case .pageDown, .control("d"), .character(" "): return scrollBy(viewport.height - 2)
        case .pageUp, .control("u"): return scrollBy(2 - viewport.height)
        case .home, .character("g"): return scrollBy(-layout.height)
        case .end, .character("G"): return scrollBy(layout.height)
        case .enter: return openFocused()
        case .escape:
            filter = ""
            return []
        default: return nil
        }
    }

    private mutating func moveFocus(_ dx: Int, _ dy: Int) -> [DashEffect] {
        guard let next = layout.neighbour(of: focus, dx: dx, dy: dy) else { return dy == 0 ? [] : scrollBy(dy * 3) }
        focus = next
        keepFocusVisible()
        return queries()
    }

    private mutating func step(_ distance: Int) -> [DashEffect] {
        guard !layout.places.isEmpty else { return [] }
        focus = (focus + distance + layout.places.count) % layout.places.count
        keepFocusVisible()
        return queries()
    }

    mutating func scrollBy(_ rows: Int) -> [DashEffect] {
        scroll = max(0, min(layout.height - viewport.height, scroll + rows))
        scroll = max(0, scroll)
        // The focus stays in sight.
        if let rect = focusedPlace?.rect, rect.maxY <= scroll || rect.y >= scroll + viewport.height {
            focus = layout.places.firstIndex { $0.rect.y >= scroll && $0.rect.y < scroll + viewport.height } ?? focus
        }
        return queries()
    }

    private mutating func openFocused() -> [DashEffect] {
        guard let place = focusedPlace else { return [] }
        if place.panel.kind == .row {
            if toggledRows.remove(place.panel.id) == nil { toggledRows.insert(place.panel.id) }
            arrange()
            keepFocusVisible()
            return queries()
        }
        mode = .panel
        behind = .grid
        (cursor, panelScroll) = (nil, 0)
        return askFocused()
    }

    // MARK: one panel

    private mutating func pressInPanel(_ key: Key, now: Int64) -> [DashEffect]? {
        switch key {
        case .escape, .enter, .backspace:
            (mode, behind, cursor, panelScroll) = (.grid, .grid, nil, 0)
            return askFocused()
        case .left, .character("h"): moveCursor(-1)
        case .right, .character("l"): moveCursor(1)
        case .up, .character("k"): panelScroll = max(0, panelScroll - 1)
        case .down, .character("j"): panelScroll = min(10_000, panelScroll + 1)
        case .pageUp: panelScroll = max(0, panelScroll - viewport.height / 2)
        case .pageDown: panelScroll = min(10_000, panelScroll + viewport.height / 2)
        case .tab, .character("n"): return turnPage(1)
        case .backTab, .character("p"): return turnPage(-1)
        default: return nil
        }
        return []
    }

    private mutating func turnPage(_ distance: Int) -> [DashEffect] {
        let panels = layout.places.indices.filter { layout.places[$0].panel.kind != .row }
        guard let at = panels.firstIndex(of: focus) else { return [] }
        focus = panels[(at + distance + panels.count) % panels.count]
        (cursor, panelScroll) = (nil, 0)
        return askFocused()
    }

    private mutating func moveCursor(_ direction: Int64) {
        let shown = focusedPlace.flatMap { results[$0.panel.id]?.plan }
        let span = shown?.range ?? range
        let step = max(shown?.step ?? 1, (span.end - span.start) / Int64(max(1, width)))
        let from = cursor ?? span.end / step * step + (direction < 0 ? step : 0)
        cursor = max(span.start, min(span.end, from + direction * step))
    }

    // MARK: mouse

    mutating func click(_ x: Int, _ y: Int, now: Int64) -> [DashEffect] {
        guard mode == .grid, viewport.contains(x, y) else { return [] }
        guard let hit = layout.places.firstIndex(where: { $0.rect.contains(x, y - viewport.y + scroll) }) else {
            return []
        }
        if hit == focus || layout.places[hit].panel.kind == .row {
            focus = hit
            return openFocused()
        }
        focus = hit
        return []
    }

    mutating func turnWheel(_ direction: Int) -> [DashEffect] {
        switch mode {
        case .grid: return scrollBy(direction * 3)
        case .panel, .explore: panelScroll = max(0, min(10_000, panelScroll + direction * 3))
        case .menu(var menu):
            menu.move(direction)
            mode = .menu(menu)
        case .help, .prompt: break
        }
        return []
    }

    // MARK: explore

    private mutating func openExplore() -> [DashEffect] {
        guard let place = focusedPlace, place.panel.kind != .row else { return [] }
        let target = place.panel.targets.first
        panelScroll = 0
        return explore(
            Explore(
                panel: place.panel, editor: LineEditor(Self.oneLine(target?.expression ?? "")), index: 0,
                isInstant: false,
                cameFromPanel: mode == .panel))
    }

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: { $0 == "\n" || $0 == "\t" || $0 == " " || $0 == "\r\n" }).joined(separator: " ")
    }

    private mutating func pressInExplore(_ key: Key, _ explore: Explore, now: Int64) -> [DashEffect] {
        var next = explore
        switch key {
        case .escape:
            mode = explore.cameFromPanel ? .panel : .grid
            panelScroll = 0
            return []
        case .enter: return self.explore(next)
        case .tab where explore.panel.targets.count > 1:
            next.index = (explore.index + 1) % explore.panel.targets.count
            next.editor = LineEditor(Self.oneLine(explore.panel.targets[next.index].expression))
            return self.explore(next)
        case .control("t"):
            next.isInstant.toggle()
            return self.explore(next)
        case .up: panelScroll = max(0, panelScroll - 1)
        case .down: panelScroll = min(10_000, panelScroll + 1)
        default:
            _ = next.editor.handle(key)
            mode = .explore(next)
        }
        return []
    }
}
