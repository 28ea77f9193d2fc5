import Bedrock
import Glibc

/// A function of one float, applied to every value of a column.
public enum MathFunction: Sendable {
    case abs, ceil, floor, exp, sqrt, ln, log2, log10, sgn, deg, rad, negate
    case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
    case minute, hour, dayOfWeek, dayOfMonth, dayOfYear, daysInMonth, month, year

    /// Applies it to a column in place; absent steps stay absent.
    public func apply(_ values: UnsafeMutablePointer<Double>, count: Int) {
        switch self {
        case .abs: map(values, count) { $0.magnitude }
        case .ceil: map(values, count) { $0.rounded(.up) }
        case .floor: map(values, count) { $0.rounded(.down) }
        case .exp: map(values, count) { Glibc.exp($0) }
        case .sqrt: map(values, count) { $0.squareRoot() }
        case .ln: map(values, count) { Glibc.log($0) }
        case .log2: map(values, count) { Glibc.log2($0) }
        case .log10: map(values, count) { Glibc.log10($0) }
        case .sgn: map(values, count) { $0 < 0 ? -1 : $0 > 0 ? 1 : $0 }
        case .deg: map(values, count) { $0 * 180 / .pi }
        case .rad: map(values, count) { $0 * .pi / 180 }
        case .negate: map(values, count) { -$0 }
        case .sin: map(values, count) { Glibc.sin($0) }
        case .cos: map(values, count) { Glibc.cos($0) }
        case .tan: map(values, count) { Glibc.tan($0) }
        case .asin: map(values, count) { Glibc.asin($0) }
        case .acos: map(values, count) { Glibc.acos($0) }
        case .atan: map(values, count) { Glibc.atan($0) }
        case .sinh: map(values, count) { Glibc.sinh($0) }
        case .cosh: map(values, count) { Glibc.cosh($0) }
        case .tanh: map(values, count) { Glibc.tanh($0) }
        case .asinh: map(values, count) { Glibc.asinh($0) }
        case .acosh: map(values, count) { Glibc.acosh($0) }
        case .atanh: map(values, count) { Glibc.atanh($0) }
        case .minute: mapTime(values, count) { $0.minute }
        case .hour: mapTime(values, count) { $0.hour }
        case .dayOfWeek: mapTime(values, count) { $0.weekday }
        case .dayOfMonth: mapTime(values, count) { $0.day }
        case .dayOfYear: mapTime(values, count) { $0.dayOfYear }
        case .daysInMonth: mapTime(values, count) { UTCTime.daysInMonth(year: $0.year, month: $0.month) }
        case .month: mapTime(values, count) { $0.month }
        case .year: mapTime(values, count) { $0.year }
        }
    }

    /// Of a time in seconds, fractions dropped; NaN beyond what a calendar holds.
    @inline(__always)
    private func mapTime(_ values: UnsafeMutablePointer<Double>, _ count: Int, _ body: (UTCTime) -> Int) {
        map(values, count) { seconds in
            guard seconds.magnitude < 8e15 else { return .nan }
            return Double(body(UTCTime(milliseconds: Int64(seconds) * 1000)))
        }
    }

    @inline(__always)
    private func map(_ values: UnsafeMutablePointer<Double>, _ count: Int, _ body: (Double) -> Double) {
        for step in 0..<count {
            let value = values[step]
            values[step] = Absent.matches(value) ? value : Absent.guarded(body(value))
        }
    }
}

/// `round`: to the nearest multiple of `unit`, ties up.
@inlinable public func rounded(_ value: Double, toMultipleOf unit: Double) -> Double {
    // By the inverse, so that decimal units such as 0.1 give the nearest double.
    let inverse = 1 / unit
    return (value * inverse + 0.5).rounded(.down) / inverse
}
