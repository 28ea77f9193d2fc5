/// What the screen side of a terminal understands.
public struct TerminalDialect: Sendable {
    public var depth: ColorDepth
    /// SGR attributes and `ESC [ row ; column H` work; otherwise `move` is asked for each position and styles are left out.
    public var isAnsi: Bool
    /// Characters beyond ASCII may be sent; otherwise lines and plots are approximated.
    public var isUnicode: Bool
    /// Cursor movement of a terminal that isn't ANSI: row, column, both from 0.
    public var move: @Sendable (Int, Int) -> [UInt8]

    public init(
        depth: ColorDepth, isAnsi: Bool = true, isUnicode: Bool = true,
        move: @escaping @Sendable (Int, Int) -> [UInt8] = { _, _ in [] }
    ) {
        self.depth = depth
        self.isAnsi = isAnsi
        self.isUnicode = isUnicode
        self.move = move
    }
}

/// Turns frames into the bytes that bring a terminal from the last frame to the next: only changed runs are sent.
/// Not thread-safe.
public struct FrameWriter {
    private let dialect: TerminalDialect
    private var shown: Surface?

    public init(_ dialect: TerminalDialect) { self.dialect = dialect }

    /// The screen's content is unknown (start, resize, `redraw`): the next frame is sent whole.
    public mutating func forget() { shown = nil }

    /// The bytes for `frame`; empty when nothing changed.
    public mutating func bytes(for frame: Surface) -> [UInt8] {
        let known = shown.flatMap { $0.width == frame.width && $0.height == frame.height ? $0 : nil }
        var out: [UInt8] = []
        var encoder = StyleEncoder(depth: dialect.depth)
        for y in 0..<frame.height { row(y, frame, known, &encoder, &out) }
        shown = frame
        if !out.isEmpty, dialect.isAnsi { out.append(contentsOf: [0x1B, UInt8(ascii: "["), UInt8(ascii: "m")]) }
        return out
    }

    private func row(
        _ y: Int, _ frame: Surface, _ known: Surface?, _ encoder: inout StyleEncoder, _ out: inout [UInt8]
    ) {
        let start = y * frame.width
        var cursor = -1
        var x = 0
        while x < frame.width {
            let cell = frame.cells[start + x]
            let changed = known.map { $0.cells[start + x] != cell || isHalfChanged(x, start, frame, $0) } ?? true
            guard changed, cell.scalar != 0 else {
                x += 1
                continue
            }
            if cursor != x { move(to: y, x, &out) }
            if dialect.isAnsi { encoder.change(to: cell.style, &out) }
            appendUTF8(dialect.isUnicode ? cell.scalar : AsciiFallback.of(cell.scalar), &out)
            let isWide = x + 1 < frame.width && frame.cells[start + x + 1].scalar == 0
            x += isWide ? 2 : 1
            // Terminals disagree about how wide emoji and rare characters are: place the cursor anew behind them.
            cursor = isWide ? -1 : x
        }
    }

    /// Whether the right half of a wide character at `x` changed, which redraws the whole of it.
    private func isHalfChanged(_ x: Int, _ start: Int, _ frame: Surface, _ known: Surface) -> Bool {
        guard x + 1 < frame.width, frame.cells[start + x + 1].scalar == 0 else { return false }
        return known.cells[start + x + 1] != frame.cells[start + x + 1]
    }

    private func move(to row: Int, _ column: Int, _ out: inout [UInt8]) {
        guard dialect.isAnsi else {
            out.append(contentsOf: dialect.move(row, column))
            return
        }
        out.append(0x1B)
        out.append(UInt8(ascii: "["))
        appendDecimal(row + 1, &out)
        out.append(UInt8(ascii: ";"))
        appendDecimal(column + 1, &out)
        out.append(UInt8(ascii: "H"))
    }
}

/// ASCII stand-ins for terminals without UTF-8.
enum AsciiFallback {
    static func of(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x7F { return scalar }
        let ascii: Unicode.Scalar
        switch scalar {
        case 0x2800: ascii = " "
        case 0x2801...0x28FF: ascii = (scalar & 0xFF).nonzeroBitCount > 3 ? "#" : (scalar & 0xC0 != 0 ? "." : "'")
        case 0x2500, 0x2501, 0x2504, 0x2508, 0x254C: ascii = "-"
        case 0x2502, 0x250A, 0x258C, 0x258F: ascii = "|"
        case 0x2503...0x257F: ascii = "+"
        case 0x2581...0x2584: ascii = "_"
        case 0x2585...0x2588: ascii = "#"
        case 0x2591: ascii = "."
        case 0x2592: ascii = ":"
        case 0x2593: ascii = "%"
        case 0x25CF, 0x2022, 0x25A0: ascii = "*"
        case 0x25B2, 0x2191: ascii = "^"
        case 0x25BC, 0x2193, 0x25BE: ascii = "v"
        case 0x25B6, 0x25B8, 0x2192: ascii = ">"
        case 0x2190: ascii = "<"
        case 0x2026: ascii = "~"
        case 0xB5, 0x3BC: ascii = "u"
        case 0xB0: ascii = "o"
        case 0xD7: ascii = "x"
        case 0xB7: ascii = "."
        case 0x2212: ascii = "-"
        default: ascii = "?"
        }
        return ascii.value
    }
}
