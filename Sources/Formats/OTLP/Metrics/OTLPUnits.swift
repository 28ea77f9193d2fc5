/// OpenTelemetry's units (UCUM) as Prometheus spells them.
enum OTLPUnits {
    private static let main: [String: String] = [
        "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
        "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
        "TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
        "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
        "Hz": "hertz", "1": "", "%": "percent",
    ]
    private static let per: [String: String] = [
        "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year",
    ]

    /// The words of a unit: `By/s` gives `bytes` and `per_second`. Units that are not known stay what they are, those in braces go.
    static func words(_ unit: String) -> (main: String, per: String) {
        let parts = unit.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let first = trimmed(parts[0])
        let main = isAnnotation(first) ? "" : Self.main[first] ?? first
        guard parts.count > 1 else { return (main, "") }
        let second = trimmed(parts[1])
        if second.isEmpty || isAnnotation(second) { return (main, "") }
        return (main, "per_" + (per[second] ?? second))
    }

    private static func isAnnotation(_ unit: String) -> Bool { unit.utf8.contains { $0 == 0x7B || $0 == 0x7D } }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let c = text.first, c.isWhitespace { text.removeFirst() }
        while let c = text.last, c.isWhitespace { text.removeLast() }
        return String(text)
    }
}
