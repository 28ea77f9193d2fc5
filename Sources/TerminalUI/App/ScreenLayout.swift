import Dashboards

/// Where panels stand on a screen of a given size: the 24-column grid scaled to cells.
///
/// Rectangles are on a sheet as wide as the screen and as high as needed, of which the screen shows a part.
struct ScreenLayout: Equatable {
    struct Place: Equatable {
        var panel: Panel
        var rect: Rect
        var isOpen: Bool
        var childCount: Int
    }

    var places: [Place] = []
    /// Rows of the whole sheet.
    var height = 0
    /// Panels have boxes.
    var isBoxed = false

    init() {}

    /// - Parameter size: of the part of the screen that panels have.
    init(_ placed: [PlacedPanel], width: Int, height screenHeight: Int) {
        guard width > 0 else { return }
        isBoxed = width >= 100 && screenHeight >= 36
        let flowed = Self.flow(placed, width: width)
        let gridHeight = flowed.map { $0.grid.y + $0.grid.height }.max() ?? 0
        let headers = flowed.filter { $0.panel.kind == .row }.count
        let scale = Self.rowsPerUnit(gridHeight: gridHeight - headers, headers: headers, screenHeight: screenHeight)
        // Headers take one row whatever the scale: count those above.
        var headersAbove = 0
        var rowOfHeader: [Int] = []
        for one in flowed {
            let isRow = one.panel.kind == .row
            if isRow { rowOfHeader.append(one.grid.y) }
            headersAbove = rowOfHeader.filter { $0 < one.grid.y }.count
            func row(_ line: Int) -> Int { Int((Double(line - headersAbove) * scale).rounded()) + headersAbove }
            let top = row(one.grid.y)
            let bottom = isRow ? top + 1 : row(one.grid.y + one.grid.height)
            let left = one.grid.x * width / GridPosition.columns
            let right = (one.grid.x + one.grid.width) * width / GridPosition.columns
            let rect = Rect(x: left, y: top, width: right - left, height: max(1, bottom - top))
            places.append(Place(panel: one.panel, rect: rect, isOpen: one.isOpen, childCount: one.childCount))
        }
        height = places.map(\.rect.maxY).max() ?? 0
    }

    /// One row a grid line on small screens, up to two on large ones; exactly so many that a dashboard that nearly fits does fit.
    private static func rowsPerUnit(gridHeight: Int, headers: Int, screenHeight: Int) -> Double {
        guard gridHeight > 0 else { return 1 }
        let usual = max(1, min(1.6, Double(screenHeight) / 36))
        let fitting = Double(screenHeight - headers) / Double(gridHeight)
        return fitting >= 0.85 && fitting <= 2.2 && fitting >= usual * 0.8 ? fitting : usual
    }

    /// The least columns in which a kind of panel can be read.
    private static func leastWidth(_ kind: PanelKind) -> Int {
        switch kind {
        case .timeSeries, .heatmap, .histogram, .barGauge: 24
        case .table, .text, .logs, .unknown: 30
        case .stat, .gauge: 9
        case .row: 1
        }
    }

    /// Where panels would be too narrow, those of a section are widened and set in lines anew.
    private static func flow(_ placed: [PlacedPanel], width: Int) -> [PlacedPanel] {
        let needs = placed.contains {
            $0.grid.width * width / GridPosition.columns < min(width, leastWidth($0.panel.kind))
        }
        guard needs else { return placed }
        var result: [PlacedPanel] = []
        var x = 0
        var y = 0
        var lineHeight = 0
        for one in placed {
            var copy = one
            let least = (min(width, leastWidth(one.panel.kind)) * GridPosition.columns + width - 1) / width
            var columns = max(one.grid.width, min(GridPosition.columns, least))
            // Widths that divide the line leave no ragged edge.
            columns = [1, 2, 3, 4, 6, 8, 12, 16, 18, 24].first { $0 >= columns } ?? GridPosition.columns
            if x + columns > GridPosition.columns || one.panel.kind == .row {
                y += lineHeight
                (x, lineHeight) = (0, 0)
            }
            copy.grid = GridPosition(
                x: x, y: y, width: one.panel.kind == .row ? GridPosition.columns : columns, height: one.grid.height)
            x += copy.grid.width
            lineHeight = max(lineHeight, one.grid.height)
            result.append(copy)
        }
        return result
    }

    /// The panel nearest to `from` in a direction, by the middles of their rectangles.
    func neighbour(of from: Int, dx: Int, dy: Int) -> Int? {
        guard places.indices.contains(from) else { return places.isEmpty ? nil : 0 }
        let origin = places[from].rect
        var best: (index: Int, distance: Int)?
        for (index, place) in places.enumerated() where index != from {
            let rect = place.rect
            let ahead =
                dx != 0
                ? (dx > 0 ? rect.x - origin.maxX : origin.x - rect.maxX)
                : (dy > 0 ? rect.y - origin.maxY : origin.y - rect.maxY)
            guard ahead >= 0 else { continue }
            let aside =
                dx != 0
                ? max(0, max(rect.y - origin.maxY + 1, origin.y - rect.maxY + 1)) * 4 + abs(rect.y - origin.y)
                : max(0, max(rect.x - origin.maxX + 1, origin.x - rect.maxX + 1)) * 2 + abs(rect.x - origin.x) / 4
            // Sideways moves stay in the line.
            if dx != 0, rect.y >= origin.maxY || rect.maxY <= origin.y { continue }
            let distance = ahead * 8 + aside
            if distance < best?.distance ?? .max { best = (index, distance) }
        }
        return best?.index
    }
}
