import Model

/// A time range as written: each end relative to now, or a point in time.
public struct TimeWindow: Equatable, Sendable {
    public var from: String
    public var to: String

    public init(from: String, to: String = "now") {
        self.from = from
        self.to = to
    }

    /// The last `milliseconds`.
    public init(last milliseconds: Int64) { self.init(from: "now-" + DurationText.prometheus(milliseconds)) }

    /// A fixed range.
    public init(_ range: TimeRange) { self.init(from: String(range.start), to: String(range.end)) }

    /// Whether it moves with the clock.
    public var isRelative: Bool { to.hasPrefix("now") }

    /// Milliseconds since the epoch; nil where an end can't be read or the range is empty.
    public func resolve(now: Int64, zone: TimeZoneChoice) -> TimeRange? {
        guard let start = TimeExpression.parse(from, now: now, zone: zone, roundsUp: false),
            let end = TimeExpression.parse(to, now: now, zone: zone, roundsUp: true), start < end
        else { return nil }
        return TimeRange(start, end)
    }

    /// For people: `last 1h`, or both ends.
    public func text(zone: TimeZoneChoice) -> String {
        if to == "now", from.hasPrefix("now-"), !from.contains("/") { return "last " + from.dropFirst(4) }
        return Self.end(from, zone) + " to " + Self.end(to, zone)
    }

    private static func end(_ text: String, _ zone: TimeZoneChoice) -> String {
        guard let milliseconds = Int64(text) else { return text }
        let civil = CivilTime(milliseconds, zone)
        return civil.dateText + " " + civil.secondText
    }
}

/// One end of a range.
public enum TimeExpression {
    /// `now`, `now-6h`, `now-1d/d` (rounded to the unit), milliseconds since the epoch, `2026-03-01`, `2026-03-01 15:04:05`, RFC 3339.
    /// - Parameter roundsUp: `/d` means the end of the day instead of its start.
    public static func parse(_ text: String, now: Int64, zone: TimeZoneChoice, roundsUp: Bool) -> Int64? {
        if text.hasPrefix("now") { return relative(text.dropFirst(3), now, zone, roundsUp) }
        // Ten digits or fewer are seconds, as people paste them.
        if let number = Int64(text) {
            guard number.magnitude < 1 << 53 else { return nil }
            return text.utf8.count <= 10 ? number * 1000 : number
        }
        return absolute(text, zone)
    }

    private static func relative(_ text: Substring, _ now: Int64, _ zone: TimeZoneChoice, _ roundsUp: Bool) -> Int64? {
        var time = now
        var rest = text
        while let sign = rest.first {
            rest = rest.dropFirst()
            if sign == "/" {
                guard let unit = rest.first, let rounded = round(time, unit, zone, roundsUp) else { return nil }
                rest = rest.dropFirst()
                time = rounded
            } else if sign == "-" || sign == "+" {
                let amount = rest.prefix { $0 != "-" && $0 != "+" && $0 != "/" }
                guard let distance = DurationText.parse(String(amount)) else { return nil }
                rest = rest.dropFirst(amount.count)
                time += sign == "-" ? -distance : distance
            } else {
                return nil
            }
        }
        return time
    }

    private static func round(_ time: Int64, _ unit: Character, _ zone: TimeZoneChoice, _ up: Bool) -> Int64? {
        let civil = CivilTime(time, zone)
        let offset = Int64(zone.offset(at: time)) * 1000
        func start(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
            Int64(CivilTime.daysSinceEpoch(year: year, month: month, day: day)) * 86_400_000 - offset
        }
        let day = start(civil.year, civil.month, civil.day)
        let low: Int64
        let high: Int64
        switch unit {
        case "s", "m", "h":
            let size: Int64 = unit == "s" ? 1000 : unit == "m" ? 60_000 : 3_600_000
            low = (time + offset).floorDivided(by: size) * size - offset
            high = low + size
        case "d": (low, high) = (day, day + 86_400_000)
        case "w":
            low = day - Int64((civil.weekday + 6) % 7) * 86_400_000
            high = low + 7 * 86_400_000
        case "M":
            low = start(civil.year, civil.month, 1)
            high = civil.month == 12 ? start(civil.year + 1, 1, 1) : start(civil.year, civil.month + 1, 1)
        case "y": (low, high) = (start(civil.year, 1, 1), start(civil.year + 1, 1, 1))
        default: return nil
        }
        return up ? high - 1 : low
    }

    /// Date, then perhaps a time of day, then perhaps `Z` or an offset; without one the time is in `zone`.
    private static func absolute(_ text: String, _ zone: TimeZoneChoice) -> Int64? {
        var rest = text[...]
        func number(_ digits: Int) -> Int? {
            let part = rest.prefix(digits)
            guard part.utf8.count == digits, let value = Int(part), value >= 0 else { return nil }
            rest = rest.dropFirst(digits)
            return value
        }
        func take(_ characters: Set<Character>) -> Bool {
            guard let first = rest.first, characters.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), take(["-"]), let month = number(2), (1...12).contains(month), take(["-"]),
            let day = number(2), (1...31).contains(day)
        else { return nil }
        var milliseconds = Int64(CivilTime.daysSinceEpoch(year: year, month: month, day: day)) * 86_400_000
        if take(["T", " "]) {
            guard let hour = number(2), hour < 25, take([":"]), let minute = number(2), minute < 60 else { return nil }
            milliseconds += Int64(hour * 60 + minute) * 60_000
            if take([":"]) {
                guard let second = number(2), second < 61 else { return nil }
                milliseconds += Int64(second) * 1000
            }
            if take(["."]) {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest.dropFirst(digits.count)
                milliseconds += Int64((Double("0." + digits) ?? 0) * 1000)
            }
        }
        if take(["Z", "z"]) { return rest.isEmpty ? milliseconds : nil }
        if let sign = rest.first, sign == "+" || sign == "-" {
            rest = rest.dropFirst()
            guard let hours = number(2) else { return nil }
            _ = take([":"])
            guard let minutes = number(2), rest.isEmpty else { return nil }
            let distance = Int64(hours * 60 + minutes) * 60_000
            return sign == "+" ? milliseconds - distance : milliseconds + distance
        }
        return rest.isEmpty ? milliseconds - Int64(zone.offset(at: milliseconds)) * 1000 : nil
    }
}
