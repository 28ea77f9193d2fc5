/// A panel at its place on the grid.
public struct PlacedPanel: Equatable, Sendable {
    public var panel: Panel
    public var grid: GridPosition
    /// Rows only: whether its panels are shown.
    public var isOpen = true
    /// Rows only: how many panels it has.
    public var childCount = 0
}

/// Puts panels on the grid of 24 columns: rows opened or closed, repeated panels cloned, gaps closed upwards as in Grafana.
public enum GridLayout {
    /// - Parameters:
    ///   - toggled: ids of rows whose state differs from the document's.
    /// - Returns: in reading order.
    public static func arrange(_ panels: [Panel], state: VariableState, variables: [Variable], toggled: Set<Int> = [])
        -> [PlacedPanel]
    {
        var result: [PlacedPanel] = []
        var y = 0
        for section in sections(panels) {
            for repeated in PanelRepeats.rows(section, state, variables) {
                y = place(repeated, at: y, toggled: toggled, state, variables, &result)
            }
        }
        return result
    }

    /// A row with its panels; the first may have no row.
    struct Section {
        var header: Panel?
        var panels: [Panel]
    }

    private static func sections(_ panels: [Panel]) -> [Section] {
        var result: [Section] = [Section(header: nil, panels: [])]
        for panel in sorted(panels) {
            if panel.kind == .row {
                result.append(Section(header: panel, panels: panel.children))
            } else {
                result[result.count - 1].panels.append(panel)
            }
        }
        return result.filter { $0.header != nil || !$0.panels.isEmpty }
    }

    private static func sorted(_ panels: [Panel]) -> [Panel] {
        panels.enumerated().sorted { a, b in
            let left = (a.element.grid.y, a.element.grid.x, a.offset)
            let right = (b.element.grid.y, b.element.grid.x, b.offset)
            return left < right
        }.map(\.element)
    }

    private static func place(
        _ section: Section, at top: Int, toggled: Set<Int>, _ state: VariableState, _ variables: [Variable],
        _ result: inout [PlacedPanel]
    ) -> Int {
        var y = top
        if let header = section.header {
            let isOpen = header.isCollapsed == toggled.contains(header.id)
            result.append(
                PlacedPanel(
                    panel: header, grid: GridPosition(x: 0, y: y, width: GridPosition.columns, height: 1),
                    isOpen: isOpen,
                    childCount: section.panels.count))
            y += 1
            if !isOpen { return y }
        }
        // The line that each column is filled to.
        var skyline = [Int](repeating: y, count: GridPosition.columns)
        for panel in sorted(PanelRepeats.panels(section.panels, state, variables)) {
            let columns = panel.grid.x..<min(GridPosition.columns, panel.grid.x + panel.grid.width)
            let line = skyline[columns].max() ?? y
            var grid = panel.grid
            grid.y = line
            result.append(PlacedPanel(panel: panel, grid: grid))
            for column in columns { skyline[column] = line + grid.height }
        }
        return skyline.max() ?? y
    }
}

/// Clones panels and rows for each value of a variable.
enum PanelRepeats {
    /// Clones of one panel or row; more values than that are left out.
    static let clonesMax = 100

    static func rows(_ section: GridLayout.Section, _ state: VariableState, _ variables: [Variable]) -> [GridLayout
        .Section]
    {
        guard let header = section.header, let name = header.repeatVariable else { return [section] }
        let options = values(name, state, variables)
        guard !options.isEmpty else { return [section] }
        return options.enumerated().map { index, option in
            var copy = section
            copy.header = clone(header, index, name, option)
            copy.panels = section.panels.map { clone($0, index, name, option) }
            return copy
        }
    }

    /// Clones stand side by side (or below one another), from the place of the original.
    static func panels(_ panels: [Panel], _ state: VariableState, _ variables: [Variable]) -> [Panel] {
        guard panels.contains(where: { $0.repeatVariable != nil }) else { return panels }
        var result: [Panel] = []
        var shift = 0
        for panel in panels {
            var panel = panel
            panel.grid.y += shift
            guard let name = panel.repeatVariable, panel.scopedVariables[name] == nil else {
                result.append(panel)
                continue
            }
            let options = values(name, state, variables)
            guard !options.isEmpty else {
                result.append(panel)
                continue
            }
            let perRow = panel.repeatsDown ? 1 : min(options.count, panel.repeatsPerRowMax)
            let width = panel.repeatsDown ? panel.grid.width : max(1, GridPosition.columns / perRow)
            for (index, option) in options.enumerated() {
                var copy = clone(panel, index, name, option)
                copy.grid.width = width
                copy.grid.x = panel.repeatsDown ? panel.grid.x : index % perRow * width
                copy.grid.y = panel.grid.y + index / perRow * panel.grid.height
                result.append(copy)
            }
            shift += (options.count - 1) / perRow * panel.grid.height
        }
        return result
    }

    private static func values(_ name: String, _ state: VariableState, _ variables: [Variable]) -> [String] {
        guard variables.contains(where: { $0.name == name }) else { return [] }
        let chosen = state.isAll(name) ? (state.options[name] ?? []).map(\.value) : state.chosen[name] ?? []
        return Array(chosen.prefix(clonesMax))
    }

    private static func clone(_ panel: Panel, _ index: Int, _ name: String, _ value: String) -> Panel {
        var copy = panel
        copy.scopedVariables[name] = value
        // Ids of clones: stable from refresh to refresh, and apart from all others.
        if index > 0 { copy.id = panel.id &* 1_000 &+ index &+ 2_000_000_000 }
        return copy
    }
}
