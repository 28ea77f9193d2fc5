import Model

/// The way from text to a well-typed tree. Bounded in length and depth; no input makes it crash. Stateless and thread-safe.
public enum PromQLParser {
    /// Parses and type-checks a query.
    public static func parse(_ query: String, options: ParserOptions = ParserOptions()) throws(ParseError) -> Expr {
        try parse(utf8: Array(query.utf8), options: options)
    }

    /// As above for bytes as received, which may be malformed UTF-8 (an error).
    public static func parse(utf8 query: [UInt8], options: ParserOptions = ParserOptions()) throws(ParseError) -> Expr {
        var parser = try ExpressionParser(query, options)
        let expr = try parser.parseQuery()
        try TypeChecker(text: query).check(expr)
        return expr
    }

    /// Parses a bare selector, as `match[]` parameters hold: no modifiers, no range.
    public static func parseMetricSelector(_ text: String) throws(ParseError) -> [Matcher] {
        let bytes = Array(text.utf8)
        var parser = try ExpressionParser(bytes, ParserOptions())
        let selector = try parser.parseBareSelector()
        try TypeChecker(text: bytes).check(.vectorSelector(selector))
        return selector.matchers
    }
}

/// Recursive descent with precedence climbing. Checks syntax only; types are `TypeChecker`'s.
struct ExpressionParser {
    /// A subtree and its height, by which chains are bounded.
    struct Node {
        var expr: Expr
        var height: Int
    }

    private(set) var lexer: Lexer
    let options: ParserOptions
    /// The token that comes next.
    private(set) var token: Token
    /// End of the last token taken.
    private(set) var lastEnd = 0
    private var nesting = 0

    /// - Parameter start: offset of the first token, for parsing a part of a text.
    init(_ bytes: [UInt8], _ options: ParserOptions, from start: Int = 0) throws(ParseError) {
        guard bytes.count <= ParserLimits.queryBytesMax else {
            throw ParseError(
                "query of \(bytes.count) bytes is longer than the limit of \(ParserLimits.queryBytesMax)", .none, in: []
            )
        }
        lexer = Lexer(bytes, from: start)
        self.options = options
        token = Token(kind: .end, source: .none)
        token = try lexer.next()
    }

    // MARK: Tokens

    mutating func advance() throws(ParseError) {
        lastEnd = token.source.end
        token = try lexer.next()
    }

    /// Takes the next token if it is of this kind.
    mutating func take(_ kind: Token.Kind) throws(ParseError) -> Bool {
        guard token.kind == kind else { return false }
        try advance()
        return true
    }

    /// Takes a token that must be there.
    mutating func expect(_ kind: Token.Kind, in context: String, expected: String) throws(ParseError) {
        guard token.kind == kind else { throw unexpected(context, expected) }
        try advance()
    }

    func text(_ token: Token) -> String { lexer.text(token.source) }

    func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> ParseError {
        lexer.error(message, range, hint: hint)
    }

    /// The error that the next token shouldn't be there.
    func unexpected(_ context: String = "", _ expected: String = "", hint: String? = nil) -> ParseError {
        var message = "unexpected " + token.described(text(token))
        if !context.isEmpty { message += " in " + context }
        if !expected.isEmpty { message += ", expected " + expected }
        return error(message, token.source, hint: hint)
    }

    /// Runs `body` one level deeper.
    mutating func nested<R>(_ body: (inout ExpressionParser) throws(ParseError) -> R) throws(ParseError) -> R {
        guard nesting < ParserLimits.nestingMax else {
            throw error("query is nested more than \(ParserLimits.nestingMax) levels deep", token.source)
        }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    func node(_ expr: Expr, over heights: Int...) throws(ParseError) -> Node {
        let height = (heights.max() ?? 0) + 1
        guard height <= ParserLimits.depthMax else {
            throw error("query is more than \(ParserLimits.depthMax) operations deep", expr.source)
        }
        return Node(expr: expr, height: height)
    }

    // MARK: Expressions

    mutating func parseQuery() throws(ParseError) -> Expr {
        if token.kind == .end { throw error("no expression found in input", .none) }
        let parsed = try parseExpression()
        if token.kind == .assign { throw unexpected(hint: "values are compared with ==") }
        guard token.kind == .end else { throw unexpected() }
        return parsed.expr
    }

    /// - Parameter weakest: the lowest precedence of operators to take.
    mutating func parseExpression(weakest: Int = 1) throws(ParseError) -> Node {
        var left = try parseUnary()
        while case .operator(let op) = token.kind, op.precedence >= weakest { left = try parseBinary(left, op) }
        return left
    }

    /// A sign binds like `*`: weaker than `^`.
    private mutating func parseUnary() throws(ParseError) -> Node {
        guard token.kind == .operator(.add) || token.kind == .operator(.subtract) else {
            let primary = try parsePrimary()
            return try parsePostfix(primary)
        }
        let isNegation = token.kind == .operator(.subtract)
        let start = token.source.start
        try advance()
        let operand = try nested { (parser) throws(ParseError) -> Node in
            try parser.parseExpression(weakest: BinaryOperator.power.precedence)
        }
        if case .number(var number) = operand.expr {
            if isNegation && !number.value.isNaN { number.value.negate() }
            number.source.start = start
            return Node(expr: .number(number), height: operand.height)
        }
        let source = SourceRange(start, operand.expr.source.end)
        return try node(.unary(Unary(isNegation: isNegation, operand.expr, source: source)), over: operand.height)
    }

    private mutating func parseBinary(_ left: Node, _ op: BinaryOperator) throws(ParseError) -> Node {
        let operatorStart = token.source.start
        try advance()
        let modifiers = try parseBinaryModifiers(op)
        let operatorSource = SourceRange(operatorStart, lastEnd)
        let weakest = op.isRightAssociative ? op.precedence : op.precedence + 1
        let right = try nested { (parser) throws(ParseError) -> Node in try parser.parseExpression(weakest: weakest) }
        let bothVectors = left.expr.type != .scalar && right.expr.type != .scalar
        var matching = modifiers.matching
        if op.isSetOperator && matching.cardinality == .oneToOne { matching.cardinality = .manyToMany }
        let binary = Binary(
            op, left.expr, right.expr, returnsBool: modifiers.returnsBool,
            matching: bothVectors || modifiers.matching != VectorMatching() ? matching : nil,
            operatorSource: operatorSource, source: left.expr.source.through(right.expr.source))
        return try node(.binary(binary), over: left.height, right.height)
    }

    /// A number, string, selector, call, aggregation or parenthesised expression, without what may follow it.
    private mutating func parsePrimary() throws(ParseError) -> Node {
        let first = token
        switch first.kind {
        case .number, .duration: return Node(expr: .number(try parseNumber()), height: 1)
        case .string(let literal):
            try advance()
            return Node(expr: .string(literal), height: 1)
        case .leftParen: return try parseParen()
        case .leftBrace: return Node(expr: .vectorSelector(try parseSelector(name: nil)), height: 1)
        case .identifier: return try parseNamed(isCallable: true)
        case .metricIdentifier: return try parseNamed(isCallable: false)
        case .keyword(let word) where word.isMetricName:
            return try parseNamed(isCallable: [.start, .end, .step, .range].contains(word))
        case .operator(.and), .operator(.or), .operator(.unless): return try parseNamed(isCallable: false)
        case .aggregator(let op):
            try advance()
            switch token.kind {
            case .leftParen, .keyword(.by), .keyword(.without): return try parseAggregate(op, first)
            default: return Node(expr: .vectorSelector(try parseSelector(name: first)), height: 1)
            }
        case .assign: throw unexpected(hint: "values are compared with ==")
        default: throw unexpected()
        }
    }

    private mutating func parseNamed(isCallable: Bool) throws(ParseError) -> Node {
        let name = token
        try advance()
        if isCallable && token.kind == .leftParen { return try parseCall(name) }
        return Node(expr: .vectorSelector(try parseSelector(name: name)), height: 1)
    }

    private mutating func parseParen() throws(ParseError) -> Node {
        let start = token.source.start
        try advance()
        let inner = try nested { (parser) throws(ParseError) -> Node in try parser.parseExpression() }
        guard try take(.rightParen) else { throw unexpected() }
        return try node(.paren(Paren(inner.expr, source: SourceRange(start, lastEnd))), over: inner.height)
    }

    /// A number, or a duration as seconds, without a sign.
    mutating func parseNumber() throws(ParseError) -> NumberLiteral {
        let literal = token
        let text = text(literal)
        var number = NumberLiteral(0, isDuration: literal.kind == .duration, source: literal.source)
        if literal.kind == .duration {
            do { number.value = Double(try PrometheusDuration.parse(text)) / 1000 } catch {
                throw self.error(error.description, literal.source)
            }
        } else {
            do { number.value = try NumberScanner.value(of: text) } catch {
                throw self.error(error.message, literal.source)
            }
        }
        try advance()
        return number
    }
}
