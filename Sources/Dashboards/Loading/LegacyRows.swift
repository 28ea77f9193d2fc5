/// Dashboards before schema 16: rows of panels with widths in twelfths, heights in pixels.
enum LegacyRows {
    /// - Parameter y: the grid line to start at.
    static func read(_ node: DocumentNode, below y: Int) -> [Panel] {
        var result: [Panel] = []
        var top = y
        let rows = node.list
        // Titles of rows were shown only where the row says so; a dashboard of one row needs none.
        for row in rows {
            let height = rowHeight(row["height"])
            let isCollapsed = row["collapse"].value?.bool ?? false
            let showsTitle = row["showTitle"].value?.bool ?? isCollapsed
            let panels = place(row, at: showsTitle ? top + 1 : top, height: height)
            let bottom = panels.map { $0.grid.y + $0.grid.height }.max() ?? top
            guard showsTitle || isCollapsed else {
                result += panels
                top = bottom
                continue
            }
            var header = Panel()
            header.kind = .row
            header.title = row["title"].looseString ?? ""
            header.grid = GridPosition(x: 0, y: top, width: GridPosition.columns, height: 1)
            header.isCollapsed = isCollapsed
            header.repeatVariable = row["repeat"].looseString.flatMap { $0.isEmpty ? nil : $0 }
            header.children = isCollapsed ? panels : []
            result.append(header)
            if !isCollapsed { result += panels }
            top = isCollapsed ? top + 1 : bottom
        }
        return result
    }

    private static func place(_ row: DocumentNode, at top: Int, height: Int) -> [Panel] {
        var x = 0
        var y = top
        return (row["panels"].exists ? row["panels"].list : []).map { node in
            var panel = PanelReader.read(node)
            let width = max(1, min(GridPosition.columns, Int(((node["span"].number ?? 4) * 2).rounded())))
            if x + width > GridPosition.columns {
                x = 0
                y += height
            }
            panel.grid = GridPosition(
                x: x, y: y, width: width, height: node["height"].exists ? rowHeight(node["height"]) : height)
            x += width
            return panel
        }
    }

    /// `"250px"` or 250, to grid lines of 38 pixels with their gaps.
    private static func rowHeight(_ node: DocumentNode) -> Int {
        let text = (node.looseString ?? "250").filter { $0.isASCII && ($0.isNumber || $0 == ".") }
        let pixels = Double(text) ?? 250
        return max(2, min(100, Int((pixels / 38).rounded(.up))))
    }
}
