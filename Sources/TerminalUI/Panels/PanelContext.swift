import Dashboards
import Model

/// What panels are drawn with.
struct PanelContext {
    var theme: Theme
    var zone: TimeZoneChoice
    /// Milliseconds since the epoch.
    var now: Int64
    /// Only series whose name has this, whatever the case.
    var filter = ""
    /// The panel has the screen for itself: all figures are shown.
    var isFullScreen = false
    /// A time whose values are shown; full screen only.
    var cursor: Int64?
    /// Rows of a table, legend or text to pass over.
    var scroll = 0

    func text(_ value: Double, _ settings: FieldSettings, range: ClosedRange<Double>) -> ValueText {
        ValueText(value, settings, range: range, zone: zone, now: now)
    }

    /// The series that the filter lets through.
    func shown(_ series: [DisplaySeries]) -> [DisplaySeries] {
        guard !filter.isEmpty else { return series }
        let wanted = filter.lowercased()
        return series.filter { $0.name.lowercased().contains(wanted) }
    }
}

/// A panel with everything that is known of it now.
struct PanelView {
    var panel: Panel
    var title: String
    var range: TimeRange
    var content: PanelContent?
    /// A newer answer is on its way; what is shown is older.
    var isLoading = false
    /// Nothing was asked yet.
    var isUnasked = true
    var errors: [String] = []
    var unsupported: [(target: String, reason: String, expression: String)] = []
    var isFocused = false
}

/// One value of a stat, gauge or bar gauge.
struct PanelItem {
    var name: String
    var value: Double
    var text: ValueText
    /// What the value's part is of.
    var range: ClosedRange<Double>
    var settings: FieldSettings
    var history: [Double]
    var color: Color

    var fraction: Double { (value - range.lowerBound) / (range.upperBound - range.lowerBound) }

    /// The items of a panel, at most as many as it says.
    static func make(_ panel: Panel, _ content: PanelContent, _ context: PanelContext) -> [PanelItem] {
        let calculation = panel.options.calculations.first ?? "lastNotNull"
        let filter = panel.options.fieldFilter
        let series = context.shown(content.series).filter {
            filter.isEmpty || filter.hasPrefix("/") || $0.name == filter
        }
        var items: [PanelItem] = []
        // Bars of one panel are compared: without limits of their own they share the largest.
        let everything = series.map { $0.reduced(calculation) }
        for one in series {
            let values = panel.options.showsAllValues ? one.values : [one.reduced(calculation)]
            for value in values {
                let range = ValueText.range(one.settings, values: everything)
                let text = context.text(value, one.settings, range: range)
                items.append(
                    PanelItem(
                        name: one.name, value: value, text: text, range: range, settings: one.settings,
                        history: one.values,
                        color: text.color.map { Color($0) }
                            ?? (one.settings.colorMode?.hasPrefix("palette") == true ? Color(one.color) : .standard)))
            }
        }
        return Array(items.prefix(panel.options.valuesMax ?? 200))
    }

    /// The colour at a part of the range, by thresholds; the item's own where those say nothing.
    func color(at part: Double) -> Color {
        let value = range.lowerBound + part * (range.upperBound - range.lowerBound)
        return ValueText.color(value, settings, range: range).map { Color($0) } ?? color
    }
}
