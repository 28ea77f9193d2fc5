import Bedrock
import Model

/// The way from text to a checked tree. Bounded in length and depth; no input makes it crash. Stateless and thread-safe.
public enum TraceQLParser {
    /// Parses and checks a query.
    public static func parse(_ text: String) throws(TraceQLError) -> TraceQLQuery {
        try parse(utf8: Array(text.utf8))
    }

    /// As above for bytes as received; malformed UTF-8 is an error.
    public static func parse(utf8 query: [UInt8]) throws(TraceQLError) -> TraceQLQuery {
        var parser = try QueryParser(query)
        let parsed = try parser.parseQuery()
        if let problem = parser.problem { throw problem }
        return parsed
    }

    /// Parses one field, as requests for the values of a tag name it: `span.http.method`, `.foo`, `name`, `span:id`.
    public static func parseField(_ text: String) throws(TraceQLError) -> SpanField {
        var parser = try QueryParser(Array(text.utf8))
        let field = try parser.parseFieldName()
        try parser.expectEnd()
        if let problem = parser.problem { throw problem }
        return field
    }
}

/// Recursive descent with precedence climbing over the tokens of one query.
///
/// What is wrong in the grammar is thrown at once. What reads well but makes no sense is kept, the first of it, and thrown when the whole
/// text has been read, so that errors of syntax come first.
struct QueryParser {
    private(set) var lexer: Lexer
    /// The token that comes next.
    private(set) var token: Token
    /// End of the last token taken.
    private(set) var lastEnd = 0
    private var nesting = 0
    /// The first thing that makes no sense.
    private(set) var problem: TraceQLError?

    init(_ bytes: [UInt8]) throws(TraceQLError) {
        guard bytes.count <= TraceQLLimits.queryBytesMax else {
            let limit = "query of \(bytes.count) bytes is longer than the limit of \(TraceQLLimits.queryBytesMax)"
            throw TraceQLError(.syntax, ParseError(limit, SourceRange(0, 0), in: []))
        }
        if let damage = Self.firstMalformed(bytes) {
            throw TraceQLError(
                .syntax, ParseError("invalid UTF-8 encoding", SourceRange(damage, damage + 1), in: bytes))
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

    mutating func advance() throws(TraceQLError) {
        lastEnd = token.source.end
        token = try lexer.next()
    }

    /// The current token's own text.
    var text: String { lexer.text(token.source) }

    func isNext(_ symbol: Token.Symbol) -> Bool { token.kind == .symbol(symbol) }

    var nextSymbol: Token.Symbol? {
        if case .symbol(let symbol) = token.kind { return symbol }
        return nil
    }

    func isNext(word: String) -> Bool { token.kind == .word && text == word }

    mutating func take(_ symbol: Token.Symbol) throws(TraceQLError) -> Bool {
        guard isNext(symbol) else { return false }
        try advance()
        return true
    }

    mutating func expect(_ symbol: Token.Symbol, hint: String? = nil) throws(TraceQLError) {
        guard isNext(symbol) else { throw unexpected("expecting \(symbol.rawValue)", hint: hint) }
        try advance()
    }

    func expectEnd() throws(TraceQLError) { if token.kind != .end { throw unexpected() } }

    // MARK: Errors

    func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> TraceQLError {
        lexer.error(message, range, hint: hint)
    }

    /// The error that the next token shouldn't be there.
    func unexpected(_ expectation: String = "", hint: String? = nil) -> TraceQLError {
        let more = expectation.isEmpty ? "" : ", " + expectation
        return error("syntax error: unexpected \(token.described(text))\(more)", token.source, hint: hint)
    }

    /// Keeps what makes no sense, unless there was something before it.
    mutating func note(
        _ message: String, _ range: SourceRange, _ kind: TraceQLError.Kind = .invalid, hint: String? = nil
    ) {
        if problem != nil { return }
        problem = TraceQLError(kind, ParseError(message, range, in: lexer.bytes, hint: hint))
    }

    /// Runs `body` one level deeper.
    mutating func nested<R>(_ body: (inout QueryParser) throws(TraceQLError) -> R) throws(TraceQLError) -> R {
        guard nesting < TraceQLLimits.depthMax else {
            throw error("query is nested more than \(TraceQLLimits.depthMax) levels deep", token.source)
        }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    /// The height of a node above `below`; throws where trees would get too high.
    func height(above below: Int...) throws(TraceQLError) -> Int {
        let height = (below.max() ?? 0) + 1
        guard height <= TraceQLLimits.heightMax else {
            throw error("query chains more than \(TraceQLLimits.heightMax) operators", token.source)
        }
        return height
    }
}
