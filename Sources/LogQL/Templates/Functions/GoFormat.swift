import Bedrock

/// Go's `Sprintf`, for the verbs and flags that make sense for a template's values.
enum GoFormat {
    private struct Verb {
        var minus = false
        var plus = false
        var sharp = false
        var blank = false
        var zero = false
        var width = 0
        var precision: Int?
    }

    /// Width and precision that a verb may ask for.
    private static let sizeMax = 1 << 16

    /// Appends `format` with its verbs filled from the call's arguments behind the first one.
    static func append(
        _ format: UnsafeRawBufferPointer, _ call: TemplateCall, _ out: inout ByteBuffer
    ) throws(TemplateFailure) {
        var argument = 1
        var i = 0
        while i < format.count {
            guard format[i] == UInt8(ascii: "%") else {
                out.append(format[i])
                i += 1
                continue
            }
            i += 1
            var verb = Verb()
            flags(format, &i, &verb)
            verb.width = number(format, &i, call, &argument) ?? 0
            if verb.width < 0 {
                verb.minus = true
                verb.width = -verb.width
            }
            if i < format.count, format[i] == UInt8(ascii: ".") {
                i += 1
                verb.precision = max(number(format, &i, call, &argument) ?? 0, 0)
            }
            guard verb.width <= sizeMax, verb.precision ?? 0 <= sizeMax else {
                throw TemplateFailure("a width or precision of more than \(sizeMax)")
            }
            guard i < format.count else {
                out.append(utf8: "%!(NOVERB)" as StaticString)
                break
            }
            let length = max(UTF8Text.sequenceLength(format, at: i), 1)
            let letter = UnsafeRawBufferPointer(rebasing: format[i..<i + length])
            i += length
            if letter[0] == UInt8(ascii: "%") {
                out.append(UInt8(ascii: "%"))
            } else if argument < call.count {
                write(call[argument], letter, verb, &out)
                argument += 1
            } else {
                note(letter, "(MISSING)", &out)
            }
            guard out.count <= TemplateLimits.outputBytesMax else { throw TemplateFailure("the text gets too long") }
        }
        if argument < call.count { extra(call, argument, &out) }
    }

    private static func flags(_ format: UnsafeRawBufferPointer, _ i: inout Int, _ verb: inout Verb) {
        while i < format.count {
            switch format[i] {
            case UInt8(ascii: "-"): verb.minus = true
            case UInt8(ascii: "+"): verb.plus = true
            case UInt8(ascii: "#"): verb.sharp = true
            case UInt8(ascii: " "): verb.blank = true
            case UInt8(ascii: "0"): verb.zero = true
            default: return
            }
            i += 1
        }
    }

    /// Digits, or `*` for an argument.
    private static func number(
        _ format: UnsafeRawBufferPointer, _ i: inout Int, _ call: TemplateCall, _ argument: inout Int
    ) -> Int? {
        if i < format.count, format[i] == UInt8(ascii: "*") {
            i += 1
            guard argument < call.count, case .integer(let value) = call[argument] else { return nil }
            argument += 1
            return Int(max(-10_000_000, min(value, 10_000_000)))
        }
        let start = i
        var value = 0
        while i < format.count, format[i] &- 48 < 10 {
            value = min(value * 10 + Int(format[i] &- 48), 10_000_000)
            i += 1
        }
        return i > start ? value : nil
    }

    /// `%!d(string=x)`
    private static func note(_ letter: UnsafeRawBufferPointer, _ text: StaticString, _ out: inout ByteBuffer) {
        out.append(utf8: "%!" as StaticString)
        out.append(letter)
        out.append(utf8: text)
    }

    private static func mismatch(_ value: TemplateValue, _ letter: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        note(letter, "(", &out)
        typed(value, &out)
        out.append(UInt8(ascii: ")"))
    }

    private static func typed(_ value: TemplateValue, _ out: inout ByteBuffer) {
        if case .none = value { return out.append(utf8: "<nil>" as StaticString) }
        out.append(utf8: value.typeName)
        out.append(UInt8(ascii: "="))
        TemplatePrinter.write(value, &out)
    }

    private static func extra(_ call: TemplateCall, _ first: Int, _ out: inout ByteBuffer) {
        out.append(utf8: "%!(EXTRA " as StaticString)
        for i in first..<call.count {
            if i > first { out.append(utf8: ", " as StaticString) }
            typed(call[i], &out)
        }
        out.append(UInt8(ascii: ")"))
    }

    private static func write(
        _ value: TemplateValue, _ letter: UnsafeRawBufferPointer, _ verb: Verb, _ out: inout ByteBuffer
    ) {
        let start = out.count
        switch (letter.count == 1 ? letter[0] : 0, value) {
        case (UInt8(ascii: "T"), _): out.append(utf8: value.typeName)
        case (UInt8(ascii: "v"), .none): out.append(utf8: "<nil>" as StaticString)
        case (UInt8(ascii: "v"), .integer(let number)), (UInt8(ascii: "d"), .integer(let number)):
            return integer(number, 10, verb, &out)
        case (UInt8(ascii: "d"), .duration(let number)): return integer(number, 10, verb, &out)
        case (UInt8(ascii: "v"), .number(let number)): return float(number, UInt8(ascii: "g"), verb, &out)
        case (UInt8(ascii: "e"), .number(let number)), (UInt8(ascii: "f"), .number(let number)),
            (UInt8(ascii: "g"), .number(let number)), (UInt8(ascii: "F"), .number(let number)),
            (UInt8(ascii: "E"), .number(let number)), (UInt8(ascii: "G"), .number(let number)):
            return float(number, letter[0], verb, &out)
        case (UInt8(ascii: "x"), .integer(let number)): return integer(number, 16, verb, &out)
        case (UInt8(ascii: "X"), .integer(let number)): return integer(number, 16, verb, upper: true, &out)
        case (UInt8(ascii: "o"), .integer(let number)): return integer(number, 8, verb, &out)
        case (UInt8(ascii: "b"), .integer(let number)): return integer(number, 2, verb, &out)
        case (UInt8(ascii: "c"), .integer(let number)):
            out.append(utf8: String(Character(Unicode.Scalar(UInt32(clamping: number)) ?? "\u{FFFD}")))
        case (UInt8(ascii: "t"), .bool): TemplatePrinter.write(value, &out)
        case (UInt8(ascii: "q"), .text(let text)): quote(text, &out)
        case (UInt8(ascii: "x"), .text(let text)): hexadecimal(text, &out)
        case (UInt8(ascii: "s"), .text(let text)), (UInt8(ascii: "v"), .text(let text)):
            out.append(prefix(text, verb.precision))
        case (UInt8(ascii: "s"), .time), (UInt8(ascii: "s"), .duration), (UInt8(ascii: "s"), .object),
            (UInt8(ascii: "s"), .map), (UInt8(ascii: "s"), .list), (UInt8(ascii: "v"), _):
            TemplatePrinter.write(value, &out)
        default: mismatch(value, letter, &out)
        }
        pad(from: start, verb, zeros: false, &out)
    }

    /// The first `count` characters.
    private static func prefix(_ text: UnsafeRawBufferPointer, _ count: Int?) -> UnsafeRawBufferPointer {
        guard let count else { return text }
        return UnsafeRawBufferPointer(rebasing: text[..<RuneText.offset(text, count)])
    }

    private static func quote(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        out.append(utf8: GoQuote.quoted(text))
    }

    private static func hexadecimal(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        let digits: StaticString = "0123456789abcdef"
        for byte in text {
            out.append(digits.utf8Start[Int(byte >> 4)])
            out.append(digits.utf8Start[Int(byte & 15)])
        }
    }

    private static func sign(_ isNegative: Bool, _ verb: Verb, _ out: inout ByteBuffer) {
        if isNegative {
            out.append(UInt8(ascii: "-"))
        } else if verb.plus {
            out.append(UInt8(ascii: "+"))
        } else if verb.blank {
            out.append(UInt8(ascii: " "))
        }
    }

    private static func integer(
        _ value: Int64, _ radix: Int, _ verb: Verb, upper: Bool = false, _ out: inout ByteBuffer
    ) {
        let start = out.count
        sign(value < 0, verb, &out)
        if verb.sharp, radix == 16 { out.append(utf8: upper ? "0X" as StaticString : "0x") }
        if verb.sharp, radix == 8 { out.append(UInt8(ascii: "0")) }
        let digits = String(value.magnitude, radix: radix, uppercase: upper)
        for _ in digits.utf8.count..<max(verb.precision ?? 0, digits.utf8.count) { out.append(UInt8(ascii: "0")) }
        out.append(utf8: digits)
        pad(from: start, verb, zeros: verb.zero && verb.precision == nil, &out)
    }

    private static func float(_ value: Double, _ letter: UInt8, _ verb: Verb, _ out: inout ByteBuffer) {
        let start = out.count
        guard value.isFinite else {
            if value.isNaN {
                out.append(utf8: "NaN" as StaticString)
            } else {
                out.append(value < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
                out.append(utf8: "Inf" as StaticString)
            }
            return pad(from: start, verb, zeros: false, &out)
        }
        sign(value.sign == .minus, verb, &out)
        FloatFormat.append(value.magnitude, letter, verb.precision, &out)
        pad(from: start, verb, zeros: verb.zero, &out)
    }

    /// Fills what was written from `start` on up to the verb's width, counted in characters.
    private static func pad(from start: Int, _ verb: Verb, zeros: Bool, _ out: inout ByteBuffer) {
        guard verb.width > 0 else { return }
        let written = UnsafeRawBufferPointer(rebasing: out.bytes[start...])
        let missing = verb.width - RuneText.count(written)
        guard missing > 0 else { return }
        let length = written.count
        let fill = zeros && !verb.minus ? UInt8(ascii: "0") : UInt8(ascii: " ")
        for _ in 0..<missing { out.append(fill) }
        if verb.minus { return }
        // Zeros go behind the sign.
        let first =
            zeros && length > 0 && [UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: " ")].contains(out.bytes[start])
            ? 1 : 0
        let bytes = out.mutableBytes
        var i = start + length - 1
        while i >= start + first {
            bytes[i + missing] = bytes[i]
            i -= 1
        }
        for j in 0..<missing { bytes[start + first + j] = fill }
    }
}
