import Bedrock
import Model

/// Cuts a query into tokens, on demand. The same everywhere in the text.
struct Lexer {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The text of a range, for messages and names.
    func text(_ range: SourceRange) -> String { String(decoding: bytes[range.start..<range.end], as: UTF8.self) }

    func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> TraceQLError {
        TraceQLError(.syntax, ParseError(message, range, in: bytes, hint: hint))
    }

    /// The next token; `.end` again and again at the end.
    mutating func next() throws(TraceQLError) -> Token {
        try skipSpaceAndComments()
        guard let c = peek() else { return Token(kind: .end, source: SourceRange(bytes.count, bytes.count)) }
        if Characters.isAlpha(c) { return try word() }
        let isPoint = c == UInt8(ascii: ".")
        if Characters.isDigit(c) || (isPoint && peek(1).map(Characters.isDigit) == true) { return try number() }
        if isPoint { return try attribute(.any, from: position) }
        if c == UInt8(ascii: "\"") || c == UInt8(ascii: "`") { return try string() }
        for length in [3, 2, 1] where position + length <= bytes.count {
            let text = String(decoding: bytes[position..<position + length], as: UTF8.self)
            guard let symbol = Token.Symbol(rawValue: text) else { continue }
            position += length
            return Token(kind: .symbol(symbol), source: SourceRange(position - length, position))
        }
        throw unexpectedCharacter(c)
    }

    private func unexpectedCharacter(_ c: UInt8) -> TraceQLError {
        let rest = String(decoding: bytes[position..<min(position + 4, bytes.count)], as: UTF8.self)
        let scalar = rest.unicodeScalars.first ?? "\u{FFFD}"
        let hint: String? =
            switch c {
            case UInt8(ascii: "'"): "strings stand in double quotes or backquotes"
            case UInt8(ascii: "&"): "write &&"
            case UInt8(ascii: "["): "there are no ranges here: the step of the query is the window"
            default: nil
            }
        return error(
            "syntax error: unexpected character \(quotedCharacter(scalar))",
            SourceRange(position, position + String(scalar).utf8.count), hint: hint)
    }

    // MARK: Words and attributes

    private mutating func word() throws(TraceQLError) -> Token {
        let start = position
        while let c = peek(), Characters.isAlphanumeric(c) { position += 1 }
        let word = text(SourceRange(start, position))
        if peek() == UInt8(ascii: ".") {
            if word == "parent" {
                _ = try attribute(.any, from: start)
                return Token(kind: .parentAttribute, source: SourceRange(start, position))
            }
            if let scope = FieldNames.scopes[word] { return try attribute(scope, from: start) }
        }
        if peek() == UInt8(ascii: ":") { return try scopedIntrinsic(word, from: start) }
        return Token(kind: .word, source: SourceRange(start, position))
    }

    private mutating func scopedIntrinsic(_ scope: String, from start: Int) throws(TraceQLError) -> Token {
        position += 1
        let from = position
        while let c = peek(), Characters.isAlphanumeric(c) { position += 1 }
        let name = text(SourceRange(from, position))
        let range = SourceRange(start, max(position, from))
        guard let names = FieldNames.scoped[scope] else {
            let hint = Suggestion.nearest(scope, in: FieldNames.scoped.keys.sorted()).map { "did you mean \($0):?" }
            throw error("syntax error: unknown scope \(scope):", range, hint: hint)
        }
        guard let intrinsic = names[name] else {
            let known = names.keys.sorted()
            let hint =
                Suggestion.nearest(name, in: known).map { "did you mean \(scope):\($0)?" }
                ?? "\(scope): has " + known.joined(separator: ", ")
            throw error("syntax error: unknown intrinsic \(scope):\(name)", range, hint: hint)
        }
        return Token(kind: .intrinsic(intrinsic), source: SourceRange(start, position))
    }

    /// From the point on. Quoted parts may hold anything.
    private mutating func attribute(_ scope: AttributeScope, from start: Int) throws(TraceQLError) -> Token {
        position += 1
        var name: [UInt8] = []
        while let c = peek(), !FieldNames.endsName(c), !startsUnicodeSpace() {
            if c == UInt8(ascii: "\"") {
                try quotedPart(into: &name)
            } else {
                name.append(c)
                position += 1
            }
        }
        let range = SourceRange(start, max(position, start + 1))
        guard !name.isEmpty else {
            throw error(
                "syntax error: unexpected END_ATTRIBUTE, expecting IDENTIFIER", range,
                hint: "the name of the attribute stands right behind the point")
        }
        return Token(
            kind: .attribute(scope, String(decoding: name, as: UTF8.self)), source: SourceRange(start, position))
    }

    /// Whether white space beyond ASCII comes next; it ends names, too.
    private func startsUnicodeSpace() -> Bool {
        guard let c = peek(), c >= 0x80 else { return false }
        let rest = String(decoding: bytes[position..<min(position + 4, bytes.count)], as: UTF8.self)
        return rest.unicodeScalars.first?.properties.isWhitespace == true
    }

    private mutating func quotedPart(into name: inout [UInt8]) throws(TraceQLError) {
        let start = position
        position += 1
        while let c = peek() {
            position += 1
            if c == UInt8(ascii: "\"") { return }
            guard c == UInt8(ascii: "\\") else {
                name.append(c)
                continue
            }
            guard let escaped = peek(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
                throw error(
                    "syntax error: invalid escape sequence", SourceRange(position - 1, min(position + 1, bytes.count)),
                    hint: "names of attributes have \\\" and \\\\ only")
            }
            name.append(escaped)
            position += 1
        }
        throw error(
            "syntax error: literal not terminated", SourceRange(start, bytes.count), hint: "a closing quote is missing")
    }

    // MARK: Literals

    /// Digits, letters, points, and a sign behind an exponent; microseconds have letters beyond ASCII.
    private mutating func number() throws(TraceQLError) -> Token {
        let start = position
        var last: UInt8 = 0
        while let c = peek() {
            let isSign = (c == UInt8(ascii: "+") || c == UInt8(ascii: "-")) && last | 32 == UInt8(ascii: "e")
            let isPart = Characters.isAlphanumeric(c) || c == UInt8(ascii: ".") || c == 0xC2 || c == 0xCE
            guard isPart || (c >= 0x80 && last >= 0xC2) || (isSign && peek(1).map(Characters.isDigit) == true) else {
                break
            }
            last = c
            position += 1
        }
        let source = SourceRange(start, position)
        let text = text(source)
        if text.utf8.allSatisfy(Characters.isDigit) {
            guard let value = Int64(text) else {
                throw error("syntax error: integer \(text.prefix(40)) is out of range", source)
            }
            return Token(kind: .int(value), source: source)
        }
        if let value = GoDuration.parse(text) { return Token(kind: .duration(value), source: source) }
        if let value = NumberText.parseFloat(text), value.isFinite, !text.contains("_") {
            return Token(kind: .float(value), source: source)
        }
        let isLong = text.last.map { "dwy".contains($0) } == true && text.dropLast().allSatisfy(\.isNumber)
        throw error(
            "syntax error: malformed number or duration \(text.prefix(40))", source,
            hint: isLong ? "durations have units up to h: 24h" : nil)
    }

    private mutating func string() throws(TraceQLError) -> Token {
        let start = position
        var scanner = StringScanner(bytes, position)
        do {
            let content = try scanner.scan()
            position = scanner.position
            return Token(kind: .string(content), source: SourceRange(start, position))
        } catch {
            let isOpen = error.message.hasPrefix("unterminated")
            throw self.error(
                isOpen ? "syntax error: literal not terminated" : "syntax error: \(error.message)",
                SourceRange(start, bytes.count), hint: isOpen ? "a closing quote is missing" : nil)
        }
    }

    // MARK: Space

    /// Comments are those of Go: `// …` and `/* … */`.
    private mutating func skipSpaceAndComments() throws(TraceQLError) {
        while let c = peek() {
            if Characters.isSpace(c) {
                position += 1
            } else if c == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "/") {
                while let c = peek(), c != UInt8(ascii: "\n") { position += 1 }
            } else if c == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                let start = position
                position += 2
                while position < bytes.count, peek() != UInt8(ascii: "*") || peek(1) != UInt8(ascii: "/") {
                    position += 1
                }
                guard position < bytes.count else {
                    throw error("syntax error: comment not terminated", SourceRange(start, bytes.count))
                }
                position += 2
            } else {
                return
            }
        }
    }

    private func peek(_ ahead: Int = 0) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }
}
