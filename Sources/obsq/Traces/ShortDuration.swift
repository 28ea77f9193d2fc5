/// Durations for people: three digits and a unit.
enum ShortDuration {
    static func text(_ nanoseconds: Int64) -> String {
        let size = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        let units: [(limit: UInt64, size: Double, name: String)] = [
            (1_000, 1, "ns"), (1_000_000, 1e3, "µs"), (1_000_000_000, 1e6, "ms"), (60_000_000_000, 1e9, "s"),
            (3_600_000_000_000, 60e9, "min"), (86_400_000_000_000, 3600e9, "h"),
        ]
        let unit = units.first { size < $0.limit } ?? (.max, 86_400e9, "d")
        return sign + digits(Double(size) / unit.size) + unit.name
    }

    private static func digits(_ value: Double) -> String {
        if value >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
        let factor: Double = value >= 10 ? 10 : 100
        let scaled = Int((value * factor).rounded())
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int(factor))
        if rest == 0 { return String(whole) }
        var text = String(rest)
        while text.count < (factor == 10 ? 1 : 2) { text = "0" + text }
        while text.hasSuffix("0") { text.removeLast() }
        return "\(whole).\(text)"
    }
}
