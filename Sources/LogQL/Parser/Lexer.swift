import Model

/// Cuts a query into tokens, on demand. The same everywhere in the text.
struct Lexer {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The text of a range, for messages and names.
    func text(_ range: SourceRange) -> String { String(decoding: bytes[range.start..<range.end], as: UTF8.self) }

    func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> LogQLError {
        LogQLError(message, range, in: bytes, hint: hint)
    }

    /// The next token; `.end` again and again at the end.
    mutating func next() throws(LogQLError) -> Token {
        skipSpaceAndComments()
        guard let c = peek() else { return Token(kind: .end, source: SourceRange(bytes.count, bytes.count)) }
        let start = position
        if Characters.isAlpha(c) {
            while let c = peek(), Characters.isAlphanumeric(c) { position += 1 }
            return token(.identifier, from: start)
        }
        if Characters.isDigit(c) || (c == UInt8(ascii: ".") && peek(1).map(Characters.isDigit) == true) {
            return literal()
        }
        if c == UInt8(ascii: "\"") || c == UInt8(ascii: "`") { return try string() }
        if let symbol = symbol(c) {
            position += symbol.rawValue.utf8.count
            return token(.symbol(symbol), from: start)
        }
        throw unexpectedCharacter(c)
    }

    private func symbol(_ c: UInt8) -> Token.Symbol? {
        let one = String(UnicodeScalar(c))
        if let next = peek(1), next < 0x80, let pair = Token.Symbol(rawValue: one + String(UnicodeScalar(next))) {
            return pair
        }
        return Token.Symbol(rawValue: one)
    }

    private func unexpectedCharacter(_ c: UInt8) -> LogQLError {
        let rest = String(decoding: bytes[position..<min(position + 4, bytes.count)], as: UTF8.self)
        let character = quotedCharacter(rest.unicodeScalars.first ?? "\u{FFFD}")
        let hint: String? =
            switch c {
            case UInt8(ascii: "'"): "strings stand in double quotes or backquotes"
            case UInt8(ascii: "&"): "write and"
            case UInt8(ascii: "!"): "negated operators are != !~ !>"
            default: nil
            }
        return error(
            "syntax error: unexpected character \(character)", SourceRange(position, position + 1), hint: hint)
    }

    /// Digits, letters, points, and a sign behind an exponent; sizes and microseconds have letters, too.
    private mutating func literal() -> Token {
        let start = position
        var last: UInt8 = 0
        let isHex = peek() == UInt8(ascii: "0") && peek(1).map { $0 | 32 == UInt8(ascii: "x") } == true
        while let c = peek() {
            let isExponent = last | 32 == UInt8(ascii: isHex ? "p" : "e") && Characters.isDigit(peek(1) ?? 0)
            let isSign = (c == UInt8(ascii: "+") || c == UInt8(ascii: "-")) && isExponent
            guard Characters.isAlphanumeric(c) || c == UInt8(ascii: ".") || c >= 0x80 || isSign else { break }
            last = c
            position += 1
        }
        return token(.literal, from: start)
    }

    private mutating func string() throws(LogQLError) -> Token {
        let start = position
        var scanner = StringScanner(bytes, position)
        do {
            let content = try scanner.scan()
            position = scanner.position
            return token(.string(content), from: start)
        } catch {
            let isOpen = error.message.hasPrefix("unterminated")
            let message = isOpen ? "literal not terminated" : error.message
            throw self.error(
                message, SourceRange(start, bytes.count), hint: isOpen ? "a closing quote is missing" : nil)
        }
    }

    private mutating func skipSpaceAndComments() {
        while let c = peek() {
            if Characters.isSpace(c) {
                position += 1
            } else if c == UInt8(ascii: "#") {
                while let c = peek(), c != UInt8(ascii: "\n") { position += 1 }
            } else {
                return
            }
        }
    }

    private func peek(_ ahead: Int = 0) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }

    private func token(_ kind: Token.Kind, from start: Int) -> Token {
        Token(kind: kind, source: SourceRange(start, position))
    }
}
