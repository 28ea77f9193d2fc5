/// Writes SGR sequences when the style changes, reduced to the terminal's colours. Remembers the style in force.
struct StyleEncoder {
    let depth: ColorDepth
    private var current = Style.plain

    init(depth: ColorDepth) { self.depth = depth }

    /// Forgets the style in force, behind a reset done by others.
    mutating func reset() { current = .plain }

    mutating func change(to style: Style, _ out: inout [UInt8]) {
        guard style != current else { return }
        current = style
        out.append(contentsOf: [0x1B, UInt8(ascii: "["), UInt8(ascii: "0")])
        let attributes = style.attributes
        if attributes.contains(.bold) { append(";1", &out) }
        if attributes.contains(.dim) { append(";2", &out) }
        if attributes.contains(.italic) { append(";3", &out) }
        if attributes.contains(.underline) { append(";4", &out) }
        if attributes.contains(.reverse) { append(";7", &out) }
        if depth != .none {
            color(style.foreground, base: 38, &out)
            color(style.background, base: 48, &out)
        }
        out.append(UInt8(ascii: "m"))
    }

    private func color(_ color: Color, base: Int, _ out: inout [UInt8]) {
        guard !color.isStandard else { return }
        switch depth {
        case .none: return
        case .sixteen:
            let index = Int(color.index16)
            number(index < 8 ? base - 8 + index : base + 52 + index - 8, &out)
        case .indexed256:
            number(base, &out)
            number(5, &out)
            number(Int(color.index256), &out)
        case .trueColor:
            number(base, &out)
            number(2, &out)
            number(Int(color.red), &out)
            number(Int(color.green), &out)
            number(Int(color.blue), &out)
        }
    }

    private func number(_ value: Int, _ out: inout [UInt8]) {
        out.append(UInt8(ascii: ";"))
        appendDecimal(value, &out)
    }

    private func append(_ text: StaticString, _ out: inout [UInt8]) {
        out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

/// Decimal digits of a number that isn't negative.
func appendDecimal(_ value: Int, _ out: inout [UInt8]) {
    if value >= 10 { appendDecimal(value / 10, &out) }
    out.append(UInt8(ascii: "0") + UInt8(value % 10))
}
