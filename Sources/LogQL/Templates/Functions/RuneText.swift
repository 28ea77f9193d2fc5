import Bedrock
import Model

/// Texts as characters (code points); a byte that isn't UTF-8 counts as one.
enum RuneText {
    static func count(_ text: UnsafeRawBufferPointer) -> Int {
        if UTF8Text.isASCII(text) { return text.count }
        var count = 0
        var i = 0
        while i < text.count {
            i += max(UTF8Text.sequenceLength(text, at: i), 1)
            count += 1
        }
        return count
    }

    /// Where character `index` begins; the end when there are fewer.
    static func offset(_ text: UnsafeRawBufferPointer, _ index: Int) -> Int {
        var left = index
        var i = 0
        while left > 0, i < text.count {
            i += max(UTF8Text.sequenceLength(text, at: i), 1)
            left -= 1
        }
        return i
    }

    /// Calls `body` with each character's bytes, and its scalar where it is UTF-8.
    static func forEach(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, Unicode.Scalar?) -> Void) {
        var i = 0
        while i < text.count {
            let length = UTF8Text.sequenceLength(text, at: i)
            let bytes = UnsafeRawBufferPointer(rebasing: text[i..<i + max(length, 1)])
            body(bytes, length == 0 ? nil : scalar(bytes))
            i += max(length, 1)
        }
    }

    private static func scalar(_ bytes: UnsafeRawBufferPointer) -> Unicode.Scalar? {
        if bytes.count == 1 { return Unicode.Scalar(bytes[0]) }
        var value = UInt32(bytes[0]) & (0x7F >> UInt32(bytes.count))
        for byte in bytes.dropFirst() { value = value << 6 | UInt32(byte & 0x3F) }
        return Unicode.Scalar(value)
    }

    /// One character in another case, where that is one character, too.
    static func append(_ bytes: UnsafeRawBufferPointer, _ scalar: Unicode.Scalar?, upper: Bool, _ out: inout ByteBuffer)
    {
        guard let scalar else { return out.append(bytes) }
        if scalar.isASCII {
            let byte = bytes[0]
            let isLetter = (byte | 0x20) &- 97 < 26
            return out.append(isLetter ? (upper ? byte & 0xDF : byte | 0x20) : byte)
        }
        let mapped = upper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
        if mapped.unicodeScalars.count == 1 { out.append(utf8: mapped) } else { out.append(bytes) }
    }
}

/// Go's `strconv.Quote`.
enum GoQuote {
    static func quoted(_ text: UnsafeRawBufferPointer) -> String { Model.quoted(String(decoding: text, as: UTF8.self)) }
}

/// Texts within URLs' queries.
enum URLText {
    /// Go's `QueryEscape`: blanks as `+`.
    static func encode(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        let digits: StaticString = "0123456789ABCDEF"
        for byte in text {
            switch byte {
            case UInt8(ascii: " "): out.append(UInt8(ascii: "+"))
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "~"): out.append(byte)
            case _ where LabelNameSanitizer.isWord(byte): out.append(byte)
            default:
                out.append(UInt8(ascii: "%"))
                out.append(digits.utf8Start[Int(byte >> 4)])
                out.append(digits.utf8Start[Int(byte & 15)])
            }
        }
    }

    /// Undoes `encode`.
    static func decode(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) throws(TemplateFailure) {
        var i = 0
        while i < text.count {
            switch text[i] {
            case UInt8(ascii: "+"):
                out.append(UInt8(ascii: " "))
                i += 1
            case UInt8(ascii: "%"):
                guard i + 2 < text.count, let high = hexadecimal(text[i + 1]), let low = hexadecimal(text[i + 2]) else {
                    let part = UnsafeRawBufferPointer(rebasing: text[i..<min(i + 3, text.count)])
                    throw TemplateFailure("invalid URL escape \(GoQuote.quoted(part))")
                }
                out.append(high << 4 | low)
                i += 3
            default:
                out.append(text[i])
                i += 1
            }
        }
    }

    private static func hexadecimal(_ c: UInt8) -> UInt8? {
        if c &- 48 < 10 { return c &- 48 }
        return (c | 0x20) &- 97 < 6 ? (c | 0x20) &- 87 : nil
    }
}

/// RFC 4648, with padding.
enum Base64Text {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    static func encode(_ bytes: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        var i = 0
        while i < bytes.count {
            let left = min(bytes.count - i, 3)
            var group: UInt32 = 0
            for j in 0..<3 { group = group << 8 | (j < left ? UInt32(bytes[i + j]) : 0) }
            for j in 0..<4 {
                out.append(j <= left ? alphabet.utf8Start[Int(group >> UInt32(18 - 6 * j) & 63)] : UInt8(ascii: "="))
            }
            i += 3
        }
    }

    /// Line breaks are read over.
    static func decode(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) throws(TemplateFailure) {
        var group: UInt32 = 0
        var count = 0
        var padding = 0
        for (i, c) in text.enumerated() where c != 10 && c != 13 {
            if c == UInt8(ascii: "="), count + padding >= 2, count + padding < 4, count >= 2 {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(c) else {
                throw TemplateFailure("illegal base64 data at input byte \(i)")
            }
            group = group << 6 | UInt32(value)
            count += 1
            if count == 4 {
                for shift in [16, 8, 0] as [UInt32] { out.append(UInt8(truncatingIfNeeded: group >> shift)) }
                (group, count) = (0, 0)
            }
        }
        guard count == 0 ? padding == 0 : count + padding == 4 else {
            throw TemplateFailure("illegal base64 data at input byte \(text.count)")
        }
        if count >= 2 { out.append(UInt8(truncatingIfNeeded: (group << UInt32(6 * (4 - count))) >> 16)) }
        if count == 3 { out.append(UInt8(truncatingIfNeeded: (group << 6) >> 8)) }
    }

    private static func value(_ c: UInt8) -> UInt8? {
        switch c {
        case 65...90: c - 65
        case 97...122: c - 71
        case 48...57: c + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
