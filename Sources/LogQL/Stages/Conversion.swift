import Bedrock
import Model

/// Why a value can't be read as a number, with the texts that Go's libraries have for it.
enum ConversionFailure {
    case float(UnsafeRawBufferPointer)
    case floatRange(UnsafeRawBufferPointer)
    case duration(UnsafeRawBufferPointer)
    case durationWithoutUnit(UnsafeRawBufferPointer)
    case durationUnit(UnsafeRawBufferPointer, of: UnsafeRawBufferPointer)
    case byteUnit(UnsafeRawBufferPointer)
    case bytesTooLarge(UnsafeRawBufferPointer)

    var description: String {
        switch self {
        case .float(let text): "strconv.ParseFloat: parsing \(quote(text)): invalid syntax"
        case .floatRange(let text): "strconv.ParseFloat: parsing \(quote(text)): value out of range"
        case .duration(let text): "time: invalid duration \(quote(text))"
        case .durationWithoutUnit(let text): "time: missing unit in duration \(quote(text))"
        case .durationUnit(let unit, let text): "time: unknown unit \(quote(unit)) in duration \(quote(text))"
        case .byteUnit(let unit): "unhandled size name: \(String(decoding: unit, as: UTF8.self))"
        case .bytesTooLarge(let text): "too large: \(String(decoding: text, as: UTF8.self))"
        }
    }

    private func quote(_ text: UnsafeRawBufferPointer) -> String { quoted(String(decoding: text, as: UTF8.self)) }
}

/// Values of labels as numbers.
enum Conversion {
    /// Go's `strconv.ParseFloat`.
    static func float(_ text: UnsafeRawBufferPointer) -> Result {
        if let value = NumberText.parseFloat(text, syntax: .go) { return .value(value) }
        return .failure(isOutOfRange(text) ? .floatRange(text) : .float(text))
    }

    enum Result {
        case value(Double)
        case failure(ConversionFailure)
    }

    /// A well-formed number without a value is one that no double reaches: then a small exponent in its place makes it readable.
    private static func isOutOfRange(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let e = text.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) else {
            return text.count > 308 && text.allSatisfy { $0 &- 48 < 10 || $0 == UInt8(ascii: ".") }
        }
        let exponent = UnsafeRawBufferPointer(rebasing: text[(e + 1)...])
        return NumberText.parseFloat(UnsafeRawBufferPointer(rebasing: text[..<e])) != nil
            && NumberText.parseInteger(exponent) != nil
    }

    /// Seconds of a Go duration.
    static func seconds(_ text: UnsafeRawBufferPointer) -> Result {
        switch GoDuration.parse(text) {
        case .nanoseconds(let value): .value(Double(value) / 1e9)
        case .failure(let failure): .failure(failure)
        }
    }

    /// Bytes of a size such as `1.5KiB`, `2,048` or `3 MB`: K is 1000, Ki 1024, in any case; fractions of a byte are cut.
    static func bytes(_ text: UnsafeRawBufferPointer) -> Result {
        var digits = 0
        while digits < text.count,
            text[digits] &- 48 < 10 || text[digits] == UInt8(ascii: ".") || text[digits] == UInt8(ascii: ",")
        {
            digits += 1
        }
        let head = UnsafeRawBufferPointer(rebasing: text[..<digits])
        let number: Double?
        if head.contains(UInt8(ascii: ",")) {
            let plain = head.filter { $0 != UInt8(ascii: ",") }
            number = plain.withUnsafeBytes { NumberText.parseFloat($0) }
        } else {
            number = NumberText.parseFloat(head)
        }
        guard let number else { return .failure(.float(head)) }
        let unit = trimmed(UnsafeRawBufferPointer(rebasing: text[digits...]))
        guard let size = unitBytes(unit) else { return .failure(.byteUnit(unit)) }
        let value = number * size
        guard value < 0x1p64 else { return .failure(.bytesTooLarge(text)) }
        return .value(value.rounded(.down))
    }

    private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = text.count
        while start < end, LabelNameSanitizer.isBlank(text[start]) { start += 1 }
        while end > start, LabelNameSanitizer.isBlank(text[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }

    /// nil for what is no unit.
    private static func unitBytes(_ unit: UnsafeRawBufferPointer) -> Double? {
        guard let first = unit.first.map({ $0 | 0x20 }) else { return 1 }
        if first == UInt8(ascii: "b") { return unit.count == 1 ? 1 : nil }
        let prefixes: StaticString = "kmgtpe"
        guard let power = (0..<6).first(where: { prefixes.utf8Start[$0] == first }) else { return nil }
        var at = 1
        var base = 1000.0
        if at < unit.count, unit[at] | 0x20 == UInt8(ascii: "i") {
            base = 1024
            at += 1
        }
        if at < unit.count, unit[at] | 0x20 == UInt8(ascii: "b") { at += 1 }
        guard at == unit.count else { return nil }
        var size = base
        for _ in 0..<power { size *= base }
        return size
    }
}

/// Durations as Go's library reads and writes them: `1h30m`, `1.5s`, `-20µs`.
enum GoDuration {
    enum Result {
        case nanoseconds(Int64)
        case failure(ConversionFailure)
    }

    static func parse(_ text: UnsafeRawBufferPointer) -> Result {
        var i = 0
        var isNegative = false
        if let sign = text.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            i = 1
        }
        if i + 1 == text.count, text[i] == UInt8(ascii: "0") { return .nanoseconds(0) }
        guard i < text.count else { return .failure(.duration(text)) }
        var total: UInt64 = 0
        while i < text.count {
            guard let number = DecimalNumber(text, &i) else { return .failure(.duration(text)) }
            let unitStart = i
            while i < text.count, text[i] != UInt8(ascii: "."), text[i] &- 48 >= 10 { i += 1 }
            guard i > unitStart else { return .failure(.durationWithoutUnit(text)) }
            let unit = UnsafeRawBufferPointer(rebasing: text[unitStart..<i])
            guard let size = nanoseconds(unit) else { return .failure(.durationUnit(unit, of: text)) }
            let (product, overflow) = number.whole.multipliedReportingOverflow(by: size)
            // Fractions as Go has them: in floating point, cut to whole nanoseconds.
            let fraction = UInt64(Double(number.fraction) * (Double(size) / number.scale))
            let (part, overflow2) = product.addingReportingOverflow(fraction)
            let (sum, overflow3) = total.addingReportingOverflow(part)
            guard !overflow, !overflow2, !overflow3, sum <= 1 << 63 else { return .failure(.duration(text)) }
            total = sum
        }
        if isNegative { return .nanoseconds(0 &- Int64(bitPattern: total)) }
        guard total < 1 << 63 else { return .failure(.duration(text)) }
        return .nanoseconds(Int64(total))
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
    static func format(_ nanoseconds: Int64, _ out: inout ByteBuffer) {
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
