/// A grid of dots, 2×4 to a cell, drawn as braille. Where colours meet in a cell, the one drawn last has it.
struct BrailleCanvas {
    /// In cells.
    let width: Int
    let height: Int
    private var masks: [UInt8]
    private var colors: [Color]

    init(width: Int, height: Int) {
        self.width = max(0, width)
        self.height = max(0, height)
        masks = [UInt8](repeating: 0, count: self.width * self.height)
        colors = [Color](repeating: .standard, count: self.width * self.height)
    }

    var dotWidth: Int { width * 2 }
    var dotHeight: Int { height * 4 }

    /// Sets a dot, (0, 0) is the upper left; outside is ignored.
    @inline(__always)
    mutating func dot(_ x: Int, _ y: Int, _ color: Color) {
        guard x >= 0, y >= 0, x < width &* 2, y < height &* 4 else { return }
        let cell = (y >> 2) &* width &+ (x >> 1)
        masks[cell] |= Self.bits[(y & 3) &* 2 &+ (x & 1)]
        colors[cell] = color
    }

    /// A straight line between two dots, both drawn. Ends may be outside; what is far outside is cut before it is walked.
    mutating func line(_ x0: Int, _ y0: Int, _ x1: Int, _ y1: Int, _ color: Color) {
        if x0 == x1 { return column(x0, y0, y1, color) }
        let steps = max(abs(x1 - x0), min(abs(y1 - y0), 4 * dotHeight + abs(x1 - x0)))
        guard steps > 0 else { return dot(x0, y0, color) }
        // Walk by the longer side; y is bounded to just outside the canvas by the caller's scale.
        let dx = Double(x1 - x0) / Double(steps)
        let dy = Double(y1 - y0) / Double(steps)
        for i in 0...steps {
            dot(x0 + Int((dx * Double(i)).rounded()), y0 + Int((dy * Double(i)).rounded()), color)
        }
    }

    /// A vertical run of dots.
    mutating func column(_ x: Int, _ from: Int, _ to: Int, _ color: Color) {
        let low = max(0, min(from, to))
        let high = min(dotHeight - 1, max(from, to))
        guard low <= high else { return }
        for y in low...high { dot(x, y, color) }
    }

    /// Copies the cells that have dots; the background of a cell stays.
    func draw(on surface: inout Surface, x: Int, y: Int) {
        for row in 0..<height {
            for column in 0..<width {
                let mask = masks[row * width + column]
                guard mask != 0 else { continue }
                let below = surface[x + column, y + row].style.background
                surface[x + column, y + row] = Cell(
                    0x2800 | UInt32(mask), Style(colors[row * width + column], on: below))
            }
        }
    }

    /// Dot (column, row) of a cell to the bit of U+2800, in order of row, then column.
    private static let bits: [UInt8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]
}
