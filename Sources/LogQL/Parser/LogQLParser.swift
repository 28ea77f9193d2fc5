import Bedrock
import Model

/// The way from text to a checked tree. Bounded in length and depth; no input makes it crash. Stateless and thread-safe.
public enum LogQLParser {
    /// Parses and checks a query of lines or of numbers.
    /// - Parameter takesEmptySelector: whether `{}` stands for every stream. LogQL has no such selector, plain searches need one.
    public static func parse(_ text: String, takesEmptySelector: Bool = false) throws(LogQLError) -> LogQLExpr {
        try parse(utf8: Array(text.utf8), takesEmptySelector: takesEmptySelector)
    }

    /// As above for bytes as received; malformed UTF-8 is an error.
    public static func parse(utf8 query: [UInt8], takesEmptySelector: Bool = false) throws(LogQLError) -> LogQLExpr {
        var parser = try QueryParser(query)
        parser.takesEmptySelector = takesEmptySelector
        return try parser.parseQuery()
    }

    /// Parses a bare selector, as `match[]` and `query` parameters of label APIs hold. `{}` is allowed there and gives no matcher.
    public static func parseSelector(_ text: String) throws(LogQLError) -> [Matcher] {
        var parser = try QueryParser(Array(text.utf8))
        let matchers = try parser.parseMatchers()
        try parser.expectEnd()
        return matchers
    }
}

/// Recursive descent with precedence climbing over the tokens of one query.
struct QueryParser {
    private(set) var lexer: Lexer
    /// The token that comes next.
    private(set) var token: Token
    /// End of the last token taken.
    private(set) var lastEnd = 0
    private var nesting = 0
    fileprivate var takesEmptySelector = false

    init(_ bytes: [UInt8]) throws(LogQLError) {
        guard bytes.count <= LogQLLimits.queryBytesMax else {
            let limit = "query of \(bytes.count) bytes is longer than the limit of \(LogQLLimits.queryBytesMax)"
            throw LogQLError(limit, SourceRange(0, 0), in: [])
        }
        if let damage = Self.firstMalformed(bytes) {
            throw LogQLError("invalid UTF-8 encoding", SourceRange(damage, damage + 1), in: bytes)
        }
        lexer = Lexer(bytes)
        token = Token(kind: .end, source: .none)
        token = try lexer.next()
    }

    /// Offset of the first byte that is no UTF-8; U+FFFD counts, too: a lossy decoder before us left it behind.
    private static func firstMalformed(_ bytes: [UInt8]) -> Int? {
        var offset = 0
        var decoder = UTF8()
        var rest = bytes.makeIterator()
        while true {
            switch decoder.decode(&rest) {
            case .scalarValue(let scalar) where scalar != "\u{FFFD}": offset += UTF8.width(scalar)
            case .emptyInput: return nil
            case .scalarValue, .error: return min(offset, max(0, bytes.count - 1))
            }
        }
    }

    // MARK: Tokens

    mutating func advance() throws(LogQLError) {
        lastEnd = token.source.end
        token = try lexer.next()
    }

    /// The current token's own text.
    var text: String { lexer.text(token.source) }

    func isNext(_ symbol: Token.Symbol) -> Bool { token.kind == .symbol(symbol) }

    /// Whether the next token is this word, in any case.
    func isNext(word: String) -> Bool { token.kind == .identifier && text.lowercased() == word }

    mutating func take(_ symbol: Token.Symbol) throws(LogQLError) -> Bool {
        guard isNext(symbol) else { return false }
        try advance()
        return true
    }

    mutating func take(word: String) throws(LogQLError) -> Bool {
        guard isNext(word: word) else { return false }
        try advance()
        return true
    }

    mutating func expect(_ symbol: Token.Symbol, hint: String? = nil) throws(LogQLError) {
        guard isNext(symbol) else { throw unexpected("expecting \(symbol.rawValue)", hint: hint) }
        try advance()
    }

    func expectEnd() throws(LogQLError) { if token.kind != .end { throw unexpected() } }

    mutating func expectIdentifier(_ hint: String? = nil) throws(LogQLError) -> String {
        guard token.kind == .identifier else { throw unexpected("expecting IDENTIFIER", hint: hint) }
        let name = text
        try advance()
        return name
    }

    /// A string whose content is text.
    mutating func expectString(_ hint: String? = nil) throws(LogQLError) -> String {
        guard case .string(let content) = token.kind else { throw unexpected("expecting STRING", hint: hint) }
        guard let value = String(validating: content, as: UTF8.self) else {
            throw error("string is no valid UTF-8", token.source)
        }
        try advance()
        return value
    }

    /// What stands behind the current token, without taking anything.
    func peekBehind() -> Token? {
        var ahead = lexer
        return try? ahead.next()
    }

    // MARK: Errors

    func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> LogQLError {
        lexer.error(message, range, hint: hint)
    }

    /// The error that the next token shouldn't be there.
    func unexpected(_ expectation: String = "", hint: String? = nil) -> LogQLError {
        let more = expectation.isEmpty ? "" : ", " + expectation
        return error("syntax error: unexpected \(token.described(text))\(more)", token.source, hint: hint)
    }

    /// Runs `body` one level deeper.
    mutating func nested<R>(_ body: (inout QueryParser) throws(LogQLError) -> R) throws(LogQLError) -> R {
        guard nesting < LogQLLimits.depthMax else {
            throw error("query is nested more than \(LogQLLimits.depthMax) levels deep", token.source)
        }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    // MARK: Queries

    mutating func parseQuery() throws(LogQLError) -> LogQLExpr {
        if token.kind == .end {
            throw error(
                "syntax error: unexpected $end", token.source, hint: "a query begins with a selector: {app=\"…\"}")
        }
        let start = token.source
        let parsed = try parseOperand(weakest: 1)
        guard token.kind == .end else { throw unexpected() }
        switch parsed {
        case .metric(let metric, _): return .metric(metric)
        case .log(let query, _):
            if query.unwrap != nil {
                throw error(
                    "unwrap is only allowed in metric queries", start,
                    hint: "wrap the query: sum_over_time(… [5m])")
            }
            return .log(query)
        }
    }

    /// `{matchers}` where some matcher must not match the empty string.
    mutating func parseSelector() throws(LogQLError) -> [Matcher] {
        let start = token.source.start
        let matchers = try parseMatchers()
        let source = SourceRange(start, lastEnd)
        if matchers.isEmpty {
            if takesEmptySelector { return [] }
            throw error(
                "syntax error: unexpected }, expecting IDENTIFIER", source,
                hint: "{app=~\".+\"} selects every stream that has the label")
        }
        guard matchers.contains(where: { !$0.matchesEmpty }) else {
            throw error(
                "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will",
                source)
        }
        return matchers
    }

    /// `{a="b", c=~"d",}`
    mutating func parseMatchers() throws(LogQLError) -> [Matcher] {
        try expect(.leftBrace, hint: "a query begins with a selector: {app=\"…\"}")
        var matchers: [Matcher] = []
        while true {
            if try take(.rightBrace) { return matchers }
            let start = token.source
            let name = try expectIdentifier()
            matchers.append(try parseTextCondition(name, start))
            if try take(.comma) { continue }
            try expect(.rightBrace)
            return matchers
        }
    }

    /// Behind a label's name: `= != =~ !~` and a string.
    mutating func parseTextCondition(_ name: String, _ start: SourceRange) throws(LogQLError) -> Matcher {
        let operation: Matcher.Operation
        switch token.kind {
        case .symbol(.equal): operation = .equal
        case .symbol(.notEqual): operation = .notEqual
        case .symbol(.matches): operation = .regex
        case .symbol(.notMatches): operation = .notRegex
        default: throw unexpected("expecting one of = != =~ !~")
        }
        try advance()
        let value = try expectString("values of labels are quoted")
        do { return try Matcher(name, operation, value) } catch {
            throw self.error(
                "error parsing regexp: \(error.reason): `\(value)`", start.through(SourceRange(0, lastEnd)))
        }
    }
}
