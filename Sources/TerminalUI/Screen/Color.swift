import Dashboards

/// A colour of a cell: the terminal's own default, or 24-bit RGB that the writer reduces to what the terminal can show.
public struct Color: Hashable, Sendable {
    /// 0 is the terminal's default; otherwise `0x1RRGGBB`.
    let raw: UInt32

    /// The terminal's own foreground or background.
    public static let standard = Color(raw: 0)

    private init(raw: UInt32) { self.raw = raw }

    /// - Parameter hex: `0xRRGGBB`.
    public init(hex: UInt32) { raw = 0x100_0000 | (hex & 0xFF_FFFF) }

    public init(_ rgb: RGBColor) { self.init(hex: rgb.hex) }

    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.init(hex: UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue))
    }

    public var isStandard: Bool { raw == 0 }
    public var red: UInt8 { UInt8(truncatingIfNeeded: raw >> 16) }
    public var green: UInt8 { UInt8(truncatingIfNeeded: raw >> 8) }
    public var blue: UInt8 { UInt8(truncatingIfNeeded: raw) }

    /// This colour laid over `below` with the given opacity, 0 to 1. The default colour has no known value and is returned as it is.
    public func over(_ below: Color, opacity: Double) -> Color {
        guard !isStandard, !below.isStandard else { return isStandard ? below : self }
        func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
            UInt8(max(0, min(255, Double(a) * opacity + Double(b) * (1 - opacity))))
        }
        return Color(red: mix(red, below.red), green: mix(green, below.green), blue: mix(blue, below.blue))
    }
}

/// How many colours a terminal shows.
public enum ColorDepth: Int, Comparable, Sendable {
    case none
    case sixteen
    case indexed256
    case trueColor

    public static func < (a: ColorDepth, b: ColorDepth) -> Bool { a.rawValue < b.rawValue }
}

extension Color {
    /// The nearest entry of xterm's 256-colour palette (6×6×6 cube and grey ramp; the first 16 vary by user and are not used).
    var index256: UInt8 {
        let cubeRed = Self.cubeLevel(red)
        let cubeGreen = Self.cubeLevel(green)
        let cubeBlue = Self.cubeLevel(blue)
        let cube = Color(
            red: Self.cubeValues[cubeRed], green: Self.cubeValues[cubeGreen], blue: Self.cubeValues[cubeBlue])
        let average = (Int(red) + Int(green) + Int(blue)) / 3
        let greyStep = max(0, min(23, (average - 3) / 10))
        let greyValue = UInt8(8 + greyStep * 10)
        let grey = Color(red: greyValue, green: greyValue, blue: greyValue)
        if distance(to: grey) < distance(to: cube) { return UInt8(232 + greyStep) }
        return UInt8(16 + 36 * cubeRed + 6 * cubeGreen + cubeBlue)
    }

    /// The nearest of the 16 ANSI colours, by their usual values.
    var index16: UInt8 {
        var best: UInt8 = 7
        var bestDistance = Int.max
        for (index, hex) in Self.ansiValues.enumerated() {
            let candidate = distance(to: Color(hex: hex))
            if candidate < bestDistance {
                bestDistance = candidate
                best = UInt8(index)
            }
        }
        return best
    }

    private static let cubeValues: [UInt8] = [0, 95, 135, 175, 215, 255]
    private static let ansiValues: [UInt32] = [
        0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
        0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
    ]

    private static func cubeLevel(_ value: UInt8) -> Int { value < 48 ? 0 : value < 115 ? 1 : (Int(value) - 35) / 40 }

    private func distance(to other: Color) -> Int {
        let r = Int(red) - Int(other.red)
        let g = Int(green) - Int(other.green)
        let b = Int(blue) - Int(other.blue)
        return 3 * r * r + 4 * g * g + 2 * b * b
    }
}
