import Bedrock
import Model

/// Selectors and what follows an operand: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.
extension ExpressionParser {
    // MARK: Selectors

    mutating func parseBareSelector() throws(ParseError) -> VectorSelector {
        let name = token
        let selector: VectorSelector
        switch name.kind {
        case .leftBrace: selector = try parseSelector(name: nil)
        case .identifier, .metricIdentifier, .aggregator, .keyword, .operator(.and), .operator(.or), .operator(.unless):
            try advance()
            selector = try parseSelector(name: name)
        default: throw unexpected()
        }
        guard token.kind == .end else { throw unexpected("series selector", "end of input") }
        return selector
    }

    /// Behind a name, or at the braces of a selector without one.
    mutating func parseSelector(name: Token?) throws(ParseError) -> VectorSelector {
        let start = name?.source.start ?? token.source.start
        var matchers = token.kind == .leftBrace ? try parseMatchers() : []
        let text = name.map(text)
        if let text { matchers.append(Matcher(Labels.metricName, equals: text)) }
        return VectorSelector(name: text, matchers: matchers, source: SourceRange(start, lastEnd))
    }

    /// `{a="b", "name",}`
    private mutating func parseMatchers() throws(ParseError) -> [Matcher] {
        try advance()
        var matchers: [Matcher] = []
        var quotedName: String?
        while true {
            if try take(.rightBrace) { return matchers }
            let start = token.source
            let (matcher, isName) = try parseMatcher()
            if isName {
                if let quotedName { throw twice(quotedName, matcher.value, start) }
                quotedName = matcher.value
            }
            if let quotedName, !isName, matcher.name == Labels.metricName, matcher.operation != .equal {
                throw twice(quotedName, matcher.value, start)
            }
            matchers.append(matcher)
            if try take(.comma) { continue }
            guard token.kind == .rightBrace else { throw unexpected("label matching", "\",\" or \"}\"") }
        }
    }

    private func twice(_ first: String, _ second: String, _ place: SourceRange) -> ParseError {
        error("metric name must not be set twice: \(quoted(first)) or \(quoted(second))", place)
    }

    /// One condition; a lone string is the metric's name.
    private mutating func parseMatcher() throws(ParseError) -> (Matcher, isName: Bool) {
        let first = token
        let name: String
        switch first.kind {
        case .identifier: name = text(first)
        case .string(let literal): name = literal.value
        default: throw unexpected("label matching", "identifier or \"}\"")
        }
        try advance()
        let operation: Matcher.Operation
        switch token.kind {
        case .assign: operation = .equal
        case .operator(.notEqual): operation = .notEqual
        case .matchesRegex: operation = .regex
        case .matchesNotRegex: operation = .notRegex
        case .comma where first.kind != .identifier, .rightBrace where first.kind != .identifier:
            return (Matcher(Labels.metricName, equals: name), true)
        default: throw unexpected("label matching", "label matching operator")
        }
        try advance()
        guard case .string(let literal) = token.kind else {
            throw unexpected("label matching", "string", hint: "label values are quoted")
        }
        let place = first.source.through(token.source)
        try advance()
        do { return (try Matcher(name, operation, literal.value), false) } catch {
            throw self.error("error parsing regexp: \(error.reason)", place)
        }
    }

    // MARK: Behind an operand

    mutating func parsePostfix(_ operand: Node) throws(ParseError) -> Node {
        var node = operand
        while true {
            switch token.kind {
            case .leftBracket: node = try parseBrackets(node)
            case .keyword(.offset): try parseOffset(&node.expr)
            case .at: try parsePin(&node.expr)
            case .keyword(.anchored): try parseExtension(.anchored, &node.expr)
            case .keyword(.smoothed): try parseExtension(.smoothed, &node.expr)
            default: return node
            }
        }
    }

    /// `[range]` or `[range:step]`
    private mutating func parseBrackets(_ operand: Node) throws(ParseError) -> Node {
        let open = token.source
        try advance()
        let range = try parseDuration()
        if try take(.colon) {
            var step: DurationValue?
            if token.kind != .rightBracket {
                step = try parseDuration(context: "subquery selector", orElse: " or \"]\"")
            }
            guard try take(.rightBracket) else { throw unexpected("subquery selector", "\"]\"") }
            let source = SourceRange(operand.expr.source.start, lastEnd)
            return try node(
                .subquery(Subquery(operand.expr, range: range, step: step, source: source)), over: operand.height)
        }
        guard try take(.rightBracket) else { throw unexpected("subquery or range selector", "\":\" or \"]\"") }
        let brackets = SourceRange(open.start, lastEnd)
        guard case .vectorSelector(let selector) = operand.expr else {
            throw error(
                "ranges only allowed for vector selectors", brackets,
                hint: "a subquery takes a range of any expression: [5m:]")
        }
        if selector.modifiers.pin != nil { throw error("no @ modifiers allowed before range", brackets) }
        if selector.modifiers.offset != .fixed(0) { throw error("no offset modifiers allowed before range", brackets) }
        if selector.extended != nil { throw error("no anchored or smoothed modifiers allowed before range", brackets) }
        let source = SourceRange(selector.source.start, lastEnd)
        return Node(expr: .matrixSelector(MatrixSelector(selector: selector, range: range, source: source)), height: 2)
    }

    private mutating func parseOffset(_ expr: inout Expr) throws(ParseError) {
        try advance()
        let offset = try parseOffsetDuration()
        try modify(&expr, "offset modifier") { (parser, modifiers, place) throws(ParseError) in
            if modifiers.offset != .fixed(0) { throw parser.error("offset may not be set multiple times", place) }
            modifiers.offset = offset
        }
    }

    private mutating func parsePin(_ expr: inout Expr) throws(ParseError) {
        try advance()
        let pin: TimeModifiers.Pin
        switch token.kind {
        case .keyword(.start), .keyword(.end):
            pin = token.kind == .keyword(.start) ? .start : .end
            try advance()
            guard try take(.leftParen) else { throw unexpected("@", "\"()\"") }
            guard try take(.rightParen) else { throw unexpected("@", "\")\"") }
        default:
            let seconds = try parseSignedNumber(in: "@", expected: "timestamp").value
            guard let milliseconds = Int64(exactly: (seconds * 1000).rounded()) else {
                throw error(
                    "timestamp out of bounds for @ modifier: \(NumberText.text(seconds, .general))", expr.source)
            }
            pin = .at(milliseconds)
        }
        try modify(&expr, "@ modifier") { (parser, modifiers, place) throws(ParseError) in
            if modifiers.pin != nil { throw parser.error("@ <timestamp> may not be set multiple times", place) }
            modifiers.pin = pin
        }
    }

    private mutating func parseExtension(_ kind: SelectorExtension, _ expr: inout Expr) throws(ParseError) {
        if !options.extendedSelectors {
            throw error("\(kind.rawValue) modifier is experimental and not enabled", token.source)
        }
        try advance()
        func extend(_ selector: inout VectorSelector) throws(ParseError) {
            if selector.extended != nil {
                throw error("anchored and smoothed modifiers may not be set multiple times", expr.source)
            }
            selector.extended = kind
        }
        switch expr {
        case .vectorSelector(var selector):
            try extend(&selector)
            selector.source.end = lastEnd
            expr = .vectorSelector(selector)
        case .matrixSelector(var matrix):
            try extend(&matrix.selector)
            matrix.source.end = lastEnd
            expr = .matrixSelector(matrix)
        default:
            throw error("\(kind.rawValue) modifier must be preceded by an instant or range selector", expr.source)
        }
    }

    /// Changes the time modifiers of a selector or subquery and stretches its source range to the last token.
    private func modify(
        _ expr: inout Expr, _ what: String,
        _ change: (ExpressionParser, inout TimeModifiers, SourceRange) throws(ParseError) -> Void
    ) throws(ParseError) {
        switch expr {
        case .vectorSelector(var selector):
            try change(self, &selector.modifiers, selector.source)
            selector.source.end = lastEnd
            expr = .vectorSelector(selector)
        case .matrixSelector(var matrix):
            try change(self, &matrix.selector.modifiers, matrix.source)
            matrix.source.end = lastEnd
            expr = .matrixSelector(matrix)
        case .subquery(var subquery):
            try change(self, &subquery.modifiers, subquery.source)
            subquery.source.end = lastEnd
            expr = .subquery(subquery)
        default:
            let places = "an instant vector selector or range vector selector or a subquery"
            throw error("\(what) must be preceded by \(places)", expr.source)
        }
    }
}
