/// Prometheus' textual durations: `1h30m`, `100ms`, `1y`; milliseconds here.
///
/// Whole numbers with the units y (365 days), w, d, h, m, s, ms, each at most once and the longest first. No sign, no fraction.
/// A bare `0` needs no unit. The longest duration is 2⁶³ - 1 nanoseconds (about 292 years), as in Prometheus.
public enum PrometheusDuration {
    /// Why a text is no duration. The texts are Prometheus' own.
    public enum ParseError: Error, Equatable, Sendable, CustomStringConvertible {
        case empty
        case invalid(String)
        case unknownUnit(String, in: String)
        case outOfRange

        public var description: String {
            switch self {
            case .empty: "empty duration string"
            case .invalid(let text): "not a valid duration string: \(quoted(text))"
            case .unknownUnit(let unit, let text): "unknown unit \(quoted(unit)) in duration \(quoted(text))"
            case .outOfRange: "duration out of range"
            }
        }
    }

    /// The longest representable duration.
    public static let millisecondsMax: Int64 = Int64.max / 1_000_000

    private struct Unit {
        let name: StaticString
        let milliseconds: Int64
        /// Written only when nothing smaller is left over: `90d` reads better than `12w6d`.
        let onlyExact: Bool

        var text: String { name.description }
    }

    private static let units: [Unit] = [
        Unit(name: "y", milliseconds: 365 * 86_400_000, onlyExact: true),
        Unit(name: "w", milliseconds: 7 * 86_400_000, onlyExact: true),
        Unit(name: "d", milliseconds: 86_400_000, onlyExact: false),
        Unit(name: "h", milliseconds: 3_600_000, onlyExact: false),
        Unit(name: "m", milliseconds: 60_000, onlyExact: false),
        Unit(name: "s", milliseconds: 1000, onlyExact: false),
        Unit(name: "ms", milliseconds: 1, onlyExact: false),
    ]

    /// The milliseconds that `text` says.
    public static func parse(_ text: String) throws(ParseError) -> Int64 {
        if text == "0" { return 0 }
        if text.isEmpty { throw .empty }
        var rest = Substring(text).utf8
        var total: Int64 = 0
        var nextUnit = 0
        while !rest.isEmpty {
            let digits = rest.prefix(while: isDigit)
            guard !digits.isEmpty, let count = UInt64(Substring(digits)) else { throw .invalid(text) }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { !isDigit($0) }
            guard !name.isEmpty else { throw .invalid(text) }
            rest = rest.dropFirst(name.count)
            guard let position = units.firstIndex(where: { $0.text == Substring(name) }) else {
                throw .unknownUnit(String(Substring(name)), in: text)
            }
            guard position >= nextUnit else { throw .invalid(text) }
            nextUnit = position + 1
            guard let whole = Int64(exactly: count) else { throw .outOfRange }
            let (product, overflow) = whole.multipliedReportingOverflow(by: units[position].milliseconds)
            guard !overflow, product <= millisecondsMax - total else { throw .outOfRange }
            total += product
        }
        return total
    }

    /// The canonical text; a negative duration gets a minus sign in front, zero is `0s`.
    public static func format(milliseconds: Int64) -> String {
        if milliseconds == 0 { return "0s" }
        var out = milliseconds < 0 ? "-" : ""
        var rest = milliseconds.magnitude
        for unit in units {
            let size = UInt64(unit.milliseconds)
            if rest < size || (unit.onlyExact && rest % size != 0) { continue }
            out += String(rest / size) + unit.text
            rest %= size
        }
        return out
    }

    private static func isDigit(_ c: UInt8) -> Bool { c >= 48 && c <= 57 }
}
