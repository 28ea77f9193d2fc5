/// A point in time taken apart in UTC, by the proleptic Gregorian calendar (Hinnant's civil-from-days).
public struct UTCTime: Equatable, Sendable {
    public let year: Int
    /// 1...12
    public let month: Int
    /// 1...31
    public let day: Int
    public let hour: Int
    public let minute: Int
    public let second: Int
    public let millisecond: Int
    /// 0 = Sunday.
    public let weekday: Int
    /// 1...366
    public let dayOfYear: Int

    /// - Parameter milliseconds: since the Unix epoch; any value.
    public init(milliseconds: Int64) {
        let (days, inDay) = Self.floorDivide(milliseconds, 86_400_000)
        let civil = Self.civil(days)
        year = civil.year
        month = civil.month
        day = civil.day
        hour = Int(inDay / 3_600_000)
        minute = Int(inDay / 60_000 % 60)
        second = Int(inDay / 1000 % 60)
        millisecond = Int(inDay % 1000)
        weekday = Int(Self.floorDivide(days + 4, 7).remainder)
        dayOfYear = Int(days - Self.days(year: civil.year, month: 1, day: 1)) + 1
    }

    /// `2026-11-24T19:00:00.000Z`
    public var iso8601: String {
        "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(Self.padded(hour, 2)):\(Self.padded(minute, 2))"
            + ":\(Self.padded(second, 2)).\(Self.padded(millisecond, 3))Z"
    }

    /// Days since the epoch of a civil date.
    public static func days(year: Int, month: Int, day: Int) -> Int64 {
        let y = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(y, 400).quotient
        let yearOfEra = y - era * 400
        let shifted = Int64((month + 9) % 12)
        let dayOfYear = (153 * shifted + 2) / 5 + Int64(day) - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Days in a month, leap years included.
    public static func daysInMonth(year: Int, month: Int) -> Int {
        let (nextYear, nextMonth) = month == 12 ? (year + 1, 1) : (year, month + 1)
        return Int(days(year: nextYear, month: nextMonth, day: 1) - days(year: year, month: month, day: 1))
    }

    private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = floorDivide(z, 146_097).quotient
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shifted + 2) / 5 + 1)
        let month = Int(shifted < 10 ? shifted + 3 : shifted - 9)
        return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> (quotient: Int64, remainder: Int64) {
        let (q, r) = a.quotientAndRemainder(dividingBy: b)
        return r < 0 ? (q - 1, r + b) : (q, r)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(abs(number))
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
