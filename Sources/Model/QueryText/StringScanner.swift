/// Reads a quoted string with Go's escapes, or a raw one between backquotes.
public struct StringScanner {
    /// Why it is no string.
    public struct StringError: Error {
        public let message: String
    }

    private let bytes: [UInt8]
    /// Behind the closing quote after a successful scan.
    public private(set) var position: Int
    private let quote: UInt8

    /// - Precondition: a quote stands at `position`.
    public init(_ bytes: [UInt8], _ position: Int) {
        self.bytes = bytes
        self.position = position + 1
        quote = bytes[position]
    }

    /// The content, unescaped. The text itself is checked to be UTF-8, but escapes can spell any bytes.
    public mutating func scan() throws(StringError) -> [UInt8] {
        let isRaw = quote == UInt8(ascii: "`")
        var content: [UInt8] = []
        while true {
            guard position < bytes.count else { throw unterminated(isRaw) }
            let c = bytes[position]
            if c == quote {
                position += 1
                return content
            }
            if c == UInt8(ascii: "\n") && !isRaw { throw unterminated(isRaw) }
            if c == UInt8(ascii: "\\") && !isRaw {
                position += 1
                try escape(into: &content)
                continue
            }
            guard let length = wellFormedLength() else { throw StringError(message: "invalid UTF-8 rune") }
            content.append(contentsOf: bytes[position..<position + length])
            position += length
        }
    }

    private func unterminated(_ isRaw: Bool) -> StringError {
        StringError(message: isRaw ? "unterminated raw string" : "unterminated quoted string")
    }

    /// Length of the character at `position`, nil when it is malformed or U+FFFD, which a lossy decoder before us left behind.
    private func wellFormedLength() -> Int? {
        if bytes[position] < 0x80 { return 1 }
        var decoder = UTF8()
        var rest = bytes[position..<min(position + 4, bytes.count)].makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&rest), scalar != "\u{FFFD}" else { return nil }
        return UTF8.width(scalar)
    }

    private mutating func escape(into content: inout [UInt8]) throws(StringError) {
        guard position < bytes.count else { throw StringError(message: "escape sequence not terminated") }
        let c = bytes[position]
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
            UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 92, quote: quote,
        ]
        if let value = simple[c] {
            position += 1
            content.append(value)
            return
        }
        switch c {
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            let value = try digits(3, base: 8)
            guard let byte = UInt8(exactly: value) else { throw StringError(message: Self.invalidCodePoint) }
            content.append(byte)
        case UInt8(ascii: "x"):
            position += 1
            content.append(UInt8(truncatingIfNeeded: try digits(2, base: 16)))
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            position += 1
            let value = try digits(c == UInt8(ascii: "u") ? 4 : 8, base: 16)
            guard let scalar = Unicode.Scalar(value) else { throw StringError(message: Self.invalidCodePoint) }
            content.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw StringError(message: "unknown escape sequence \(codePoint())")
        }
    }

    private static let invalidCodePoint = "escape sequence is an invalid Unicode code point"

    private mutating func digits(_ count: Int, base: UInt32) throws(StringError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard position < bytes.count else { throw StringError(message: "escape sequence not terminated") }
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue, digit < base else {
                throw StringError(message: "illegal character \(codePoint()) in escape sequence")
            }
            value = value &* base &+ UInt32(digit)
            position += 1
        }
        return value
    }

    /// `U+0063 'c'` for the character at `position`.
    private func codePoint() -> String {
        let text = String(decoding: bytes[position..<min(position + 4, bytes.count)], as: UTF8.self)
        let scalar = text.unicodeScalars.first ?? "\u{FFFD}"
        let hex = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex + " '\(scalar)'"
    }
}
