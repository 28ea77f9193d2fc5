import Model

/// Cuts a query into tokens, on demand. It knows whether it is inside braces or brackets, where other rules hold.
struct Lexer {
    private enum Mode { case statement, braces, brackets }

    let bytes: [UInt8]
    private(set) var position: Int
    private var mode = Mode.statement
    private var openParens = 0
    /// In brackets: an operand was read last, so a word can't follow.
    private var behindOperand = false

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// The text of a range, for messages and names.
    func text(_ range: SourceRange) -> String { String(decoding: bytes[range.start..<range.end], as: UTF8.self) }

    func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> ParseError {
        ParseError(message, range, in: bytes, hint: hint)
    }

    /// The next token; `.end` again and again at the end.
    mutating func next() throws(ParseError) -> Token {
        skipSpaceAndComments()
        switch mode {
        case .statement: return try nextInStatement()
        case .braces: return try nextInBraces()
        case .brackets: return try nextInBrackets()
        }
    }

    // MARK: Modes

    private mutating func nextInStatement() throws(ParseError) -> Token {
        guard let c = peek() else {
            if openParens > 0 { throw failure("unclosed left parenthesis", from: bytes.count) }
            return Token(kind: .end, source: SourceRange(bytes.count, bytes.count))
        }
        let start = position
        if Characters.isDigit(c) || (c == UInt8(ascii: ".") && peek(1).map(Characters.isDigit) == true) {
            return try number()
        }
        if Characters.isAlpha(c) || c == UInt8(ascii: ":") { return word() }
        if isQuote(c) { return try string() }
        if let kind = try operatorKind(c) { return token(kind, from: start) }
        position += 1
        switch c {
        case UInt8(ascii: ","): return token(.comma, from: start)
        case UInt8(ascii: "@"): return token(.at, from: start)
        case UInt8(ascii: "("): return openParen(start)
        case UInt8(ascii: ")"):
            openParens -= 1
            // Prometheus reports this one behind the parenthesis.
            if openParens < 0 { throw failure("unexpected right parenthesis ')'", from: position) }
            return token(.rightParen, from: start)
        case UInt8(ascii: "{"):
            mode = .braces
            return token(.leftBrace, from: start)
        case UInt8(ascii: "["):
            mode = .brackets
            behindOperand = false
            return token(.leftBracket, from: start)
        case UInt8(ascii: "]"): throw failure("unexpected right bracket ']'", from: start)
        default: throw unexpectedCharacter(at: start)
        }
    }

    private mutating func nextInBraces() throws(ParseError) -> Token {
        guard let c = peek() else { throw failure("unexpected end of input inside braces", from: bytes.count) }
        let start = position
        if Characters.isAlpha(c) {
            while let next = peek(), Characters.isAlphanumeric(next) { position += 1 }
            return token(.identifier, from: start)
        }
        if isQuote(c) { return try string() }
        position += 1
        switch (c, peek()) {
        case (UInt8(ascii: ","), _): return token(.comma, from: start)
        case (UInt8(ascii: "="), UInt8(ascii: "~")): return token(.matchesRegex, from: start, length: 2)
        case (UInt8(ascii: "="), _): return token(.assign, from: start)
        case (UInt8(ascii: "!"), UInt8(ascii: "~")): return token(.matchesNotRegex, from: start, length: 2)
        case (UInt8(ascii: "!"), UInt8(ascii: "=")): return token(.operator(.notEqual), from: start, length: 2)
        case (UInt8(ascii: "!"), let next):
            let what = next == nil ? "end of input" : character(at: position)
            throw failure("unexpected character after '!' inside braces: \(what)", from: start)
        case (UInt8(ascii: "{"), _): throw failure("unexpected left brace '{'", from: start)
        case (UInt8(ascii: "}"), _):
            mode = .statement
            return token(.rightBrace, from: start)
        default: throw failure("unexpected character inside braces: \(character(at: start))", from: start)
        }
    }

    private mutating func nextInBrackets() throws(ParseError) -> Token {
        guard let c = peek() else { throw failure("unexpected end of input in duration expression", from: bytes.count) }
        let start = position
        let wasBehindOperand = behindOperand
        behindOperand = false
        if Characters.isDigit(c) || (c == UInt8(ascii: ".") && peek(1).map(Characters.isDigit) == true) {
            behindOperand = true
            return try number()
        }
        if Characters.isAlpha(c) {
            let word = word()
            if isDurationWord(word) { return word }
            let expectation = wasBehindOperand ? ", expected ':'" : ""
            let place = wasBehindOperand ? "" : " in duration expression"
            throw failure("unexpected character\(place): \(character(at: start))\(expectation)", from: start)
        }
        position += 1
        switch c {
        case UInt8(ascii: "]"):
            mode = .statement
            return token(.rightBracket, from: start)
        case UInt8(ascii: ":"): return token(.colon, from: start)
        case UInt8(ascii: ","): return token(.comma, from: start)
        case UInt8(ascii: "("): return openParen(start)
        case UInt8(ascii: ")"):
            openParens -= 1
            behindOperand = true
            if openParens < 0 { throw failure("unexpected right parenthesis ')'", from: position) }
            return token(.rightParen, from: start)
        case UInt8(ascii: "["): throw failure("unexpected left bracket '['", from: start)
        default:
            if let op = Self.arithmetic(c) { return token(.operator(op), from: start) }
            throw failure("unexpected character in duration expression: \(character(at: start))", from: start)
        }
    }

    // MARK: Pieces

    /// Steps over an operator that `c` begins, nil if it begins none.
    private mutating func operatorKind(_ c: UInt8) throws(ParseError) -> Token.Kind? {
        if let op = Self.arithmetic(c) {
            position += 1
            return .operator(op)
        }
        let start = position
        let next = peek(1)
        func pair(_ wanted: StaticString) -> Bool { next == wanted.utf8Start[0] }
        var kind: Token.Kind
        var length = 2
        switch c {
        case UInt8(ascii: "=") where pair("="): kind = .operator(.equal)
        case UInt8(ascii: "=") where pair("~"):
            position += 1
            throw failure(
                "unexpected character after '=': '~'", from: start,
                hint: "regular expressions match labels, inside braces")
        case UInt8(ascii: "="): (kind, length) = (.assign, 1)
        case UInt8(ascii: "!") where pair("="): kind = .operator(.notEqual)
        case UInt8(ascii: "!"):
            position += 1
            let what = next == nil ? "end of input" : character(at: position)
            throw failure("unexpected character after '!': \(what)", from: start)
        case UInt8(ascii: "<") where pair("="): kind = .operator(.lessOrEqual)
        case UInt8(ascii: "<") where pair("/"): kind = .operator(.trimUpper)
        case UInt8(ascii: "<"): (kind, length) = (.operator(.less), 1)
        case UInt8(ascii: ">") where pair("="): kind = .operator(.greaterOrEqual)
        case UInt8(ascii: ">") where pair("/"): kind = .operator(.trimLower)
        case UInt8(ascii: ">"): (kind, length) = (.operator(.greater), 1)
        default: return nil
        }
        position += length
        return kind
    }

    private static func arithmetic(_ c: UInt8) -> BinaryOperator? {
        switch c {
        case UInt8(ascii: "+"): .add
        case UInt8(ascii: "-"): .subtract
        case UInt8(ascii: "*"): .multiply
        case UInt8(ascii: "/"): .divide
        case UInt8(ascii: "%"): .modulo
        case UInt8(ascii: "^"): .power
        default: nil
        }
    }

    private mutating func word() -> Token {
        let start = position
        while let c = peek(), Characters.isAlphanumeric(c) || c == UInt8(ascii: ":") {
            if mode == .brackets && c == UInt8(ascii: ":") { break }
            position += 1
        }
        return token(Token.kind(ofWord: text(SourceRange(start, position))), from: start)
    }

    private func isDurationWord(_ word: Token) -> Bool {
        switch word.kind {
        case .keyword(.step), .keyword(.range): true
        case .identifier: DurationExpr.Function(rawValue: text(word.source).lowercased()) != nil
        default: false
        }
    }

    private mutating func number() throws(ParseError) -> Token {
        let start = position
        var scanner = NumberScanner(bytes, position)
        let kind = scanner.scan()
        position = scanner.position
        guard let kind else {
            throw failure("bad number or duration syntax: \(quoted(text(SourceRange(start, position))))", from: start)
        }
        return token(kind == .number ? .number : .duration, from: start)
    }

    private mutating func string() throws(ParseError) -> Token {
        let start = position
        var scanner = StringScanner(bytes, position)
        do {
            let content = try scanner.scan()
            position = scanner.position
            return token(.string(StringLiteral(bytes: content, source: SourceRange(start, position))), from: start)
        } catch {
            throw failure(error.message, from: start)
        }
    }

    private mutating func openParen(_ start: Int) -> Token {
        openParens += 1
        return token(.leftParen, from: start)
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

    // MARK: Cursor

    private func peek(_ ahead: Int = 0) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }

    private func isQuote(_ c: UInt8) -> Bool {
        c == UInt8(ascii: "\"") || c == UInt8(ascii: "'") || c == UInt8(ascii: "`")
    }

    private mutating func token(_ kind: Token.Kind, from start: Int, length: Int? = nil) -> Token {
        if let length { position = start + length }
        return Token(kind: kind, source: SourceRange(start, position))
    }

    // MARK: Errors

    /// Lexical errors blame everything up to the end of the input.
    private func failure(_ message: String, from start: Int, hint: String? = nil) -> ParseError {
        error(message, SourceRange(start, bytes.count), hint: hint)
    }

    private func unexpectedCharacter(at start: Int) -> ParseError {
        failure("unexpected character: \(character(at: start))", from: start)
    }

    /// The character at an offset in single quotes.
    private func character(at offset: Int) -> String {
        let scalar = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self).unicodeScalars.first
        return quotedCharacter(scalar ?? "\u{FFFD}")
    }
}
