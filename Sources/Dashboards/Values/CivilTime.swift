import Glibc

/// Which clock times are shown in.
public enum TimeZoneChoice: Equatable, Sendable {
    case utc
    /// The zone of `TZ` or /etc/localtime.
    case local
    /// A fixed distance east of Greenwich, for tests.
    case fixed(seconds: Int)

    /// Seconds east of Greenwich at `milliseconds` since the epoch.
    public func offset(at milliseconds: Int64) -> Int {
        switch self {
        case .utc: return 0
        case .fixed(let seconds): return seconds
        case .local:
            var time = time_t(milliseconds / 1000)
            var parts = tm()
            guard localtime_r(&time, &parts) != nil else { return 0 }
            return parts.tm_gmtoff
        }
    }
}

/// A moment as calendar date and time of day.
public struct CivilTime: Equatable, Sendable {
    public var year: Int
    /// 1 to 12.
    public var month: Int
    public var day: Int
    public var hour: Int
    public var minute: Int
    public var second: Int
    public var millisecond: Int
    /// 0 is Sunday.
    public var weekday: Int

    /// Proleptic Gregorian calendar, by the days-from-civil arithmetic of era and day of era.
    public init(_ milliseconds: Int64, _ zone: TimeZoneChoice = .utc) {
        // Years beyond ±200 000 are cut: the inputs are query results, which may hold anything.
        let bounded = max(-6_000_000_000_000_000, min(6_000_000_000_000_000, milliseconds))
        let local = bounded + Int64(zone.offset(at: bounded)) * 1000
        let days = Int(local.floorDivided(by: 86_400_000))
        let rest = Int(local - Int64(days) * 86_400_000)
        (year, month, day) = Self.date(daysSinceEpoch: days)
        hour = rest / 3_600_000
        minute = rest / 60_000 % 60
        second = rest / 1000 % 60
        millisecond = rest % 1000
        weekday = ((days + 4) % 7 + 7) % 7
    }

    static func date(daysSinceEpoch days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = Int(Int64(shifted).floorDivided(by: 146_097))
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = Int(Int64(shiftedYear).floorDivided(by: 400))
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    public static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `2026-03-01`
    public var dateText: String {
        DecimalText.padded(year, 4) + "-" + DecimalText.padded(month, 2) + "-" + DecimalText.padded(day, 2)
    }

    /// `15:04`
    public var minuteText: String { DecimalText.padded(hour, 2) + ":" + DecimalText.padded(minute, 2) }

    /// `15:04:05`
    public var secondText: String { minuteText + ":" + DecimalText.padded(second, 2) }

    /// `03-01`
    public var monthDayText: String { DecimalText.padded(month, 2) + "-" + DecimalText.padded(day, 2) }
}

extension Int64 {
    /// Division that rounds toward minus infinity; `divisor` is positive.
    func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
