import Glibc

/// A half ring whose filled part shows a value, in braille.
enum GaugeArc {
    /// The smallest rectangle in which an arc can be told from a smudge.
    static func fits(_ rect: Rect) -> Bool { rect.width >= 12 && rect.height >= 5 }

    /// - Parameters:
    ///   - fraction: 0 to 1 of the ring, from the left.
    ///   - color: the colour at a fraction of the ring.
    /// - Returns: the rectangle inside of the ring, for the figure.
    @discardableResult
    static func draw(
        on surface: inout Surface, in rect: Rect, fraction: Double, track: Color, color: (Double) -> Color
    ) -> Rect {
        var canvas = BrailleCanvas(width: rect.width, height: rect.height)
        let radius = min(Double(canvas.dotWidth) / 2, Double(canvas.dotHeight)) - 0.5
        let thickness = max(2, radius * 0.28)
        let centerX = Double(canvas.dotWidth - 1) / 2
        // Sits low when there is height to spare.
        let centerY = min(Double(canvas.dotHeight) - 1, (Double(canvas.dotHeight) + radius) / 2)
        for y in 0..<canvas.dotHeight where Double(y) <= centerY {
            for x in 0..<canvas.dotWidth {
                let dx = Double(x) - centerX
                let dy = centerY - Double(y)
                let distance = (dx * dx + dy * dy).squareRoot()
                guard distance <= radius, distance >= radius - thickness else { continue }
                let part = 1 - atan2(dy, dx) / Double.pi
                canvas.dot(x, y, part <= fraction ? color(part) : track)
            }
        }
        canvas.draw(on: &surface, x: rect.x, y: rect.y)
        let bottom = rect.y + Int(centerY) / 4
        let inner = Int((radius - thickness) / 2)
        let height = max(1, Int((radius - thickness) / 4))
        return Rect(x: rect.x + rect.width / 2 - inner, y: bottom - height + 1, width: inner * 2, height: height)
    }
}
