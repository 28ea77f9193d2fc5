/// A value as its settings show it.
public struct ValueText: Equatable, Sendable {
    public var text: UnitText
    /// From a mapping, thresholds or a fixed colour; nil is the terminal's own.
    public var color: RGBColor?

    /// - Parameters:
    ///   - range: what percentages of thresholds are of.
    ///   - now: milliseconds since the epoch.
    public init(
        _ value: Double, _ settings: FieldSettings, range: ClosedRange<Double>, zone: TimeZoneChoice, now: Int64
    ) {
        color = Self.color(value, settings, range: range)
        if let mapping = settings.mappings?.first(where: { $0.matches(value) }) {
            color = mapping.color ?? color
            if let mapped = mapping.text {
                text = UnitText(number: mapped)
                return
            }
        }
        if value.isNaN {
            text = UnitText(number: settings.noValue ?? "–")
            return
        }
        text = UnitFormat(settings.unit).format(value, decimals: settings.decimals, zone: zone, now: now)
    }

    /// The colour a value has by its settings; nil where it has none of its own.
    public static func color(_ value: Double, _ settings: FieldSettings, range: ClosedRange<Double>) -> RGBColor? {
        if value.isNaN { return nil }
        switch settings.colorMode ?? "thresholds" {
        case "fixed", "shades": return settings.fixedColor
        case "palette-classic", "palette-classic-by-name": return nil
        case let mode where mode.hasPrefix("continuous"):
            let span = range.upperBound - range.lowerBound
            return gradient(mode, span > 0 ? (value - range.lowerBound) / span : 0)
        default:
            let thresholds = settings.thresholds ?? .standard
            return thresholds.step(value, minimum: range.lowerBound, maximum: range.upperBound)?.color
        }
    }

    /// The range that gauges and percentages go by: the settings', else the unit's, else of the data.
    public static func range(_ settings: FieldSettings, values: [Double]) -> ClosedRange<Double> {
        let natural = UnitFormat(settings.unit).naturalRange
        let present = values.filter(\.isFinite)
        let low = settings.minimum ?? natural?.lowerBound ?? min(0, present.min() ?? 0)
        let high = settings.maximum ?? natural?.upperBound ?? present.max() ?? 100
        return low < high ? low...high : low...(low + 1)
    }

    private static func gradient(_ mode: String, _ part: Double) -> RGBColor {
        let names: [String: [UInt32]] = [
            "continuous-GrYlRd": [0x73BF69, 0xFADE2A, 0xF2495C], "continuous-RdYlGr": [0xF2495C, 0xFADE2A, 0x73BF69],
            "continuous-BlYlRd": [0x5794F2, 0xFADE2A, 0xF2495C], "continuous-YlRd": [0xFADE2A, 0xF2495C],
            "continuous-BlPu": [0x5794F2, 0xB877D9], "continuous-YlBl": [0xFADE2A, 0x5794F2],
            "continuous-blues": [0x0B2240, 0x8AB8FF], "continuous-reds": [0x3F0A12, 0xFF7383],
            "continuous-greens": [0x0F2E14, 0x96D98D], "continuous-purples": [0x2A1036, 0xCA95E5],
        ]
        let stops = names[mode] ?? [0x73BF69, 0xFADE2A, 0xF2495C]
        let position = max(0, min(1, part.isNaN ? 0 : part)) * Double(stops.count - 1)
        let index = min(stops.count - 2, Int(position))
        let rest = position - Double(index)
        func channel(_ shift: UInt32) -> UInt32 {
            let a = Double(stops[index] >> shift & 0xFF)
            let b = Double(stops[index + 1] >> shift & 0xFF)
            return UInt32(a + (b - a) * rest) << shift
        }
        return RGBColor(channel(16) | channel(8) | channel(0))
    }
}
