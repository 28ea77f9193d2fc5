/// A 24-bit colour as dashboards name them: Grafana's palette names, `#rgb`, `#rrggbb`, `rgb(…)`, `rgba(…)` (alpha is dropped).
public struct RGBColor: Hashable, Sendable {
    /// `0xRRGGBB`.
    public var hex: UInt32

    public init(_ hex: UInt32) { self.hex = hex & 0xFF_FFFF }

    /// Nil where the text names no colour this knows (`transparent` and `text` among them: there the terminal's own is meant).
    public init?(_ text: String) {
        let name = text.lowercased()
        if let known = Self.named[name] {
            self.init(known)
        } else if name.hasPrefix("#") {
            guard let parsed = Self.parseHex(name.dropFirst()) else { return nil }
            self.init(parsed)
        } else if name.hasPrefix("rgb") {
            guard let parsed = Self.parseFunction(name) else { return nil }
            self.init(parsed)
        } else {
            return nil
        }
    }

    private static func parseHex(_ digits: Substring) -> UInt32? {
        switch digits.utf8.count {
        case 3:
            guard let value = UInt32(digits, radix: 16) else { return nil }
            let red = value >> 8 & 0xF
            let green = value >> 4 & 0xF
            let blue = value & 0xF
            return red * 0x11_0000 + green * 0x1100 + blue * 0x11
        case 6: return UInt32(digits, radix: 16)
        case 8: return UInt32(digits, radix: 16).map { $0 >> 8 }
        default: return nil
        }
    }

    private static func parseFunction(_ text: String) -> UInt32? {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else { return nil }
        let parts = text[text.index(after: open)..<close].split(separator: ",").map { part in
            Double(part.filter { $0 != " " }).map { UInt32(max(0, min(255, $0.isFinite ? $0 : 0))) }
        }
        guard parts.count >= 3, let red = parts[0], let green = parts[1], let blue = parts[2] else { return nil }
        return red << 16 | green << 8 | blue
    }

    /// Five shades of each hue, from super-light to dark, as close as matters to what Grafana shows.
    private static let hues: [(name: String, shades: [UInt32])] = [
        ("red", [0xFFA6B0, 0xFF7383, 0xF2495C, 0xE02F44, 0xC4162A]),
        ("orange", [0xFFCB7D, 0xFFB357, 0xFF9830, 0xFF780A, 0xFA6400]),
        ("yellow", [0xFFF899, 0xFFEE52, 0xFADE2A, 0xF2CC0C, 0xE0B400]),
        ("green", [0xC8F2C2, 0x96D98D, 0x73BF69, 0x56A64B, 0x37872D]),
        ("blue", [0xC0D8FF, 0x8AB8FF, 0x5794F2, 0x3274D9, 0x1F60C4]),
        ("purple", [0xDEB6F2, 0xCA95E5, 0xB877D9, 0xA352CC, 0x8F3BB8]),
    ]

    private static let named: [String: UInt32] = {
        var result: [String: UInt32] = ["white": 0xFFFFFF, "black": 0x000000, "gray": 0x8A919C, "grey": 0x8A919C]
        for hue in hues {
            result["super-light-" + hue.name] = hue.shades[0]
            result["light-" + hue.name] = hue.shades[1]
            result[hue.name] = hue.shades[2]
            result["semi-dark-" + hue.name] = hue.shades[3]
            result["dark-" + hue.name] = hue.shades[4]
        }
        return result
    }()

    /// Colours of series in their order; neighbours are told apart in 256 colours too.
    public static let palette: [RGBColor] = [
        0x73BF69, 0xF2CC0C, 0x5794F2, 0xFF9830, 0xF2495C, 0xB877D9, 0x4FC3D9, 0xFF85C0, 0x96D98D, 0xC9A227, 0x8AB8FF,
        0xE0752D, 0xBF1B00, 0x7E6BC4, 0x3F9E8F, 0xD683CE, 0xB7DBAB, 0xF4D598, 0x70DBED, 0xF9BA8F, 0xF29191, 0x82B5D8,
        0xE5A8E2, 0xAEA2E0,
    ].map { RGBColor($0) }

    public static func ofSeries(_ index: Int) -> RGBColor { palette[index % palette.count] }
}
