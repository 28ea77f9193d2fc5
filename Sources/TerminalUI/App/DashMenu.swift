import Dashboards

/// A list to choose from, over the dashboard.
struct DashMenu: Equatable {
    enum Purpose: Equatable {
        case timeRange
        case variables
        case options(of: String)
        case dashboards
    }

    struct Item: Equatable {
        var text: String
        var value: String
        var isMarked = false
    }

    var purpose: Purpose
    var title: String
    var items: [Item]
    var selected = 0
    /// Typed to narrow the list.
    var filter = ""

    var shown: [Item] {
        filter.isEmpty ? items : items.filter { $0.text.lowercased().contains(filter.lowercased()) }
    }

    var current: Item? { shown.indices.contains(selected) ? shown[selected] : nil }

    mutating func move(_ distance: Int) { selected = max(0, min(shown.count - 1, selected + distance)) }

    mutating func type(_ key: Key) {
        switch key {
        case .character(let character): filter.append(character)
        case .backspace: if !filter.isEmpty { filter.removeLast() }
        default: return
        }
        selected = 0
    }

    static func timeRanges(_ window: TimeWindow) -> DashMenu {
        let spans = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d", "90d", "1y"]
        var items = spans.map {
            Item(
                text: "Last " + $0, value: "now-" + $0 + " now",
                isMarked: window.from == "now-" + $0 && window.to == "now")
        }
        items += [
            Item(text: "Today", value: "now/d now"), Item(text: "Yesterday", value: "now-1d/d now-1d/d"),
            Item(text: "This week", value: "now/w now"), Item(text: "Other … (from and to)", value: ""),
        ]
        var menu = DashMenu(purpose: .timeRange, title: "Time range", items: items)
        menu.selected = items.firstIndex(where: \.isMarked) ?? 3
        return menu
    }

    static func variables(_ variables: [Variable], _ state: VariableState) -> DashMenu {
        let items = variables.filter { !$0.isHidden && $0.kind != .adHoc && $0.kind != .dataSource }.map { variable in
            let error = state.errors[variable.name].map { "  ! " + $0 } ?? ""
            return Item(text: variable.title + ": " + state.text(variable) + error, value: variable.name)
        }
        return DashMenu(purpose: .variables, title: "Variables", items: items)
    }

    static func options(_ variable: Variable, _ state: VariableState) -> DashMenu {
        let chosen = state.chosen[variable.name] ?? []
        var items = (state.options[variable.name] ?? []).map {
            Item(text: $0.text, value: $0.value, isMarked: chosen.contains($0.value))
        }
        if variable.includesAll {
            items.insert(Item(text: "All", value: Variable.all, isMarked: state.isAll(variable.name)), at: 0)
        }
        var menu = DashMenu(purpose: .options(of: variable.name), title: variable.title, items: items)
        menu.selected = items.firstIndex(where: \.isMarked) ?? 0
        return menu
    }

    func draw(on surface: inout Surface, _ theme: Theme) {
        let list = shown
        let width = max(30, min(surface.width - 4, (list.map { CharacterWidth.of($0.text) }.max() ?? 0) + 8))
        let rect = surface.bounds.centered(
            width: width, height: min(surface.height - 2, max(3, list.count + (filter.isEmpty ? 2 : 3))))
        surface.fill(rect, .blank)
        surface.box(rect, title: title, theme.focus, titleStyle: theme.focus)
        var inside = rect.inset(left: 2, top: 1, right: 2, bottom: 1)
        if !filter.isEmpty {
            surface.fitted("/" + filter, x: inside.x, y: inside.y, columns: inside.width, theme.muted)
            inside = inside.inset(top: 1)
        }
        if list.isEmpty { surface.text("nothing to choose", x: inside.x, y: inside.y, theme.muted) }
        let first = max(0, min(selected - inside.height / 2, list.count - inside.height))
        for (row, item) in list.dropFirst(first).prefix(inside.height).enumerated() {
            let isSelected = first + row == selected
            let style = isSelected ? theme.selection : theme.text
            let y = inside.y + row
            if isSelected {
                surface.fill(Rect(x: inside.x - 1, y: y, width: inside.width + 2, height: 1), Cell(0x20, style))
            }
            surface.text(item.isMarked ? "✓" : " ", x: inside.x, y: y, style)
            surface.fitted(item.text, x: inside.x + 2, y: y, columns: inside.width - 2, style)
        }
    }
}
