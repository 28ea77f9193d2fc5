/// Block characters by eighths.
enum Blocks {
    /// Filled from below by 0 to 8 eighths.
    static let lower: [Unicode.Scalar] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    /// Filled from the left by 0 to 8 eighths.
    static let left: [Unicode.Scalar] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
    /// Fills that tell areas apart where there is no colour.
    static let shades: [Unicode.Scalar] = ["█", "▒", "░", "▓"]

    /// A horizontal bar of `fraction` of `columns`, the rest as a faint track.
    static func horizontalBar(
        on surface: inout Surface, x: Int, y: Int, columns: Int, fraction: Double, track: Style,
        color: (Double) -> Style
    ) {
        guard columns > 0 else { return }
        let eighths = Int((max(0, min(1, fraction.isNaN ? 0 : fraction)) * Double(columns * 8)).rounded())
        for column in 0..<columns {
            let filled = max(0, min(8, eighths - column * 8))
            let style = color((Double(column) + 0.5) / Double(columns))
            if filled == 0 {
                surface.put("─", x: x + column, y: y, track)
            } else {
                surface.put(left[filled], x: x + column, y: y, style)
            }
        }
    }
}
