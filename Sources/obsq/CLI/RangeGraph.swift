import Client
import Dashboards
import Model
import TerminalUI

/// A matrix drawn as a braille chart with a legend below.
struct RangeGraph {
    private let table: SeriesTable
    private let start: Int64
    private let end: Int64
    private let step: Int64
    var unit = UnitFormat(nil)
    /// Series are bars on top of one another, and the legend says their sums; otherwise lines, with their last values.
    var isHistogram = false
    /// What the legend calls a series.
    var name: (Labels) -> String = { "\($0)" }
    /// The colour of a series, where its labels say so.
    var color: (Labels) -> RGBColor? = { _ in nil }
    /// More lines than this are no picture any more.
    private let seriesMax = 20

    /// Times are milliseconds.
    init(_ table: SeriesTable, start: Int64, end: Int64, step: Int64) {
        self.table = table
        self.start = start
        self.end = end
        self.step = max(1, step)
    }

    func text(width: Int, height: Int, colour: Bool) -> String {
        let theme = Theme.dark
        let shown = min(table.count, seriesMax)
        var chart = Chart(start: start, step: step, from: start, to: end)
        chart.unit = unit
        let colors = (0..<shown).map { Color(color(table.labels[$0]) ?? .ofSeries($0)) }
        for i in 0..<shown {
            chart.series.append(
                ChartSeries(
                    name: name(table.labels[i]), color: colors[i], values: values(i),
                    shape: isHistogram ? .bars : .line,
                    stack: isHistogram ? "all" : nil))
        }
        let lines = max(6, min(height, 100))
        var surface = Surface(width: max(20, width), height: lines + shown + (table.count > shown ? 1 : 0))
        chart.draw(on: &surface, in: Rect(x: 0, y: 0, width: surface.width, height: lines), theme: theme)
        for i in 0..<shown {
            _ = surface.text("■", x: 1, y: lines + i, Style(colors[i]))
            _ = surface.fitted(
                "\(name(table.labels[i]))  \(figure(i))", x: 3, y: lines + i, columns: surface.width - 4)
        }
        if table.count > shown { _ = surface.text("and \(table.count - shown) more series", x: 3, y: lines + shown) }
        return colour ? surface.ansiText(.indexed256) : surface.plainText()
    }

    /// On the chart's grid.
    private func values(_ series: Int) -> [Double] {
        let steps = Int((end - start) / step) + 1
        var values = [Double](repeating: .nan, count: steps)
        for point in table.points(series) {
            let at = Int((table.timestamps[point] - start) / step)
            if at >= 0 && at < steps { values[at] = table.values[point] }
        }
        return values
    }

    private func figure(_ series: Int) -> String {
        if isHistogram { return unit.format(table.values[table.points(series)].reduce(0, +)).text }
        return table.lastValue(series).map { unit.format($0).text } ?? ""
    }
}
