import Glibc

/// A number in a panel's unit: the digits and what stands around them, apart so that big figures can be drawn.
public struct UnitText: Equatable, Sendable {
    public var prefix = ""
    public var number: String
    public var suffix = ""

    public var text: String { prefix + number + suffix }
}

/// Formats numbers by a Grafana unit id (`bytes`, `percentunit`, `s`, …); unknown ids become a suffix. A value type, cheap to make.
public struct UnitFormat: Sendable {
    public let id: String
    private let rule: UnitRule

    public init(_ id: String?) {
        self.id = id ?? ""
        rule = UnitTable.rule(self.id)
    }

    /// Whether the natural steps of an axis are powers of two.
    public var isBinary: Bool {
        if case .scaled(.binary, _, _) = rule { return true }
        return false
    }

    /// Whether values are spans of time, in which case `secondsPerUnit` says of what.
    public var secondsPerUnit: Double? {
        switch rule {
        case .time(let seconds), .span(let seconds): seconds
        default: nil
        }
    }

    /// The range a gauge of this unit has by itself.
    public var naturalRange: ClosedRange<Double>? {
        switch id {
        case "percent", "humidity": 0...100
        case "percentunit": 0...1
        default: nil
        }
    }

    /// - Parameters:
    ///   - decimals: digits behind the point; nil chooses about three significant ones.
    ///   - now: milliseconds since the epoch, for times told from now.
    public func format(
        _ value: Double, decimals: Int? = nil, zone: TimeZoneChoice = .utc, now: Int64 = 0
    ) -> UnitText {
        guard value.isFinite else { return UnitText(number: DecimalText.special(value)) }
        switch rule {
        case .plain(let suffix): return UnitText(number: digits(value, decimals), suffix: suffix)
        case .prefixed(let prefix): return UnitText(prefix: prefix, number: digits(value, decimals))
        case .percent(let factor): return UnitText(number: digits(value * factor, decimals), suffix: "%")
        case .scaled(let steps, let suffix, let scale): return scaled(value * scale, steps, suffix, decimals)
        case .time(let seconds): return time(value * seconds, decimals)
        case .span(let seconds): return span(value * seconds)
        case .date(let style): return UnitText(number: date(value, style, zone, now))
        case .truth(let yes, let no): return UnitText(number: value == 0 ? no : yes)
        case .hexadecimal(let prefix): return UnitText(number: hexadecimal(value, prefix))
        case .scientific: return UnitText(number: DecimalText.scientific(value, decimals ?? 2))
        case .grouped: return UnitText(number: grouped(digits(value, decimals)))
        case .text: return UnitText(number: digits(value, decimals))
        }
    }

    /// The text for an axis whose ticks are `step` apart, decimals chosen so that neighbours differ.
    public func axisLabel(_ value: Double, step: Double, largest: Double, decimals: Int?) -> String {
        let factor: Double
        switch rule {
        case .percent(let percent): factor = percent
        case .scaled(let steps, _, let scale): factor = scale / divisor(max(abs(value), step) * scale, steps).size
        case .time(let seconds): factor = seconds / timeUnit(max(abs(value), step) * seconds).seconds
        default: factor = 1
        }
        if value == 0 { return zeroLabel }
        let shownStep = step * factor
        guard shownStep > 0, shownStep < 1e300 else { return format(value, decimals: decimals).text }
        var places = max(0, min(9, -Int(Glibc.log10(shownStep * 1.000001).rounded(.down))))
        // A step of 0.25 needs one place more than its magnitude says.
        let scaledStep = shownStep * Glibc.pow(10, Double(places))
        if abs(scaledStep - scaledStep.rounded()) > 1e-6 { places += 1 }
        let text = format(value, decimals: decimals.map { min($0, places) } ?? places)
        // Beside an axis there is no room to say "ops/s" at each line: the sign of the scale is enough.
        if case .scaled(.short, let suffix, _) = rule, text.suffix.hasSuffix(suffix) {
            return text.number + text.suffix.dropLast(suffix.count)
        }
        return text.text
    }

    private var zeroLabel: String {
        switch rule {
        case .percent: "0%"
        case .plain, .scaled, .time: "0"
        default: format(0).text
        }
    }

    private func digits(_ value: Double, _ decimals: Int?) -> String {
        DecimalText.fixed(value, decimals ?? DecimalText.automaticDecimals(value))
    }

    // MARK: scaled numbers

    private func divisor(_ value: Double, _ steps: UnitRule.ScaleSteps) -> (size: Double, sign: String) {
        let magnitude = abs(value)
        switch steps {
        case .short:
            for (size, sign) in [(1e15, " Quadr"), (1e12, " Tri"), (1e9, " Bil"), (1e6, " Mil"), (1e3, " K")]
            where magnitude >= size * 0.9995 { return (size, sign) }
            return (1, "")
        case .binary:
            for (power, sign) in [(5, " Pi"), (4, " Ti"), (3, " Gi"), (2, " Mi"), (1, " Ki")] {
                let size = Glibc.pow(1024, Double(power))
                if magnitude >= size * 0.9995 { return (size, sign) }
            }
            return (1, " ")
        case .decimal:
            for (size, sign) in [(1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")]
            where magnitude >= size * 0.9995 { return (size, sign) }
            if magnitude >= 0.9995 || magnitude == 0 || isBytes { return (1, " ") }
            return magnitude >= 1e-3 ? (1e-3, " m") : magnitude >= 1e-6 ? (1e-6, " µ") : (1e-9, " n")
        }
    }

    /// Parts of a byte are no unit of anything.
    private var isBytes: Bool {
        id.hasSuffix("ps") || id.hasSuffix("bytes") || id.hasSuffix("bits") || id.hasSuffix("Bs")
    }

    private func scaled(_ value: Double, _ steps: UnitRule.ScaleSteps, _ suffix: String, _ decimals: Int?) -> UnitText {
        let (size, sign) = divisor(value, steps)
        let shown = value / size
        let unit = sign + suffix
        let spaced = sign.isEmpty && !suffix.hasPrefix(" ") && !suffix.isEmpty ? " " + suffix : unit
        return UnitText(number: digits(shown, decimals), suffix: spaced == " " ? "" : spaced)
    }

    // MARK: time

    private func timeUnit(_ seconds: Double) -> (seconds: Double, name: String) {
        let magnitude = abs(seconds)
        if magnitude == 0 { return (1, " s") }
        for (size, name) in [
            (31_536_000.0, " years"), (604_800, " weeks"), (86_400, " days"), (3600, " hours"), (60, " mins"),
            (1, " s"),
            (1e-3, " ms"), (1e-6, " µs"),
        ] where magnitude >= size * 0.9995 { return (size, name) }
        return (1e-9, " ns")
    }

    private func time(_ seconds: Double, _ decimals: Int?) -> UnitText {
        let unit = timeUnit(seconds)
        let shown = seconds / unit.seconds
        let number = digits(shown, decimals)
        let singular = number == "1" && unit.name.hasSuffix("s") && unit.name.utf8.count > 3
        return UnitText(number: number, suffix: singular ? String(unit.name.dropLast()) : unit.name)
    }

    private func span(_ seconds: Double) -> UnitText {
        guard abs(seconds) < 1e14 else { return UnitText(number: DecimalText.scientific(seconds, 2), suffix: " s") }
        return UnitText(number: DurationText.short(Int64((seconds * 1000).rounded())))
    }

    private func date(_ value: Double, _ style: UnitRule.DateStyle, _ zone: TimeZoneChoice, _ now: Int64) -> String {
        guard abs(value) < 6e15 else { return DecimalText.scientific(value, 2) }
        let milliseconds = Int64(value)
        switch style {
        case .fromNow:
            let distance = now - milliseconds
            let text = DurationText.short(abs(distance))
            return distance >= 0 ? text + " ago" : "in " + text
        case .iso, .clock:
            let civil = CivilTime(milliseconds, zone)
            let today = style == .clock && CivilTime(now, zone).dateText == civil.dateText
            return today ? civil.secondText : civil.dateText + " " + civil.secondText
        }
    }

    // MARK: others

    private func hexadecimal(_ value: Double, _ prefix: String) -> String {
        guard abs(value) < 9e15 else { return DecimalText.scientific(value, 2) }
        let digits = String(Int64(value.magnitude), radix: 16, uppercase: true)
        return (value < 0 ? "-" : "") + prefix + digits
    }

    private func grouped(_ text: String) -> String {
        let sign = text.hasPrefix("-") ? "-" : ""
        let parts = text.dropFirst(sign.count).split(separator: ".", maxSplits: 1)
        guard let whole = parts.first else { return text }
        var out = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { out += "," }
            out.append(digit)
        }
        return sign + out + (parts.count > 1 ? "." + parts[1] : "")
    }
}
