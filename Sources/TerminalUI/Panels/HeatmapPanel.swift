import Dashboards
import Model

/// Buckets over time, the fuller the brighter.
struct HeatmapPanel {
    let view: PanelView
    let context: PanelContext

    func draw(_ content: PanelContent, on surface: inout Surface, in rect: Rect) {
        let buckets = makeBuckets(content)
        guard !buckets.isEmpty, rect.height >= 2, rect.width >= 8 else { return }
        let axisRows = rect.height >= 4 ? 1 : 0
        let labels = buckets.map(\.label)
        let gutter = min(rect.width / 3, (labels.map { CharacterWidth.of($0) }.max() ?? 0) + 1)
        let plot = Rect(x: rect.x + gutter, y: rect.y, width: rect.width - gutter, height: rect.height - axisRows)
        HeatStrip.draw(on: &surface, in: plot, rows: buckets.map(\.values), theme: context.theme)
        drawLabels(labels, on: &surface, plot, gutter)
        guard axisRows > 0 else { return }
        var free = plot.x
        for tick in TimeTicks.make(from: view.range.start, to: view.range.end, columns: plot.width, zone: context.zone)
        {
            let part = Double(tick.time - view.range.start) / Double(max(1, view.range.end - view.range.start))
            let x = min(
                plot.maxX - CharacterWidth.of(tick.label), max(free, plot.x + Int(part * Double(plot.width - 1)) - 2))
            guard x >= free else { continue }
            surface.text(tick.label, x: x, y: plot.maxY, context.theme.muted)
            free = x + CharacterWidth.of(tick.label) + 1
        }
    }

    private func drawLabels(_ labels: [String], on surface: inout Surface, _ plot: Rect, _ gutter: Int) {
        var last = -2
        for line in 0..<plot.height {
            let row = line * labels.count / plot.height
            let isFirst = line == 0 || (line - 1) * labels.count / plot.height != row
            guard isFirst, line - last >= 2 else { continue }
            surface.textEnding(
                labels[row], right: plot.x - 1, y: plot.y + line, columns: gutter - 1, context.theme.muted)
            last = line
        }
    }

    private struct Bucket {
        var bound: Double
        var label: String
        var values: [Double]
    }

    /// The highest bucket first. Cumulative ones (by their `le`) are taken apart.
    private func makeBuckets(_ content: PanelContent) -> [Bucket] {
        let unit = UnitFormat(view.panel.options.yUnit ?? view.panel.fields.defaults.unit)
        let series = context.shown(content.series)
        if view.panel.options.calculatesBuckets { return counted(series, unit) }
        var sorted = series.compactMap { one -> Bucket? in
            let text = one.labels["le"] ?? one.name
            guard let bound = text == "+Inf" ? .infinity : Double(text) else { return nil }
            return Bucket(bound: bound, label: bound.isFinite ? unit.format(bound).text : "∞", values: one.values)
        }
        guard sorted.count == series.count, !sorted.isEmpty else {
            return series.reversed().map { Bucket(bound: 0, label: $0.name, values: $0.values) }
        }
        sorted.sort { $0.bound < $1.bound }
        for index in sorted.indices.reversed() where index > 0 {
            let below = sorted[index - 1].values
            for i in sorted[index].values.indices where i < below.count && below[i].isFinite {
                sorted[index].values[i] = max(0, sorted[index].values[i] - below[i])
            }
        }
        return sorted.reversed()
    }

    /// Values of all series, counted into ten ranges.
    private func counted(_ series: [DisplaySeries], _ unit: UnitFormat) -> [Bucket] {
        let all = series.flatMap(\.values).filter(\.isFinite)
        guard let low = all.min(), let high = all.max() else { return [] }
        let ticks = Ticks(low: low, high: high, count: 10)
        let bounds = ticks.values + [ticks.high + ticks.step]
        let columns = series.map(\.values.count).max() ?? 0
        return bounds.reversed().map { bound in
            let values = (0..<columns).map { column in
                Double(
                    series.filter {
                        column < $0.values.count && $0.values[column] <= bound && $0.values[column] > bound - ticks.step
                    }.count)
            }
            return Bucket(bound: bound, label: unit.format(bound).text, values: values)
        }
    }
}

/// How often values occur.
struct HistogramPanel {
    let panel: Panel
    let context: PanelContext

    func draw(_ content: PanelContent, on surface: inout Surface, in rect: Rect) {
        let values = context.shown(content.series).flatMap(\.values).filter(\.isFinite)
        guard let low = values.min(), let high = values.max(), rect.height >= 2 else { return }
        let ticks = Ticks(low: low, high: high, count: max(4, min(30, rect.width / 4)))
        let first = (ticks.low / ticks.step).rounded(.down) * ticks.step
        let count = max(1, min(200, Int(((ticks.high - first) / ticks.step).rounded(.up))))
        var counts = [Int](repeating: 0, count: count)
        for value in values { counts[Int(max(0, min(Double(count - 1), (value - first) / ticks.step)))] += 1 }
        let largest = max(1, counts.max() ?? 1)
        let unit = UnitFormat(panel.fields.defaults.unit)
        let plot = rect.inset(bottom: 1)
        for (cell, amount) in zip(ItemGrid.split(plot, count: count, down: false, least: (1, 1)), counts) {
            let eighths = amount * plot.height * 8 / largest
            for row in 0..<plot.height {
                let filled = max(0, min(8, eighths - (plot.height - 1 - row) * 8))
                guard filled > 0 else { continue }
                for x in cell.x..<max(cell.x + 1, cell.maxX - 1) {
                    surface.put(Blocks.lower[filled], x: x, y: plot.y + row, Style(Color(.ofSeries(0))))
                }
            }
        }
        surface.text(unit.format(first).text, x: rect.x, y: rect.maxY - 1, context.theme.muted)
        surface.textEnding(
            unit.format(first + Double(count) * ticks.step).text, right: rect.maxX, y: rect.maxY - 1,
            columns: rect.width / 2, context.theme.muted)
        surface.textCentered("up to \(largest)", in: rect, y: rect.maxY - 1, context.theme.muted)
    }
}
