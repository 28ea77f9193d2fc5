/// Times such as `2015-07-01T20:10:30.781Z` and `2015-07-01T20:10:30+02:00` (RFC 3339).
public enum RFC3339 {
    /// What stands for a time that has not been, as Go writes its zero time.
    public static let never = "0001-01-01T00:00:00Z"

    /// Milliseconds since the epoch, finer fractions cut; nil for anything else than that form.
    public static func milliseconds(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { parse(UnsafeRawBufferPointer($0)) }.map {
            $0.seconds * 1000 + $0.nanoseconds / 1_000_000
        }
    }

    /// Nanoseconds since the epoch, finer fractions cut; nil for anything else than that form, and beyond the years 1677 to 2262.
    public static func nanoseconds(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard let time = parse(text) else { return nil }
        let (whole, overflow) = time.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, late) = whole.addingReportingOverflow(time.nanoseconds)
        return overflow || late ? nil : sum
    }

    private static func parse(_ text: UnsafeRawBufferPointer) -> (seconds: Int64, nanoseconds: Int64)? {
        var scan = Scan(bytes: text)
        guard let year = scan.number(4), scan.take("-"), let month = scan.number(2), scan.take("-"),
            let day = scan.number(2), scan.take("T"), let hour = scan.number(2), scan.take(":"),
            let minute = scan.number(2), scan.take(":"), let second = scan.number(2)
        else { return nil }
        let fraction = scan.fraction()
        guard let fraction, let offset = scan.zone(), scan.isAtEnd, (1...12).contains(month), day >= 1,
            day <= UTCTime.daysInMonth(year: year, month: month), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = UTCTime.days(year: year, month: month, day: day)
        let seconds = ((days * 24 + Int64(hour)) * 60 + Int64(minute)) * 60 + Int64(second)
        return (seconds - Int64(offset) * 60, Int64(fraction))
    }

    private struct Scan {
        let bytes: UnsafeRawBufferPointer
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        mutating func take(_ wanted: Unicode.Scalar) -> Bool {
            guard at < bytes.count, bytes[at] == UInt8(ascii: wanted) else { return false }
            at += 1
            return true
        }

        mutating func number(_ digits: Int) -> Int? {
            guard at + digits <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[at..<at + digits] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            at += digits
            return value
        }

        /// Nanoseconds of `.123456`; 0 when there is no fraction, nil when it has no digits.
        mutating func fraction() -> Int? {
            guard take(".") || take(",") else { return 0 }
            var value = 0
            var count = 0
            while let digit = number(1) {
                if count < 9 { value = value * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in min(count, 9)..<9 { value *= 10 }
            return value
        }

        /// Minutes east of UTC.
        mutating func zone() -> Int? {
            if take("Z") { return 0 }
            let sign = take("+") ? 1 : take("-") ? -1 : 0
            guard sign != 0, let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            return sign * (hours * 60 + minutes)
        }
    }
}
