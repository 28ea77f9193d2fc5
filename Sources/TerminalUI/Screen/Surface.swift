/// An in-memory grid of styled cells that everything draws into; what is outside is clipped. A value: copy it to keep a frame.
public struct Surface: Equatable, Sendable {
    public let width: Int
    public let height: Int
    /// Row by row.
    public private(set) var cells: [Cell]

    /// - Parameters: columns and rows; at most `sideMax` each, whatever a terminal claims.
    public init(width: Int, height: Int) {
        self.width = max(0, min(width, Self.sideMax))
        self.height = max(0, min(height, Self.sideMax))
        cells = [Cell](repeating: .blank, count: self.width * self.height)
    }

    /// No terminal is larger; bounds the memory of a frame.
    public static let sideMax = 2_000

    public var bounds: Rect { Rect(x: 0, y: 0, width: width, height: height) }

    public subscript(x: Int, y: Int) -> Cell {
        get { contains(x, y) ? cells[y * width + x] : .blank }
        set { if contains(x, y) { cells[y * width + x] = newValue } }
    }

    @inline(__always)
    func contains(_ x: Int, _ y: Int) -> Bool { x >= 0 && y >= 0 && x < width && y < height }

    public mutating func fill(_ rect: Rect, _ cell: Cell) {
        let area = rect.intersection(bounds)
        guard !area.isEmpty else { return }
        for y in area.y..<area.maxY {
            for x in area.x..<area.maxX { cells[y * width + x] = cell }
        }
    }

    /// Restyles what is already there.
    public mutating func restyle(_ rect: Rect, _ change: (inout Style) -> Void) {
        let area = rect.intersection(bounds)
        guard !area.isEmpty else { return }
        for y in area.y..<area.maxY {
            for x in area.x..<area.maxX { change(&cells[y * width + x].style) }
        }
    }

    /// Draws one line of text from (`x`, `y`) to the right, cut off at `columns` (and at the edge).
    /// - Returns: the columns used.
    @discardableResult
    public mutating func text(_ text: String, x: Int, y: Int, columns: Int = .max, _ style: Style = .plain) -> Int {
        guard y >= 0, y < height, columns > 0 else { return 0 }
        var used = 0
        for scalar in text.unicodeScalars {
            let size = CharacterWidth.of(scalar)
            if size == 0 { continue }
            if used + size > columns || x + used + size > width { break }
            put(scalar.value, size: size, x: x + used, y: y, style)
            used += size
        }
        return used
    }

    /// Text cut to `columns` with an ellipsis.
    @discardableResult
    public mutating func fitted(_ value: String, x: Int, y: Int, columns: Int, _ style: Style = .plain) -> Int {
        text(CharacterWidth.fit(value, columns), x: x, y: y, columns: columns, style)
    }

    /// Text that ends at column `right` (exclusive).
    public mutating func textEnding(_ value: String, right: Int, y: Int, columns: Int, _ style: Style = .plain) {
        let shown = CharacterWidth.fit(value, columns)
        text(shown, x: right - CharacterWidth.of(shown), y: y, style)
    }

    public mutating func textCentered(_ value: String, in rect: Rect, y: Int, _ style: Style = .plain) {
        let shown = CharacterWidth.fit(value, rect.width)
        text(shown, x: rect.x + (rect.width - CharacterWidth.of(shown)) / 2, y: y, style)
    }

    /// One scalar of width 1.
    public mutating func put(_ scalar: Unicode.Scalar, x: Int, y: Int, _ style: Style = .plain) {
        put(scalar.value, size: 1, x: x, y: y, style)
    }

    private mutating func put(_ scalar: UInt32, size: Int, x: Int, y: Int, _ style: Style) {
        guard contains(x, y) else { return }
        splitWide(x, y)
        if size == 2 { splitWide(x + 1, y) }
        cells[y * width + x] = Cell(scalar, style)
        if size == 2, x + 1 < width { cells[y * width + x + 1] = Cell(0, style) }
    }

    /// Blanks the other half of a wide character that is about to lose one of its cells.
    private mutating func splitWide(_ x: Int, _ y: Int) {
        guard contains(x, y) else { return }
        let at = y * width + x
        if cells[at].scalar == 0, x > 0 { cells[at - 1].scalar = 0x20 }
        if x + 1 < width, cells[at + 1].scalar == 0 { cells[at + 1].scalar = 0x20 }
    }

    /// A box of light lines with round corners; its title stands in the upper edge.
    public mutating func box(_ rect: Rect, title: String = "", _ style: Style, titleStyle: Style? = nil) {
        guard rect.width >= 2, rect.height >= 2 else { return }
        for x in rect.x + 1..<rect.maxX - 1 {
            put("─", x: x, y: rect.y, style)
            put("─", x: x, y: rect.maxY - 1, style)
        }
        for y in rect.y + 1..<max(rect.y + 1, rect.maxY - 1) {
            put("│", x: rect.x, y: y, style)
            put("│", x: rect.maxX - 1, y: y, style)
        }
        put("╭", x: rect.x, y: rect.y, style)
        put("╮", x: rect.maxX - 1, y: rect.y, style)
        put("╰", x: rect.x, y: rect.maxY - 1, style)
        put("╯", x: rect.maxX - 1, y: rect.maxY - 1, style)
        if !title.isEmpty, rect.width > 6 {
            fitted(" " + title + " ", x: rect.x + 2, y: rect.y, columns: rect.width - 4, titleStyle ?? style)
        }
    }
}
