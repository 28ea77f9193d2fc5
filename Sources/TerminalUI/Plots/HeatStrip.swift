/// Cells coloured by intensity.
enum HeatStrip {
    /// The colour for 0 to 1: from dark blue over magenta to light yellow, even in lightness.
    static func color(_ part: Double) -> Color {
        let position = max(0, min(1, part.isNaN ? 0 : part)) * Double(stops.count - 1)
        let index = min(stops.count - 2, Int(position))
        return Color(hex: stops[index + 1]).over(Color(hex: stops[index]), opacity: position - Double(index))
    }

    private static let stops: [UInt32] = [
        0x1B1448, 0x4A1079, 0x7F2582, 0xB5367A, 0xE55964, 0xFB8761, 0xFEC287, 0xFCFDBF,
    ]
    private static let shades: [Unicode.Scalar] = ["·", "░", "▒", "▓", "█"]

    /// Draws `rows` (the first on top) of values resampled to the width; 0 and NaN stay blank.
    static func draw(on surface: inout Surface, in rect: Rect, rows: [[Double]], theme: Theme) {
        guard !rows.isEmpty, rect.height > 0 else { return }
        let largest = rows.joined().filter(\.isFinite).max() ?? 0
        guard largest > 0 else { return }
        for line in 0..<rect.height {
            let row = line * rows.count / rect.height
            for (column, value) in Sparkline.resample(rows[row], rect.width).enumerated() where value > 0 {
                // The square root lifts small counts out of the dark.
                let part = (value / largest).squareRoot()
                if theme.isMonochrome {
                    surface.put(shades[min(4, Int(part * 5))], x: rect.x + column, y: rect.y + line)
                } else {
                    surface.put("█", x: rect.x + column, y: rect.y + line, Style(color(part)))
                }
            }
        }
    }
}
