import Bedrock

/// What parsers do to values before they become labels.
enum TextRepair {
    /// `text` where it is clean; else a copy in `arena` with a blank for each byte that isn't UTF-8, and for each U+FFFD.
    @inline(__always)
    static func clean(_ text: UnsafeRawBufferPointer, _ arena: ScratchArena) -> UnsafeRawBufferPointer {
        UTF8Text.isASCII(text) ? text : cleanWide(text, arena)
    }

    private static func cleanWide(_ text: UnsafeRawBufferPointer, _ arena: ScratchArena) -> UnsafeRawBufferPointer {
        guard firstReplaced(text) != nil else { return text }
        return arena.write(bytesMax: text.count) { out in
            var i = 0
            var count = 0
            while i < text.count {
                let length = UTF8Text.sequenceLength(text, at: i)
                if length == 0 || isReplacement(text, i) {
                    out[count] = UInt8(ascii: " ")
                    count += 1
                    i += max(length, 1)
                    continue
                }
                for j in 0..<length { out[count + j] = text[i + j] }
                count += length
                i += length
            }
            return count
        }
    }

    /// Whether `text` has bytes that aren't UTF-8, or U+FFFD.
    static func firstReplaced(_ text: UnsafeRawBufferPointer) -> Int? {
        var i = 0
        while i < text.count {
            let length = UTF8Text.sequenceLength(text, at: i)
            if length == 0 || isReplacement(text, i) { return i }
            i += length
        }
        return nil
    }

    private static func isReplacement(_ text: UnsafeRawBufferPointer, _ i: Int) -> Bool {
        i + 2 < text.count && text[i] == 0xEF && text[i + 1] == 0xBF && text[i + 2] == 0xBD
    }

    /// Undoes JSON's escapes in the inside of a string. A lone surrogate becomes U+FFFD.
    /// - Returns: nil when an escape is none.
    static func unescapeJSON(_ text: UnsafeRawBufferPointer, _ arena: ScratchArena) -> UnsafeRawBufferPointer? {
        var isValid = true
        // No escape is shorter than what it stands for.
        let result = arena.write(bytesMax: text.count) { out in
            var i = 0
            var count = 0
            while i < text.count {
                guard text[i] == UInt8(ascii: "\\") else {
                    out[count] = text[i]
                    count += 1
                    i += 1
                    continue
                }
                guard i + 1 < text.count else {
                    isValid = false
                    return 0
                }
                if text[i + 1] == UInt8(ascii: "u") {
                    guard let (scalar, length) = unicodeEscape(text, i) else {
                        isValid = false
                        return 0
                    }
                    count += encode(scalar, out + count)
                    i += length
                    continue
                }
                let plain = plainEscape(text[i + 1])
                guard plain != 0 else {
                    isValid = false
                    return 0
                }
                out[count] = plain
                count += 1
                i += 2
            }
            return count
        }
        return isValid ? result : nil
    }

    /// The byte that a one-letter escape stands for, 0 for none.
    @inline(__always)
    private static func plainEscape(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"): letter
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        default: 0
        }
    }

    /// The code point of the escape at `i`, and how long it is; a pair of surrogates counts as one.
    private static func unicodeEscape(_ text: UnsafeRawBufferPointer, _ i: Int) -> (UInt32, Int)? {
        guard let first = hexadecimal(text, i + 2) else { return nil }
        guard first & 0xF800 == 0xD800 else { return (first, 6) }
        if first < 0xDC00, i + 7 < text.count, text[i + 6] == UInt8(ascii: "\\"), text[i + 7] == UInt8(ascii: "u"),
            let second = hexadecimal(text, i + 8), second & 0xFC00 == 0xDC00
        {
            return (0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF), 12)
        }
        return (0xFFFD, 6)
    }

    private static func hexadecimal(_ text: UnsafeRawBufferPointer, _ start: Int) -> UInt32? {
        guard start + 4 <= text.count else { return nil }
        var value: UInt32 = 0
        for i in start..<start + 4 {
            let c = text[i]
            let digit: UInt8
            if c &- 48 < 10 {
                digit = c &- 48
            } else if (c | 0x20) &- 97 < 6 {
                digit = (c | 0x20) &- 87
            } else {
                return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Writes a code point as UTF-8; returns how many bytes.
    private static func encode(_ scalar: UInt32, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        if scalar < 0x80 {
            out[0] = UInt8(truncatingIfNeeded: scalar)
            return 1
        }
        if scalar < 0x800 {
            out[0] = 0xC0 | UInt8(truncatingIfNeeded: scalar >> 6)
            out[1] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
            return 2
        }
        if scalar < 0x10000 {
            out[0] = 0xE0 | UInt8(truncatingIfNeeded: scalar >> 12)
            out[1] = 0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F)
            out[2] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
            return 3
        }
        out[0] = 0xF0 | UInt8(truncatingIfNeeded: scalar >> 18)
        out[1] = 0x80 | UInt8(truncatingIfNeeded: scalar >> 12 & 0x3F)
        out[2] = 0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F)
        out[3] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
        return 4
    }
}
