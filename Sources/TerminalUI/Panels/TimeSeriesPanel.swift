import Dashboards
import Model

/// Lines, areas, bars or points over time, with a legend.
struct TimeSeriesPanel {
    let view: PanelView
    let content: PanelContent
    let context: PanelContext

    private var settings: FieldSettings { view.panel.fields.defaults }

    func draw(on surface: inout Surface, in rect: Rect) {
        let series = context.shown(content.series)
        guard !series.isEmpty else {
            surface.textCentered(
                "no series has \"\(context.filter)\" in its name", in: rect, y: rect.y + rect.height / 2,
                context.theme.muted)
            return
        }
        let legend = makeLegend(series)
        let (plot, legendRect, isTable) = split(rect, legend)
        chart(series).draw(on: &surface, in: plot, theme: context.theme)
        guard !legendRect.isEmpty else { return }
        if isTable {
            var scrolled = legend
            scrolled.entries = Array(legend.entries.dropFirst(min(context.scroll, max(0, legend.entries.count - 1))))
            scrolled.drawTable(on: &surface, in: legendRect, theme: context.theme)
        } else {
            legend.drawList(on: &surface, in: legendRect, theme: context.theme)
        }
    }

    // MARK: layout

    private func split(_ rect: Rect, _ legend: Legend) -> (plot: Rect, legend: Rect, isTable: Bool) {
        let options = view.panel.options.legend
        let none = Rect(x: rect.x, y: rect.maxY, width: 0, height: 0)
        if context.isFullScreen {
            let rows = min(legend.entries.count + 1, max(3, rect.height / 3))
            return stacked(rect, rows, isTable: true)
        }
        guard options.isShown, !legend.entries.isEmpty, rect.height >= 4 else { return (rect, none, false) }
        if options.isRight, rect.width >= 64 {
            let width = min(rect.width * 2 / 5, 24 + legend.columns.count * 10)
            let side = Rect(x: rect.maxX - width + 2, y: rect.y, width: width - 2, height: rect.height)
            return (rect.inset(right: width), side, true)
        }
        if options.isTable, rect.height >= 12 {
            return stacked(
                rect, min(legend.entries.count + (legend.columns.isEmpty ? 0 : 1), rect.height / 3), isTable: true)
        }
        let rows = legend.listRows(width: rect.width, limit: rect.height >= 12 ? 2 : 1)
        return stacked(rect, rows, isTable: false)
    }

    private func stacked(_ rect: Rect, _ rows: Int, isTable: Bool) -> (plot: Rect, legend: Rect, isTable: Bool) {
        (rect.inset(bottom: rows), Rect(x: rect.x, y: rect.maxY - rows, width: rect.width, height: rows), isTable)
    }

    // MARK: legend

    private func makeLegend(_ series: [DisplaySeries]) -> Legend {
        var calculations = view.panel.options.legend.calculations
        if context.isFullScreen {
            for name in ["min", "mean", "max", "lastNotNull"] where !calculations.contains(name) {
                calculations.append(name)
            }
        }
        var columns = calculations.map { Reduction.title($0) }
        if let cursor = context.cursor { columns.insert("at " + CivilTime(cursor, context.zone).secondText, at: 0) }
        let entries = series.enumerated().filter { $0.element.settings.isHiddenInLegend != true }.map { index, one in
            // A negated series is told with its true sign.
            let sign: Double = one.settings.isNegated == true ? -1 : 1
            let values = sign < 0 ? one.values.map { -$0 } : one.values
            var figures = calculations.map {
                context.text(Reduction.apply($0, values), one.settings, range: 0...1).text.text
            }
            if let cursor = context.cursor {
                figures.insert(context.text(value(one, at: cursor) * sign, one.settings, range: 0...1).text.text, at: 0)
            }
            return LegendEntry(name: one.name, color: color(one), order: index, figures: figures)
        }
        return Legend(columns: columns, entries: entries)
    }

    private func color(_ series: DisplaySeries) -> Color {
        let mode = series.settings.colorMode ?? "palette-classic"
        if mode == "fixed" || mode.hasPrefix("palette") || mode == "shades" { return Color(series.color) }
        let range = ValueText.range(series.settings, values: series.values)
        return ValueText.color(series.reduced("lastNotNull"), series.settings, range: range).map { Color($0) }
            ?? Color(series.color)
    }

    private func value(_ series: DisplaySeries, at time: Int64) -> Double {
        guard let step = TimeGrid(series.times)?.step else { return .nan }
        guard let index = series.times.lastIndex(where: { $0 <= time + step / 2 }), index < series.values.count else {
            return .nan
        }
        return series.values[index]
    }

    // MARK: chart

    private func chart(_ series: [DisplaySeries]) -> Chart {
        let grid = TimeGrid.common(series.map(\.times), range: view.range)
        var chart = Chart(start: grid.start, step: grid.step, from: view.range.start, to: view.range.end)
        let first = series[0].settings
        chart.stacksToWhole = series.contains { $0.settings.stacking == .percent }
        chart.unit = UnitFormat(chart.stacksToWhole ? "percentunit" : settings.unit ?? first.unit)
        chart.decimals = settings.decimals ?? first.decimals
        chart.minimum = settings.minimum
        chart.maximum = chart.stacksToWhole ? nil : settings.maximum
        chart.logBase = settings.logBase ?? 0
        chart.zone = context.zone
        chart.cursor = context.cursor
        chart.series = series.map { one in
            ChartSeries(
                name: one.name, color: color(one), values: grid.values(one), shape: shape(one.settings),
                fill: (one.settings.fillOpacity ?? 0) / 100, stack: stack(one.settings),
                spansGaps: one.settings.spansGaps ?? false)
        }
        if let style = settings.thresholdsStyle, style != "off", let thresholds = settings.thresholds {
            let range = ValueText.range(settings, values: [])
            chart.thresholds = thresholds.steps.filter { $0.value.isFinite }.map {
                Chart.Threshold(
                    value: thresholds.absolute($0, minimum: range.lowerBound, maximum: range.upperBound),
                    color: $0.color.map { Color($0) } ?? .standard)
            }
        }
        return chart
    }

    private func shape(_ settings: FieldSettings) -> ChartSeries.Shape {
        switch settings.shape ?? .line {
        case .bars: .bars
        case .points: .points
        case .line: settings.interpolation?.hasPrefix("step") == true ? .step : .line
        }
    }

    private func stack(_ settings: FieldSettings) -> String? {
        guard let mode = settings.stacking, mode != .none else { return nil }
        return settings.stackGroup ?? "A"
    }
}

/// Times at equal distances.
struct TimeGrid: Equatable {
    var start: Int64
    var step: Int64
    var count: Int

    /// The grid of ascending times; nil where there are none.
    init?(_ times: [Int64]) {
        guard let first = times.first else { return nil }
        start = first
        step = times.count > 1 ? max(1, times[1] - times[0]) : 1
        count = times.count
    }

    private init(start: Int64, step: Int64, count: Int) {
        self.start = start
        self.step = step
        self.count = count
    }

    /// Points of a common grid; a finer one is cut off.
    static let pointsMax = 50_000

    /// The finest grid of all, over the whole of them.
    static func common(_ times: [[Int64]], range: TimeRange) -> TimeGrid {
        var seen: [(grid: TimeGrid, end: Int64)] = []
        for one in times {
            guard let grid = TimeGrid(one), grid.count > 1, let end = one.last, seen.last?.grid != grid else {
                continue
            }
            seen.append((grid, end))
        }
        guard let finest = seen.min(by: { $0.grid.step < $1.grid.step })?.grid else {
            return TimeGrid(start: range.start, step: max(1, (range.end - range.start) / 200), count: 201)
        }
        if seen.allSatisfy({ $0.grid == finest }) { return finest }
        let start = seen.map(\.grid.start).min() ?? finest.start
        let end = seen.map(\.end).max() ?? start
        return TimeGrid(
            start: start, step: finest.step, count: min(pointsMax, Int(max(0, end - start) / finest.step) + 1))
    }

    /// A series' values on this grid: as they are, or each point at its nearest place, repeated up to its own next point.
    func values(_ series: DisplaySeries) -> [Double] {
        guard let own = TimeGrid(series.times) else { return [] }
        if own == self || (own.start == start && own.step == step) { return series.values }
        var result = [Double](repeating: .nan, count: count)
        let run = own.count > 1 ? max(1, Double(own.step / step)) : 1
        for (time, value) in zip(series.times, series.values) {
            let place = (Double(time - start) / Double(step)).rounded()
            let first = max(0, min(Double(count), place))
            let end = max(0, min(Double(count), place + run))
            for index in Int(first)..<max(Int(first), Int(end)) { result[index] = value }
        }
        return result
    }
}
