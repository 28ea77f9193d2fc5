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
    private let unit: UnitFormat
    /// More lines than this are no picture any more.
    private let seriesMax = 20

    init(_ table: SeriesTable, start: Int64, end: Int64, step: Int64, unit: String?) {
        self.table = table
        self.start = start
        self.end = end
        self.step = step
        self.unit = UnitFormat(unit)
    }

    func text(width: Int, height: Int, colour: Bool) -> String {
        let theme = Theme.dark
        let shown = min(table.count, seriesMax)
        var chart = Chart(start: start, step: step, from: start, to: end)
        chart.unit = unit
        let steps = Int((end - start) / step) + 1
        for i in 0..<shown {
            var values = [Double](repeating: .nan, count: steps)
            for point in table.points(i) {
                let at = Int((table.timestamps[point] - start) / step)
                if at >= 0 && at < steps { values[at] = table.values[point] }
            }
            chart.series.append(
                ChartSeries(name: "\(table.labels[i])", color: Color(RGBColor.ofSeries(i)), values: values))
        }
        let lines = max(6, min(height, 100))
        var surface = Surface(width: max(20, width), height: lines + shown + (table.count > shown ? 1 : 0))
        chart.draw(on: &surface, in: Rect(x: 0, y: 0, width: surface.width, height: lines), theme: theme)
        for i in 0..<shown {
            _ = surface.text("■", x: 1, y: lines + i, Style(Color(RGBColor.ofSeries(i))))
            let last = table.lastValue(i).map { unit.format($0).text } ?? ""
            _ = surface.fitted("\(table.labels[i])  \(last)", x: 3, y: lines + i, columns: surface.width - 4)
        }
        if table.count > shown { _ = surface.text("and \(table.count - shown) more series", x: 3, y: lines + shown) }
        return colour ? surface.ansiText(.indexed256) : surface.plainText()
    }
}
