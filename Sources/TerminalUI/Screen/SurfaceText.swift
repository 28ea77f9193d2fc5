extension Surface {
    /// The frame as plain text: one line a row, blanks at the ends of lines left out, a newline behind each.
    public func plainText() -> String {
        var out = ""
        out.reserveCapacity(width * height + height)
        for y in 0..<height {
            for x in 0..<lineEnd(y, styled: false) {
                let scalar = cells[y * width + x].scalar
                if scalar != 0, let character = Unicode.Scalar(scalar) { out.unicodeScalars.append(character) }
            }
            out += "\n"
        }
        return out
    }

    /// The frame as text with SGR sequences, for `cat`, logs and pagers.
    public func ansiText(_ depth: ColorDepth) -> String {
        guard depth != .none else { return plainText() }
        var out: [UInt8] = []
        var encoder = StyleEncoder(depth: depth)
        for y in 0..<height {
            for x in 0..<lineEnd(y, styled: true) {
                let cell = cells[y * width + x]
                if cell.scalar == 0 { continue }
                encoder.change(to: cell.style, &out)
                appendUTF8(cell.scalar, &out)
            }
            encoder.change(to: .plain, &out)
            out.append(UInt8(ascii: "\n"))
        }
        return String(decoding: out, as: UTF8.self)
    }

    private func lineEnd(_ y: Int, styled: Bool) -> Int {
        var end = width
        while end > 0 {
            let cell = cells[y * width + end - 1]
            let visible = styled && (!cell.style.background.isStandard || cell.style.attributes.contains(.reverse))
            if cell.scalar != 0x20 || visible { break }
            end -= 1
        }
        return end
    }
}

/// The UTF-8 bytes of a scalar value; an invalid one becomes `?`.
@inline(__always)
func appendUTF8(_ scalar: UInt32, _ out: inout [UInt8]) {
    if scalar < 0x80 {
        out.append(UInt8(scalar))
    } else if let valid = Unicode.Scalar(scalar) {
        out.append(contentsOf: UTF8.encode(valid) ?? UTF8.encodedReplacementCharacter)
    } else {
        out.append(UInt8(ascii: "?"))
    }
}
