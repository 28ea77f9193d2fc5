/// Numbers as text: Go's float syntax, which Prometheus' formats and languages use, read from bytes.
///
/// Independent of the process' locale. Writing is in `NumberFormat.swift`.
public enum NumberText {
    /// What a float may look like beyond decimal digits, a point and an exponent.
    public struct Syntax: OptionSet, Sendable {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }

        /// `0x1.8p-3`
        public static let hexadecimal = Syntax(rawValue: 1)
        /// `1_000.5`: single underscores between digits.
        public static let underscores = Syntax(rawValue: 2)

        /// What the exposition formats allow.
        public static let decimal: Syntax = []
        /// All that Go's `strconv.ParseFloat` takes.
        public static let go: Syntax = [.hexadecimal, .underscores]
    }

    /// Reads a float as Go's `strconv.ParseFloat` does; the whole of `text` must be the number.
    ///
    /// `NaN`, `Inf` and `Infinity` are taken in any case, the latter two with a sign.
    /// - Returns: nil for bad syntax and for finite numbers beyond the range of a double. Too small a number becomes 0.
    public static func parseFloat(_ text: UnsafeRawBufferPointer, syntax: Syntax = .decimal) -> Double? {
        var scan = DecimalScan()
        if scan.run(text), let value = scan.exactValue { return value }
        return parseFloatSlowly(text, syntax: syntax)
    }

    /// As `parseFloat` on bytes.
    public static func parseFloat(_ text: String, syntax: Syntax = .decimal) -> Double? {
        var text = text
        return text.withUTF8 { parseFloat(UnsafeRawBufferPointer($0), syntax: syntax) }
    }

    /// Reads a decimal integer with an optional sign; nil for anything else and on overflow.
    public static func parseInteger(_ text: UnsafeRawBufferPointer) -> Int64? {
        var i = 0
        var negative = false
        if let first = text.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            negative = first == UInt8(ascii: "-")
            i = 1
        }
        guard i < text.count else { return nil }
        // Gathered as a negative number, whose range is the larger one.
        var value: Int64 = 0
        while i < text.count {
            let digit = text[i] &- 48
            guard digit < 10 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, underflow) = scaled.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !underflow else { return nil }
            value = next
            i += 1
        }
        if negative { return value }
        return value == .min ? nil : -value
    }

    /// As `parseInteger` on bytes.
    public static func parseInteger(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { parseInteger(UnsafeRawBufferPointer($0)) }
    }

    @inline(never)
    private static func parseFloatSlowly(_ text: UnsafeRawBufferPointer, syntax: Syntax) -> Double? {
        if let special = parseSpecial(text) { return special }
        var bytes = Array(text)
        if bytes.contains(UInt8(ascii: "_")) {
            guard syntax.contains(.underscores), underscoresSeparateDigits(bytes) else { return nil }
            bytes.removeAll { $0 == UInt8(ascii: "_") }
        }
        guard
            isDecimalFloat(bytes) || (syntax.contains(.hexadecimal) && isHexadecimalFloat(bytes)),
            let value = Double(String(decoding: bytes, as: UTF8.self)), value.isFinite
        else { return nil }
        return value
    }

    private static func parseSpecial(_ text: UnsafeRawBufferPointer) -> Double? {
        guard text.count >= 3, text.count <= 9 else { return nil }
        func spells(_ word: StaticString, from start: Int) -> Bool {
            guard text.count - start == word.utf8CodeUnitCount else { return false }
            for i in 0..<word.utf8CodeUnitCount where text[start + i] | 0x20 != word.utf8Start[i] { return false }
            return true
        }
        if spells("nan", from: 0) { return .nan }
        let signed = text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+")
        let start = signed ? 1 : 0
        guard spells("inf", from: start) || spells("infinity", from: start) else { return nil }
        return text[0] == UInt8(ascii: "-") ? -.infinity : .infinity
    }

    /// Go's rule: an underscore stands between digits, or between a base prefix and a digit.
    private static func underscoresSeparateDigits(_ text: [UInt8]) -> Bool {
        var i = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") ? 1 : 0
        var isHex = false
        enum Last { case start, digit, underscore, other }
        var last = Last.start
        if text.count >= i + 2, text[i] == UInt8(ascii: "0"), text[i + 1] | 0x20 == UInt8(ascii: "x") {
            i += 2
            isHex = true
            last = .digit
        }
        while i < text.count {
            let c = text[i]
            if c &- 48 < 10 || (isHex && (c | 0x20) &- 97 < 6) {
                last = .digit
            } else if c == UInt8(ascii: "_") {
                guard last == .digit else { return false }
                last = .underscore
            } else {
                guard last != .underscore else { return false }
                last = .other
            }
            i += 1
        }
        return last != .underscore
    }

    private static func isDecimalFloat(_ text: [UInt8]) -> Bool {
        var scan = DecimalScan()
        return text.withUnsafeBytes { scan.run($0) }
    }

    /// `[+-]0x` digits with an optional point, then the mandatory `p` and a decimal exponent.
    private static func isHexadecimalFloat(_ text: [UInt8]) -> Bool {
        var i = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") ? 1 : 0
        guard text.count > i + 2, text[i] == UInt8(ascii: "0"), text[i + 1] | 0x20 == UInt8(ascii: "x") else {
            return false
        }
        i += 2
        var digits = 0
        var points = 0
        while i < text.count {
            let c = text[i]
            if c == UInt8(ascii: ".") {
                points += 1
            } else if c &- 48 < 10 || (c | 0x20) &- 97 < 6 {
                digits += 1
            } else {
                break
            }
            i += 1
        }
        guard digits > 0, points <= 1, i < text.count, text[i] | 0x20 == UInt8(ascii: "p") else { return false }
        i += 1
        if i < text.count, text[i] == UInt8(ascii: "-") || text[i] == UInt8(ascii: "+") { i += 1 }
        return i < text.count && text[i...].allSatisfy { $0 &- 48 < 10 }
    }
}

/// One pass over a decimal float: checks its syntax and gathers mantissa and power of ten.
///
/// A mantissa below 2⁵³ and a power within ±22 are both exact doubles, so one multiplication or division rounds correctly (Clinger 1990);
/// that covers nearly all numbers met in expositions. The others take the slow way.
private struct DecimalScan {
    var negative = false
    var mantissa: UInt64 = 0
    var exponent = 0
    /// The mantissa holds every digit.
    var isExact = true

    /// False when `text` isn't a decimal float.
    mutating func run(_ text: UnsafeRawBufferPointer) -> Bool {
        let count = text.count
        var i = 0
        guard count > 0 else { return false }
        if text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") {
            negative = text[0] == UInt8(ascii: "-")
            i = 1
        }
        var digits = 0
        while i < count, text[i] &- 48 < 10 {
            take(text[i] &- 48)
            digits += 1
            i += 1
        }
        if i < count, text[i] == UInt8(ascii: ".") {
            i += 1
            while i < count, text[i] &- 48 < 10 {
                take(text[i] &- 48)
                exponent -= 1
                digits += 1
                i += 1
            }
        }
        guard digits > 0 else { return false }
        if i == count { return true }
        guard text[i] | 0x20 == UInt8(ascii: "e") else { return false }
        return takeExponent(text, from: i + 1)
    }

    private mutating func take(_ digit: UInt8) {
        if mantissa < 1_000_000_000_000_000_000 {
            mantissa = mantissa &* 10 &+ UInt64(digit)
        } else {
            isExact = false
        }
    }

    private mutating func takeExponent(_ text: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var i = start
        var minus = false
        if i < text.count, text[i] == UInt8(ascii: "-") || text[i] == UInt8(ascii: "+") {
            minus = text[i] == UInt8(ascii: "-")
            i += 1
        }
        guard i < text.count else { return false }
        var power = 0
        while i < text.count {
            let digit = text[i] &- 48
            guard digit < 10 else { return false }
            // Beyond this every number is 0 or infinite anyway; the slow way decides which.
            if power < 100_000 { power = power * 10 + Int(digit) }
            i += 1
        }
        exponent += minus ? -power : power
        return true
    }

    var exactValue: Double? {
        guard isExact, mantissa <= 1 << 53, exponent >= -22, exponent <= 22 else { return nil }
        var value = Double(mantissa)
        if exponent > 0 { value *= powersOfTen[exponent] } else if exponent < 0 { value /= powersOfTen[-exponent] }
        return negative ? -value : value
    }
}

/// 10⁰ ... 10²², the powers of ten that a double holds exactly.
let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
