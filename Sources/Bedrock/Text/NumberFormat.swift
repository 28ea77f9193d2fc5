extension NumberText {
    /// How a float is written: always with the fewest digits that read back as the same number. `NaN`, `+Inf` and `-Inf` are the rest.
    public enum Style: Sendable {
        /// Never an exponent (Go's `'f', -1`).
        case fixed
        /// Always an exponent, of at least two digits (Go's `'e', -1`): `1e+21`, `1.5e-07`.
        case exponent
        /// An exponent below 1e-4 and from 1e+06 on (Go's `'g', -1` and `%v`).
        case general
        /// An exponent below 1e-6 and from 1e+21 on, as Prometheus' HTTP API and expositions write sample values.
        case api
    }

    /// The text of `value`; for cold paths.
    public static func text(_ value: Double, _ style: Style = .api) -> String {
        var buffer = ByteBuffer(capacity: 32)
        buffer.append(float: value, style)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }
}

extension ByteBuffer {
    /// Appends `value` as text.
    public mutating func append(float value: Double, _ style: NumberText.Style = .api) {
        let magnitude = value.magnitude
        guard magnitude.isFinite else {
            if value.isNaN { return append(utf8: "NaN" as StaticString) }
            return append(utf8: value < 0 ? "-Inf" as StaticString : "+Inf" as StaticString)
        }
        // Whole numbers, the most frequent: no style uses an exponent below a million but `.exponent`.
        let wholeMax: Double = style == .general ? 1e6 : 1e15
        if style != .exponent, magnitude < wholeMax, magnitude == magnitude.rounded(.towardZero) {
            if value.sign == .minus { append(UInt8(ascii: "-")) }
            return append(decimal: UInt64(magnitude))
        }
        if value.sign == .minus { append(UInt8(ascii: "-")) }
        let digits = ShortestDigits(magnitude)
        let power = digits.pointAt - 1
        let withExponent =
            switch style {
            case .fixed: false
            case .exponent: true
            case .general: power < -4 || power >= 6
            case .api: magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)
            }
        if withExponent { appendScientific(digits) } else { appendPositional(digits) }
    }

    /// Appends `value` in decimal.
    public mutating func append<T: FixedWidthInteger>(decimal value: T) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = UInt64(value.magnitude)
        append(capacity: 20) { room in
            var start = 20
            repeat {
                start -= 1
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                room[start] = 48 + UInt8(truncatingIfNeeded: digit)
                rest = quotient
            } while rest > 0
            for i in start..<20 { room[i - start] = room[i] }
            return 20 - start
        }
    }

    /// Appends a time in milliseconds as seconds, with as many of three decimals as it needs.
    public mutating func append(seconds milliseconds: Int64) {
        if milliseconds < 0 { append(UInt8(ascii: "-")) }
        let (whole, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        append(decimal: whole)
        guard rest > 0 else { return }
        append(UInt8(ascii: "."))
        append(48 + UInt8(rest / 100))
        if rest % 100 > 0 { append(48 + UInt8(rest / 10 % 10)) }
        if rest % 10 > 0 { append(48 + UInt8(rest % 10)) }
    }

    private mutating func appendScientific(_ digits: ShortestDigits) {
        digits.withBytes { bytes in
            append(bytes[0])
            if bytes.count > 1 {
                append(UInt8(ascii: "."))
                append(UnsafeRawBufferPointer(rebasing: bytes[1...]))
            }
        }
        let power = digits.pointAt - 1
        append(UInt8(ascii: "e"))
        append(power < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        if abs(power) < 10 { append(UInt8(ascii: "0")) }
        append(decimal: abs(power))
    }

    private mutating func appendPositional(_ digits: ShortestDigits) {
        let zero = UInt8(ascii: "0")
        digits.withBytes { bytes in
            if digits.pointAt <= 0 {
                append(zero)
                append(UInt8(ascii: "."))
                for _ in 0..<(-digits.pointAt) { append(zero) }
                append(bytes)
            } else if digits.pointAt >= bytes.count {
                append(bytes)
                for _ in 0..<(digits.pointAt - bytes.count) { append(zero) }
            } else {
                append(UnsafeRawBufferPointer(rebasing: bytes[..<digits.pointAt]))
                append(UInt8(ascii: "."))
                append(UnsafeRawBufferPointer(rebasing: bytes[digits.pointAt...]))
            }
        }
    }
}

/// The shortest decimal digits of a finite, non-negative double: 0.d₁d₂d₃… × 10^pointAt, without zeros at either end (0 is "0").
///
/// Swift's own `description` finds them; this takes them apart.
private struct ShortestDigits {
    /// At most 17 digits.
    private var storage: InlineArray<20, UInt8> = .init(repeating: 48)
    private(set) var count = 0
    private(set) var pointAt = 0

    init(_ value: Double) {
        var text = value.description
        text.withUTF8 { bytes in
            var sawPoint = false
            var i = 0
            while i < bytes.count, bytes[i] != UInt8(ascii: "e") {
                if bytes[i] == UInt8(ascii: ".") {
                    sawPoint = true
                } else {
                    take(bytes[i], isFraction: sawPoint)
                }
                i += 1
            }
            if i < bytes.count {
                let power = NumberText.parseInteger(
                    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[(i + 1)...]))
                pointAt += Int(power ?? 0)
            }
        }
        while count > 1, storage[count - 1] == 48 { count -= 1 }
        if count == 0 {
            count = 1
            pointAt = 1
        }
    }

    private mutating func take(_ digit: UInt8, isFraction: Bool) {
        if count == 0, digit == 48 {
            if isFraction { pointAt -= 1 }
            return
        }
        if !isFraction { pointAt += 1 }
        guard count < 20 else { return }
        storage[count] = digit
        count += 1
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeBytes(of: storage) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
