/// The piled-up series of a chart: for each the lower and upper edge over time. Positive and negative values are piled apart.
struct StackedLayers {
    struct Layer {
        var seriesIndex: Int
        var lower: [Double]
        var upper: [Double]
    }

    private(set) var layers: [Layer] = []
    /// Over all layers; nil when there is none.
    private(set) var range: ClosedRange<Double>?

    var isEmpty: Bool { layers.isEmpty }

    init(_ chart: Chart) {
        var positive: [String: [Double]] = [:]
        var negative: [String: [Double]] = [:]
        let totals = chart.stacksToWhole ? Self.totals(chart) : [:]
        var low = 0.0
        var high = 0.0
        for (index, series) in chart.series.enumerated() {
            guard let group = series.stack else { continue }
            let count = series.values.count
            var above = Self.padded(positive[group], count)
            var below = Self.padded(negative[group], count)
            let whole = totals[group]
            var layer = Layer(
                seriesIndex: index, lower: [Double](repeating: .nan, count: count),
                upper: [Double](repeating: .nan, count: count))
            for i in 0..<count where series.values[i].isFinite {
                var value = series.values[i]
                if let whole { value = whole[i] > 0 ? value / whole[i] : 0 }
                if value >= 0 {
                    layer.lower[i] = above[i]
                    above[i] += value
                    layer.upper[i] = above[i]
                    high = max(high, above[i])
                } else {
                    layer.upper[i] = below[i]
                    below[i] += value
                    layer.lower[i] = below[i]
                    low = min(low, below[i])
                }
            }
            positive[group] = above
            negative[group] = below
            layers.append(layer)
        }
        if !layers.isEmpty { range = low...high }
    }

    private static func padded(_ values: [Double]?, _ count: Int) -> [Double] {
        var result = values ?? []
        if result.count < count { result.append(contentsOf: [Double](repeating: 0, count: count - result.count)) }
        return result
    }

    private static func totals(_ chart: Chart) -> [String: [Double]] {
        var totals: [String: [Double]] = [:]
        for series in chart.series {
            guard let group = series.stack else { continue }
            var sum = padded(totals[group], series.values.count)
            for (i, value) in series.values.enumerated() where value.isFinite { sum[i] += abs(value) }
            totals[group] = sum
        }
        return totals
    }
}
