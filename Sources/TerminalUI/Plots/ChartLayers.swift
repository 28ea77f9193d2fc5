/// Draws the marks of a chart into its plot rectangle, back to front: stacked areas, bars, tints, lines, thresholds, cursor.
struct ChartLayers {
    let chart: Chart
    let plot: Rect
    let scale: PlotScale
    let theme: Theme

    func draw(_ stacks: StackedLayers, on surface: inout Surface) {
        drawStacks(stacks, on: &surface)
        for series in chart.series where series.stack == nil && series.shape == .bars { drawBars(series, on: &surface) }
        drawTints(on: &surface)
        var canvas = BrailleCanvas(width: plot.width, height: plot.height)
        drawThresholds(&canvas)
        for series in chart.series where series.stack == nil && series.shape != .bars {
            drawLine(series, series.values, &canvas)
        }
        for layer in stacks.layers where chart.series[layer.seriesIndex].fill == 0 {
            // Stacked without a fill: only the far edge of the layer.
            drawLine(
                chart.series[layer.seriesIndex], zip(layer.lower, layer.upper).map { abs($0) > abs($1) ? $0 : $1 },
                &canvas)
        }
        canvas.draw(on: &surface, x: plot.x, y: plot.y)
        drawCursor(on: &surface)
    }

    // MARK: time to column

    /// The dot column of value `index`, bounded to one plot's width outside.
    @inline(__always)
    private func dotColumn(_ index: Int) -> Int {
        let time = Double(chart.start - chart.from) + Double(chart.step) * Double(index)
        let part = max(-1, min(2, time / Double(chart.to - chart.from)))
        return Int((part * Double(plot.width * 2 - 1)).rounded())
    }

    /// The value nearest to the middle of a cell column; nil outside of the data.
    private func index(atColumn column: Int) -> Int? {
        let time =
            (Double(column) + 0.5) / Double(plot.width) * Double(chart.to - chart.from)
            + Double(chart.from - chart.start)
        let index = (time / Double(chart.step)).rounded()
        return index >= 0 && index < 1e9 ? Int(index) : nil
    }

    // MARK: lines

    private func drawLine(_ series: ChartSeries, _ values: [Double], _ canvas: inout BrailleCanvas) {
        let dots = canvas.dotHeight
        var last: (x: Int, y: Int)?
        for (index, value) in values.enumerated() {
            guard let y = scale.row(value, dots: dots) else {
                if !series.spansGaps { last = nil }
                continue
            }
            let x = dotColumn(index)
            if let from = last, series.shape != .points {
                if series.shape == .step {
                    canvas.line(from.x, from.y, x, from.y, series.color)
                    canvas.line(x, from.y, x, y, series.color)
                } else {
                    canvas.line(from.x, from.y, x, y, series.color)
                }
            } else {
                canvas.dot(x, y, series.color)
                if series.shape == .points { canvas.dot(x + 1, y, series.color) }
            }
            last = (x, y)
        }
    }

    private func drawThresholds(_ canvas: inout BrailleCanvas) {
        for threshold in chart.thresholds {
            guard let y = scale.row(threshold.value, dots: canvas.dotHeight), y >= 0, y < canvas.dotHeight else {
                continue
            }
            for x in stride(from: 0, to: canvas.dotWidth, by: 3) { canvas.dot(x, y, threshold.color) }
        }
    }

    private func drawCursor(on surface: inout Surface) {
        guard let cursor = chart.cursor, cursor >= chart.from, cursor <= chart.to else { return }
        let part = Double(cursor - chart.from) / Double(chart.to - chart.from)
        let x = plot.x + Int((part * Double(plot.width - 1)).rounded())
        for y in plot.y..<plot.maxY where surface[x, y].scalar == 0x20 || surface[x, y].scalar == 0x2508 {
            surface.put("│", x: x, y: y, theme.focus.on(surface[x, y].style.background))
        }
    }

    // MARK: tinted areas

    /// Cells wholly below a filled line get its colour, thinned, as their background.
    private func drawTints(on surface: inout Surface) {
        guard !theme.isMonochrome else { return }
        let zero = scale.level(max(scale.low, min(scale.high, 0)), steps: plot.height) ?? 0
        for series in chart.series where series.stack == nil && series.shape != .bars && series.fill > 0 {
            let opacity = min(0.6, 0.08 + series.fill * 0.5)
            for column in 0..<plot.width {
                guard let index = index(atColumn: column), index < series.values.count,
                    let top = scale.row(series.values[index], dots: plot.height * 4)
                else { continue }
                // A line in the upper half of its cell leaves more of the area than of the air in it.
                let isUpperHalf = top & 3 < 2
                let zeroRow = plot.height - zero
                let topRow = max(0, min(plot.height, (top >> 2) + (isUpperHalf ? 0 : 1)))
                let endRow = max(zeroRow, min(plot.height, (top >> 2) + (isUpperHalf ? 0 : 1)))
                let rows = topRow <= zeroRow ? topRow..<zeroRow : zeroRow..<endRow
                for row in rows { tint(&surface, plot.x + column, plot.y + row, series.color, opacity) }
            }
        }
    }

    private func tint(_ surface: inout Surface, _ x: Int, _ y: Int, _ color: Color, _ opacity: Double) {
        var cell = surface[x, y]
        let below = cell.style.background.isStandard ? theme.ground : cell.style.background
        cell.style.background = color.over(below, opacity: opacity)
        surface[x, y] = cell
    }

    // MARK: bars

    private func drawBars(_ series: ChartSeries, on surface: inout Surface) {
        let base = max(scale.low, min(scale.high, 0))
        for column in 0..<plot.width {
            guard let index = index(atColumn: column), index < series.values.count else { continue }
            let value = series.values[index]
            guard value.isFinite else { continue }
            fill(column, from: min(base, value), to: max(base, value), color: series.color, shade: 0, on: &surface)
        }
    }

    private func fill(
        _ column: Int, from low: Double, to high: Double, color: Color, shade: Int, on surface: inout Surface
    ) {
        let steps = plot.height * 8
        guard let bottom = scale.level(low, steps: steps), let top = scale.level(high, steps: steps) else { return }
        for row in 0..<plot.height {
            let cellBottom = (plot.height - 1 - row) * 8
            let filled = min(8, top - cellBottom)
            guard filled > 0, cellBottom + 8 > bottom else { continue }
            surface.put(Blocks.lower[filled], x: plot.x + column, y: plot.y + row, Style(color))
        }
    }

    // MARK: stacked areas

    private func drawStacks(_ stacks: StackedLayers, on surface: inout Surface) {
        guard !stacks.isEmpty else { return }
        let steps = plot.height * 8
        var spans: [StackSpan] = []
        for column in 0..<plot.width {
            guard let index = index(atColumn: column) else { continue }
            spans.removeAll(keepingCapacity: true)
            for (order, layer) in stacks.layers.enumerated() where index < layer.upper.count {
                let series = chart.series[layer.seriesIndex]
                guard series.fill > 0 || series.shape == .bars,
                    let bottom = scale.level(layer.lower[index], steps: steps),
                    let top = scale.level(layer.upper[index], steps: steps), top > bottom
                else { continue }
                spans.append(StackSpan(bottom: bottom, top: top, order: order, color: color(of: layer)))
            }
            for row in 0..<plot.height { drawStackCell(column, row, spans, on: &surface) }
        }
    }

    private func color(of layer: StackedLayers.Layer) -> Color {
        let series = chart.series[layer.seriesIndex]
        return series.color.over(theme.ground, opacity: min(1, 0.62 + series.fill * 0.38))
    }

    /// A cell shows at most two layers, the free space above and below counting as such: those that fill it most.
    private func drawStackCell(_ column: Int, _ row: Int, _ spans: [StackSpan], on surface: inout Surface) {
        let bottom = (plot.height - 1 - row) * 8
        let top = bottom + 8
        let inside = spans.filter { $0.bottom < top && $0.top > bottom }.sorted { $0.bottom < $1.bottom }
        guard let first = inside.first, let last = inside.last else { return }
        var layers = inside.map { Optional($0) }
        if first.bottom > bottom { layers.insert(nil, at: 0) }
        if last.top < top { layers.append(nil) }
        func size(_ index: Int) -> Int {
            guard let span = layers[index] else { return index == 0 ? first.bottom - bottom : top - last.top }
            return overlap(span, bottom, top)
        }
        let largest = layers.indices.sorted { size($0) == size($1) ? $0 < $1 : size($0) > size($1) }.prefix(2).sorted()
        let below = layers[largest[0]]
        let above = layers[largest[largest.count - 1]]
        let edge = max(0, min(8, (below?.top ?? above?.bottom ?? top) - bottom))
        drawSplit(below, above, edge, x: plot.x + column, y: plot.y + row, on: &surface)
    }

    /// `below` fills `edge` eighths of the cell, `above` the rest; nil is free space.
    private func drawSplit(
        _ below: StackSpan?, _ above: StackSpan?, _ edge: Int, x: Int, y: Int, on surface: inout Surface
    ) {
        if theme.isMonochrome {
            let main = (edge >= 4 ? below : above) ?? below ?? above
            let isEdge = above == nil && edge < 8
            surface.put(
                isEdge ? Blocks.lower[edge] : Blocks.shades[(main?.order ?? 0) % Blocks.shades.count], x: x, y: y)
        } else if let below {
            surface.put(
                Blocks.lower[edge], x: x, y: y, Style(below.color, on: edge < 8 ? above?.color ?? .standard : .standard)
            )
        } else if let above {
            // Hangs from above (negative values): the free part below is drawn in the background's colour.
            surface.put(Blocks.lower[edge], x: x, y: y, Style(theme.ground, on: above.color))
        }
    }

    private func overlap(_ span: StackSpan, _ bottom: Int, _ top: Int) -> Int {
        min(span.top, top) - max(span.bottom, bottom)
    }
}

/// One layer in one column, in eighths of a row from the bottom.
struct StackSpan {
    var bottom: Int
    var top: Int
    var order: Int
    var color: Color
}
