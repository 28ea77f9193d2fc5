/// A small plot of one series without axes.
public enum Sparkline {
    /// Fills `rect` with the area below the values, in eighths; NaN leaves a gap.
    public static func area(
        on surface: inout Surface, in rect: Rect, values: [Double], low: Double? = nil, high: Double? = nil,
        style: Style
    ) {
        let columns = resample(values, rect.width)
        guard let scale = scale(columns, low, high), rect.height > 0 else { return }
        for (column, value) in columns.enumerated() {
            guard let level = scale.level(value, steps: rect.height * 8) else { continue }
            // A value at the lower end still shows that there is one.
            let height = max(1, level)
            for row in 0..<rect.height {
                let filled = min(8, height - (rect.height - 1 - row) * 8)
                if filled > 0 { surface.put(Blocks.lower[filled], x: rect.x + column, y: rect.y + row, style) }
            }
        }
    }

    /// One line of text with one character a column, for tables.
    public static func text(_ values: [Double], columns: Int) -> String {
        let shown = resample(values, columns)
        guard let scale = scale(shown, nil, nil) else { return "" }
        var out = ""
        for value in shown {
            guard let level = scale.level(value, steps: 7) else {
                out += " "
                continue
            }
            out.unicodeScalars.append(Blocks.lower[level + 1])
        }
        return out
    }

    private static func scale(_ values: [Double], _ low: Double?, _ high: Double?) -> PlotScale? {
        let finite = values.filter(\.isFinite)
        guard let smallest = finite.min(), let largest = finite.max() else { return nil }
        let bottom = low ?? (smallest > 0 && smallest < largest * 0.4 ? 0 : smallest)
        return PlotScale(low: bottom, high: high ?? (largest > bottom ? largest : bottom + 1))
    }

    /// Means of equal runs of values; fewer values than columns are repeated.
    static func resample(_ values: [Double], _ columns: Int) -> [Double] {
        guard columns > 0, !values.isEmpty else { return [] }
        return (0..<columns).map { column in
            let first = column * values.count / columns
            let end = max(first + 1, (column + 1) * values.count / columns)
            var sum = 0.0
            var count = 0
            for value in values[first..<min(end, values.count)] where value.isFinite {
                sum += value
                count += 1
            }
            return count == 0 ? .nan : sum / Double(count)
        }
    }
}
