import Dashboards
import Testing

@testable import TerminalUI

@Suite struct TickTests {
    @Test func roundNumbers() {
        #expect(Ticks(low: 0, high: 97, count: 5).values == [0, 20, 40, 60, 80, 100])
        #expect(Ticks(low: 0.13, high: 0.87, count: 4).values == [0.2, 0.4, 0.6000000000000001, 0.8])
        #expect(Ticks(low: 0, high: 7_000_000_000, count: 3, isBinary: true).values == [0, 5_368_709_120])
    }

    @Test func flatAndBrokenRangesGetOne() {
        #expect(Ticks(low: 0, high: 0, count: 4).high > 0)
        #expect(Ticks(low: 5, high: 5, count: 4).low == 0)
        for (low, high) in [
            (Double.nan, 1.0), (-.infinity, .infinity), (1e308, 1.7e308), (3, -3),
            (Double.leastNonzeroMagnitude, 1e-300),
        ] {
            let ticks = Ticks(low: low, high: high, count: 4)
            #expect(ticks.high > ticks.low)
            #expect(ticks.values.count <= 200)
        }
    }

    @Test func timeLabelsFollowTheSpan() {
        let start: Int64 = 1_700_000_000_000
        func labels(_ span: Int64, _ columns: Int = 60) -> [String] {
            TimeTicks.make(from: start, to: start + span, columns: columns, zone: .utc).map(\.label)
        }
        #expect(labels(3_600_000).prefix(2) == ["22:20", "22:30"])
        #expect(labels(60_000).prefix(2) == ["22:13:30", "22:13:45"])
        #expect(labels(6 * 86_400_000).first == "11-15")
        #expect(labels(86_400_000 * 900).first == "2023" || labels(86_400_000 * 900).count > 1)
        #expect(labels(1).count <= 60)
        #expect(labels(.max / 4).count <= 60)
    }
}

@Suite struct ChartTests {
    private func chart(_ series: [ChartSeries], count: Int = 61) -> Chart {
        let start: Int64 = 1_700_000_000_000
        var chart = Chart(start: start, step: 60_000, from: start, to: start + Int64(count - 1) * 60_000)
        chart.series = series
        return chart
    }

    private func frame(_ chart: Chart, _ width: Int, _ height: Int, theme: Theme = .monochrome) -> String {
        var surface = Surface(width: width, height: height)
        chart.draw(on: &surface, in: surface.bounds, theme: theme)
        return surface.plainText()
    }

    @Test func aLine() {
        let values = (0...60).map { Double($0) }
        let drawn = frame(chart([ChartSeries(name: "a", color: .standard, values: values)]), 44, 7)
        #expect(
            drawn == """
                60 ┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⢀⣀⡠⠤⠔⠊⠉
                                              ⢀⣀⡠⠤⠒⠒⠉⠁
                40 ┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⠤⠤⠒⠊⠉⠁┈┈┈┈┈┈┈┈┈┈┈┈┈
                20 ┈┈┈┈┈┈┈┈┈┈┈┈┈⢀⣀⡠⠔⠒⠊⠉⠉┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈
                         ⢀⣀⠤⠤⠒⠊⠉⠁
                 0 ⣀⠤⠔⠒⠊⠉⠁┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈
                  22:15     22:30     22:45     23:00

                """)
    }

    @Test func nullsBreakTheLineUnlessSpanned() {
        var values = [Double](repeating: 5, count: 61)
        for i in 20..<40 { values[i] = .nan }
        let broken = frame(chart([ChartSeries(name: "a", color: .standard, values: values)]), 40, 3)
        let spanned = frame(chart([ChartSeries(name: "a", color: .standard, values: values, spansGaps: true)]), 40, 3)
        func dots(_ text: String) -> Int { text.unicodeScalars.filter { $0.value > 0x2800 && $0.value < 0x2900 }.count }
        #expect(dots(broken) < dots(spanned) - 8)
    }

    @Test func everySizeAndAnyValueDraws() {
        let wild: [Double] = [.nan, .infinity, -.infinity, 1e308, -1e308, 0, .leastNonzeroMagnitude, 5, 5, 5]
        for shape in [ChartSeries.Shape.line, .step, .bars, .points] {
            for stack in [nil, "A"] {
                var one = chart(
                    [
                        ChartSeries(
                            name: "a", color: Color(hex: 0xFF0000), values: wild, shape: shape, fill: 0.5, stack: stack),
                        ChartSeries(
                            name: "b", color: Color(hex: 0x00FF00), values: wild.reversed(), shape: shape, stack: stack),
                        ChartSeries(name: "c", color: Color(hex: 0x00FF00), values: [], shape: shape, stack: stack),
                    ], count: 10)
                for logBase in [0.0, 2, 10] {
                    one.logBase = logBase
                    for width in [0, 1, 5, 24, 80] {
                        for height in [0, 1, 2, 5, 12] { _ = frame(one, width, height, theme: .dark) }
                    }
                }
            }
        }
    }

    @Test func stackedAreasAddUp() {
        let a = ChartSeries(
            name: "a", color: Color(hex: 0xFF0000), values: [Double](repeating: 1, count: 61), fill: 1, stack: "A")
        let b = ChartSeries(
            name: "b", color: Color(hex: 0x00FF00), values: [Double](repeating: 3, count: 61), fill: 1, stack: "A")
        #expect(StackedLayers(chart([a, b])).range == 0...4)
        var whole = chart([a, b])
        whole.stacksToWhole = true
        #expect(StackedLayers(whole).layers[0].upper[3] == 0.25)
        let drawn = frame(chart([a, b]), 10, 4)
        #expect(drawn == "▒▒▒▒▒▒▒▒▒▒\n▒▒▒▒▒▒▒▒▒▒\n▒▒▒▒▒▒▒▒▒▒\n██████████\n")
    }

    @Test func negativeValuesStackBelowZero() {
        let up = ChartSeries(name: "a", color: Color(hex: 0xFF0000), values: [2, 2, 2], stack: "A")
        let down = ChartSeries(name: "b", color: Color(hex: 0x00FF00), values: [-2, -2, -2], stack: "A")
        #expect(StackedLayers(chart([up, down], count: 3)).range == -2...2)
    }

    @Test func drawingIsFast() {
        var series: [ChartSeries] = []
        for index in 0..<20 {
            let values = (0..<400).map { Double(($0 * (index + 3)) % 97) * Double(index) }
            series.append(
                ChartSeries(name: "s\(index)", color: Color(hex: UInt32(index) * 999), values: values, fill: 0.1))
        }
        let chart = chart(series, count: 400)
        let clock = ContinuousClock()
        let elapsed = clock.measure { for _ in 0..<5 { _ = frame(chart, 200, 60, theme: .dark) } }
        // A generous bound for debug builds; the release figure is in the README.
        #expect(elapsed < .seconds(5))
    }
}

@Suite struct SmallPlotTests {
    @Test func sparklines() {
        #expect(Sparkline.text([0, 1, 2, 3, 4, 5, 6, 7], columns: 8) == "▁▂▃▄▅▆▇█")
        #expect(Sparkline.text([], columns: 8) == "")
        #expect(Sparkline.text([.nan, .nan], columns: 4) == "")
        #expect(Sparkline.text([5, 5], columns: 4).count == 4)
    }

    @Test func gaugesOfAnySize() {
        for width in 0..<30 {
            for height in 0..<10 {
                var surface = Surface(width: width, height: height)
                GaugeArc.draw(
                    on: &surface, in: surface.bounds, fraction: 0.4, track: Color(hex: 0x333333),
                    color: { _ in Color(hex: 0x00FF00) })
            }
        }
    }

    @Test func barsFillFromTheLeft() {
        var surface = Surface(width: 4, height: 1)
        Blocks.horizontalBar(
            on: &surface, x: 0, y: 0, columns: 4, fraction: 0.625, track: .plain, color: { _ in .plain })
        #expect(surface.plainText() == "██▌─\n")
    }

    @Test func legendsWrapAndTellWhatIsLeft() {
        let entries = (1...6).map { LegendEntry(name: "series\($0)", color: .standard, order: $0) }
        let legend = Legend(columns: [], entries: entries)
        var surface = Surface(width: 24, height: 2)
        legend.drawList(on: &surface, in: surface.bounds, theme: .dark)
        #expect(surface.plainText() == "● series1  ● series2\n● series3  +3\n")
        #expect(legend.listRows(width: 24, limit: 9) == 3)
    }

    @Test func legendTablesDropColumnsBeforeNames() {
        let legend = Legend(
            columns: ["Mean", "Last"],
            entries: [LegendEntry(name: "user", color: .standard, order: 0, figures: ["12.5%", "3%"])])
        var wide = Surface(width: 30, height: 2)
        legend.drawTable(on: &wide, in: wide.bounds, theme: .dark)
        #expect(wide.plainText() == "                    Mean  Last\n● user             12.5%    3%\n")
        var narrow = Surface(width: 20, height: 2)
        legend.drawTable(on: &narrow, in: narrow.bounds, theme: .dark)
        #expect(!narrow.plainText().contains("Last"))
    }
}
