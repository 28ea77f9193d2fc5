import Dashboards

/// One series of a chart: values on the chart's shared time grid, NaN where there is none.
public struct ChartSeries: Sendable {
    public enum Shape: Sendable {
        case line
        case step
        case bars
        case points
    }

    public var name: String
    public var color: Color
    public var values: [Double]
    public var shape: Shape
    /// Opacity of the area below the line, 0 to 1.
    public var fill: Double
    /// Series of one group are piled up; nil stands alone.
    public var stack: String?
    /// Lines go on over missing values.
    public var spansGaps: Bool

    public init(
        name: String, color: Color, values: [Double], shape: Shape = .line, fill: Double = 0, stack: String? = nil,
        spansGaps: Bool = false
    ) {
        self.name = name
        self.color = color
        self.values = values
        self.shape = shape
        self.fill = fill
        self.stack = stack
        self.spansGaps = spansGaps
    }
}

/// A time chart: what to draw and how. Drawing it changes nothing but the surface.
public struct Chart: Sendable {
    /// A horizontal line at a value.
    public struct Threshold: Sendable {
        public var value: Double
        public var color: Color

        public init(value: Double, color: Color) {
            self.value = value
            self.color = color
        }
    }

    /// Milliseconds since the epoch of the first value, and between values.
    public var start: Int64
    public var step: Int64
    /// The span the plot shows, in milliseconds.
    public var from: Int64
    public var to: Int64
    public var series: [ChartSeries] = []
    public var minimum: Double?
    public var maximum: Double?
    public var unit = UnitFormat(nil)
    public var decimals: Int?
    /// 0 for linear, else 2 or 10.
    public var logBase = 0.0
    public var thresholds: [Threshold] = []
    public var zone = TimeZoneChoice.utc
    public var showsTimeAxis = true
    public var showsValueAxis = true
    /// A time to mark with a vertical line.
    public var cursor: Int64?
    /// Stacked values are shown as parts of 1.
    public var stacksToWhole = false

    public init(start: Int64, step: Int64, from: Int64, to: Int64) {
        self.start = start
        self.step = max(1, step)
        self.from = from
        self.to = max(to, from + 1)
    }

    /// Draws the chart into `rect`. Too small a rectangle gets a sparkline-like plot without axes.
    public func draw(on surface: inout Surface, in rect: Rect, theme: Theme) {
        guard rect.width >= 1, rect.height >= 1 else { return }
        let stacks = StackedLayers(self)
        let timeAxis = showsTimeAxis && rect.height >= 5
        let plotHeight = rect.height - (timeAxis ? 1 : 0)
        let ticks = valueTicks(rows: plotHeight, stacks)
        let labels = showsValueAxis && rect.width >= 24 && plotHeight >= 2 ? valueLabels(ticks, rows: plotHeight) : []
        let gutter = labels.map { CharacterWidth.of($0.text) + 1 }.max() ?? 0
        let plot = Rect(x: rect.x + gutter, y: rect.y, width: rect.width - gutter, height: plotHeight)
        guard plot.width > 0 else { return }
        let scale = PlotScale(low: ticks.low, high: ticks.high, logBase: logBase)
        for label in labels {
            surface.textEnding(label.text, right: plot.x - 1, y: plot.y + label.row, columns: gutter, theme.muted)
        }
        drawGrid(on: &surface, plot, labels, theme)
        ChartLayers(chart: self, plot: plot, scale: scale, theme: theme).draw(stacks, on: &surface)
        if timeAxis { drawTimeAxis(on: &surface, rect, plot, theme) }
    }

    // MARK: axes

    func valueTicks(rows: Int, _ stacks: StackedLayers) -> Ticks {
        var low = Double.infinity
        var high = -Double.infinity
        for one in series where one.stack == nil {
            for value in one.values where value.isFinite {
                if value < low { low = value }
                if value > high { high = value }
            }
            if one.fill > 0 || one.shape == .bars { low = min(low, 0) }
        }
        if let range = stacks.range {
            low = min(low, range.lowerBound)
            high = max(high, range.upperBound)
        }
        if low > high { (low, high) = (minimum ?? 0, max(maximum ?? 1, (minimum ?? 0) + 1)) }
        if logBase > 1 { return logTicks(low, high) }
        // Close enough to zero for zero to cost little: a plot that starts at zero can't mislead.
        if low > 0, low < high * 0.4 { low = 0 }
        if stacksToWhole, !stacks.isEmpty {
            return Ticks(low: 0, high: 1, count: 4, fixedLow: min(low, 0), fixedHigh: max(high, 1))
        }
        var count = max(2, min(6, rows / 2))
        while true {
            let ticks = Ticks(
                low: low, high: high, count: count, isBinary: unit.isBinary, fixedLow: minimum.map { min($0, high) },
                fixedHigh: maximum.map { max($0, low) })
            // Labels on neighbouring rows crowd each other; where few have room, a row and a half must do.
            let rowsApart = Double(rows - 1) * ticks.step / (ticks.high - ticks.low)
            if rowsApart >= (count > 3 ? 1.95 : 1.5) || count <= 1 { return ticks }
            count -= 1
        }
    }

    private func logTicks(_ low: Double, _ high: Double) -> Ticks {
        let floor = series.lazy.flatMap(\.values).filter { $0 > 0 && $0.isFinite }.min() ?? 1
        var ticks = Ticks(low: 0, high: 1, count: 2)
        ticks.low = max(minimum ?? floor, 1e-300)
        ticks.high = max(maximum ?? high, ticks.low * 1.0001)
        return ticks
    }

    struct AxisLabel {
        var row: Int
        var text: String
    }

    private func valueLabels(_ ticks: Ticks, rows: Int) -> [AxisLabel] {
        let scale = PlotScale(low: ticks.low, high: ticks.high, logBase: logBase)
        let values = logBase > 1 ? logValues(ticks) : ticks.values
        let largest = max(abs(ticks.low), abs(ticks.high))
        var result: [AxisLabel] = []
        for value in values {
            guard let dot = scale.row(value, dots: rows * 4), dot >= 0, dot < rows * 4 else { continue }
            let row = dot / 4
            if let last = result.last, last.row == row { continue }
            let text =
                logBase > 1
                ? unit.format(value, zone: zone).text
                : unit.axisLabel(value, step: ticks.step, largest: largest, decimals: decimals)
            result.append(AxisLabel(row: row, text: text))
        }
        return result
    }

    private func logValues(_ ticks: Ticks) -> [Double] {
        var values: [Double] = []
        var value = 1.0
        while value > ticks.low * 1.0001, value > 1e-300 { value /= logBase }
        while value <= ticks.high * 1.0001, values.count < 400 {
            if value >= ticks.low * 0.9999 { values.append(value) }
            value *= logBase
        }
        return values
    }

    private func drawGrid(on surface: inout Surface, _ plot: Rect, _ labels: [AxisLabel], _ theme: Theme) {
        for label in labels {
            for x in plot.x..<plot.maxX { surface.put("┈", x: x, y: plot.y + label.row, theme.faint) }
        }
    }

    private func drawTimeAxis(on surface: inout Surface, _ rect: Rect, _ plot: Rect, _ theme: Theme) {
        var free = rect.x
        for tick in TimeTicks.make(from: from, to: to, columns: plot.width, zone: zone) {
            let part = Double(tick.time - from) / Double(to - from)
            let center = plot.x + Int((part * Double(plot.width - 1)).rounded())
            let width = CharacterWidth.of(tick.label)
            var x = center - width / 2
            if x + width > rect.maxX {
                guard center < rect.maxX, x + width - rect.maxX <= width / 2 else { continue }
                x = rect.maxX - width
            }
            guard x >= free else { continue }
            surface.text(tick.label, x: x, y: plot.maxY, theme.muted)
            free = x + width + 1
        }
    }
}
