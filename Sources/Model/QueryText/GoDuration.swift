import Bedrock

/// Durations as Go's library reads and writes them: `1h30m`, `1.5s`, `-20µs`.
public enum GoDuration {
    /// Why a text is no duration.
    public enum Failure: Error, Equatable, Sendable {
        case malformed
        case missingUnit
        /// Which bytes of the text are no unit.
        case unknownUnit(Range<Int>)
    }

    /// Nanoseconds, of all of `text`.
    public static func parse(_ text: UnsafeRawBufferPointer) -> Result<Int64, Failure> {
        var i = 0
        var isNegative = false
        if let sign = text.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            i = 1
        }
        if i + 1 == text.count, text[i] == UInt8(ascii: "0") { return .success(0) }
        guard i < text.count else { return .failure(.malformed) }
        var total: UInt64 = 0
        while i < text.count {
            guard let number = DecimalNumber(text, &i) else { return .failure(.malformed) }
            let unitStart = i
            while i < text.count, text[i] != UInt8(ascii: "."), text[i] &- 48 >= 10 { i += 1 }
            guard i > unitStart else { return .failure(.missingUnit) }
            let unit = UnsafeRawBufferPointer(rebasing: text[unitStart..<i])
            guard let size = nanoseconds(unit) else { return .failure(.unknownUnit(unitStart..<i)) }
            let (product, overflow) = number.whole.multipliedReportingOverflow(by: size)
            // Fractions as Go has them: in floating point, cut to whole nanoseconds.
            let fraction = UInt64(Double(number.fraction) * (Double(size) / number.scale))
            let (part, overflow2) = product.addingReportingOverflow(fraction)
            let (sum, overflow3) = total.addingReportingOverflow(part)
            guard !overflow, !overflow2, !overflow3, sum <= 1 << 63 else { return .failure(.malformed) }
            total = sum
        }
        if isNegative { return .success(0 &- Int64(bitPattern: total)) }
        guard total < 1 << 63 else { return .failure(.malformed) }
        return .success(Int64(total))
    }

    /// As above, from text; for cold paths. Nil when it is no duration.
    public static func parse(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { try? parse(UnsafeRawBufferPointer($0)).get() }
    }

    /// As below, as text; for cold paths.
    public static func text(_ nanoseconds: Int64) -> String {
        var out = ByteBuffer(capacity: 24)
        format(nanoseconds, &out)
        return String(decoding: out.bytes, as: UTF8.self)
    }

    private struct DecimalNumber {
        var whole: UInt64 = 0
        var fraction: UInt64 = 0
        /// Power of ten by which `fraction` is to be divided.
        var scale = 1.0

        init?(_ text: UnsafeRawBufferPointer, _ i: inout Int) {
            let start = i
            while i < text.count, text[i] &- 48 < 10 {
                guard whole <= (1 << 63) / 10 else { return nil }
                whole = whole * 10 + UInt64(text[i] &- 48)
                i += 1
            }
            var digits = i - start
            if i < text.count, text[i] == UInt8(ascii: ".") {
                i += 1
                while i < text.count, text[i] &- 48 < 10 {
                    // Digits that no nanosecond feels are read over.
                    if fraction < (1 << 63) / 100 {
                        fraction = fraction * 10 + UInt64(text[i] &- 48)
                        scale *= 10
                    }
                    digits += 1
                    i += 1
                }
            }
            guard digits > 0, whole <= 1 << 63 else { return nil }
        }
    }

    private static func nanoseconds(_ unit: UnsafeRawBufferPointer) -> UInt64? {
        switch unit.count {
        case 1:
            switch unit[0] {
            case UInt8(ascii: "s"): 1_000_000_000
            case UInt8(ascii: "m"): 60_000_000_000
            case UInt8(ascii: "h"): 3_600_000_000_000
            default: nil
            }
        case 2 where unit[1] == UInt8(ascii: "s"):
            switch unit[0] {
            case UInt8(ascii: "n"): 1
            case UInt8(ascii: "u"): 1000
            case UInt8(ascii: "m"): 1_000_000
            default: nil
            }
        // µ as U+00B5 or U+03BC.
        case 3 where unit[2] == UInt8(ascii: "s"):
            (unit[0] == 0xC2 && unit[1] == 0xB5) || (unit[0] == 0xCE && unit[1] == 0xBC) ? 1000 : nil
        default: nil
        }
    }

    /// `1h2m3.5s`; below a second the largest unit that leaves a whole part; `0s`.
    public static func format(_ nanoseconds: Int64, _ out: inout ByteBuffer) {
        if nanoseconds == 0 { return out.append(utf8: "0s" as StaticString) }
        if nanoseconds < 0 { out.append(UInt8(ascii: "-")) }
        let size = nanoseconds.magnitude
        if size < 1_000_000_000 {
            let (unit, name): (UInt64, StaticString) =
                size < 1000 ? (1, "ns") : size < 1_000_000 ? (1000, "µs") : (1_000_000, "ms")
            appendFraction(size, unit, &out)
            return out.append(utf8: name)
        }
        let seconds = size / 1_000_000_000
        if seconds >= 3600 {
            out.append(decimal: seconds / 3600)
            out.append(UInt8(ascii: "h"))
        }
        if seconds >= 60 {
            out.append(decimal: seconds / 60 % 60)
            out.append(UInt8(ascii: "m"))
        }
        appendFraction(size - seconds / 60 * 60_000_000_000, 1_000_000_000, &out)
        out.append(UInt8(ascii: "s"))
    }

    private static func appendFraction(_ size: UInt64, _ unit: UInt64, _ out: inout ByteBuffer) {
        out.append(decimal: size / unit)
        var rest = size % unit
        guard rest > 0 else { return }
        out.append(UInt8(ascii: "."))
        var scale = unit / 10
        while rest > 0 {
            out.append(48 + UInt8(truncatingIfNeeded: rest / scale))
            rest %= scale
            scale /= 10
        }
    }
}
