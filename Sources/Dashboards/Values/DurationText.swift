/// Durations as people write and read them.
public enum DurationText {
    /// `90s`, `1h30m`, `1.5h`, `500ms`, bare seconds; milliseconds, or nil where it is no duration or beyond 1 000 years.
    public static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return nil }
        if let seconds = Double(text), seconds.isFinite { return bounded(seconds * 1000) }
        var total = 0.0
        var at = 0
        while at < bytes.count {
            let start = at
            while at < bytes.count, (bytes[at] >= 48 && bytes[at] <= 57) || bytes[at] == 46 { at += 1 }
            guard at > start, let number = Double(String(decoding: bytes[start..<at], as: UTF8.self)) else {
                return nil
            }
            let unitStart = at
            while at < bytes.count, !((bytes[at] >= 48 && bytes[at] <= 57) || bytes[at] == 46) { at += 1 }
            guard let unit = milliseconds[String(decoding: bytes[unitStart..<at], as: UTF8.self)] else { return nil }
            total += number * unit
        }
        return bounded(total)
    }

    private static func bounded(_ milliseconds: Double) -> Int64? {
        milliseconds.isFinite && abs(milliseconds) < 3.2e13 ? Int64(milliseconds.rounded()) : nil
    }

    private static let milliseconds: [String: Double] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "M": 2_592_000_000,
        "y": 31_536_000_000, "Q": 7_776_000_000,
    ]

    /// The shortest exact form with the units Prometheus knows: `15s`, `1m30s`, `6h`, `500ms`; `0s` for zero.
    public static func prometheus(_ milliseconds: Int64) -> String {
        guard milliseconds != 0 else { return "0s" }
        var rest = milliseconds.magnitude
        var out = milliseconds < 0 ? "-" : ""
        for (unit, size) in [("d", 86_400_000 as UInt64), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if rest >= size {
                out += String(rest / size) + unit
                rest %= size
            }
        }
        return out
    }

    /// Two units at most, for reading: `3d 4h`, `12m 5s`, `340ms`.
    public static func short(_ milliseconds: Int64) -> String {
        let whole = milliseconds.magnitude
        let sign = milliseconds < 0 ? "-" : ""
        if whole < 1000 { return sign + String(whole) + "ms" }
        let seconds = whole / 1000
        let units: [(String, UInt64)] = [("y", 31_536_000), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
        for (index, unit) in units.enumerated() where seconds >= unit.1 {
            let first = String(seconds / unit.1) + unit.0
            guard index + 1 < units.count else { return sign + first }
            let second = seconds % unit.1 / units[index + 1].1
            return sign + (second == 0 ? first : first + " " + String(second) + units[index + 1].0)
        }
        return sign + "0s"
    }
}
