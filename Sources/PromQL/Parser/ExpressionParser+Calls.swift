import Bedrock
import Model

/// Calls, aggregations and the modifiers of binary operators.
extension ExpressionParser {
    /// Behind the name of a function, at the parenthesis.
    mutating func parseCall(_ name: Token) throws(ParseError) -> Node {
        let text = text(name)
        guard let function = Function(rawValue: text) else {
            let hint = Suggestion.nearest(text, in: Function.allCases.lazy.map(\.name)).map {
                "did you mean \(quoted($0))?"
            }
            throw error("unknown function with name \(quoted(text))", name.source, hint: hint)
        }
        if function.signature.isExperimental && !options.experimentalFunctions {
            throw error("function \(quoted(text)) is not enabled", name.source)
        }
        let (arguments, height) = try parseArguments()
        let source = SourceRange(name.source.start, lastEnd)
        return try node(.call(Call(function, arguments, source: source)), over: height)
    }

    /// `(a, b, …)` with the height of the highest.
    private mutating func parseArguments() throws(ParseError) -> ([Expr], height: Int) {
        try advance()
        var arguments: [Expr] = []
        var height = 0
        if try take(.rightParen) { return ([], 0) }
        while true {
            let argument = try nested { (parser) throws(ParseError) -> Node in try parser.parseExpression() }
            arguments.append(argument.expr)
            height = max(height, argument.height)
            if try take(.rightParen) { return (arguments, height) }
            let comma = token.source
            guard try take(.comma) else { throw unexpected() }
            if token.kind == .rightParen { throw error("trailing commas not allowed in function call args", comma) }
        }
    }

    /// Behind the operator's name, at the parenthesis or the grouping.
    mutating func parseAggregate(_ op: AggregateOperator, _ name: Token) throws(ParseError) -> Node {
        if op.isExperimental && !options.experimentalFunctions {
            throw error("\(op.rawValue)() is experimental and must be enabled", name.source)
        }
        var grouping = try parseGrouping()
        guard token.kind == .leftParen else { throw unexpected("aggregation") }
        let (arguments, height) = try parseArguments()
        if grouping == nil { grouping = try parseGrouping() }
        let source = SourceRange(name.source.start, lastEnd)
        let wanted = op.parameterType == nil ? 1 : 2
        guard let operand = arguments.last else {
            throw error("no arguments for aggregate expression provided", source)
        }
        guard arguments.count == wanted else {
            let counts = "expected \(wanted), got \(arguments.count)"
            throw error("wrong number of arguments for aggregate expression provided, \(counts)", source)
        }
        let aggregate = Aggregate(
            op, operand, parameter: wanted == 2 ? arguments[0] : nil, grouping: grouping?.labels ?? [],
            without: grouping?.without ?? false, source: source)
        return try node(.aggregate(aggregate), over: height)
    }

    private mutating func parseGrouping() throws(ParseError) -> (labels: [String], without: Bool)? {
        let without = token.kind == .keyword(.without)
        guard without || token.kind == .keyword(.by) else { return nil }
        try advance()
        return (try parseLabelList(), without)
    }

    /// `(a, "b", c,)`
    private mutating func parseLabelList() throws(ParseError) -> [String] {
        try expect(.leftParen, in: "grouping opts", expected: "\"(\"")
        var labels: [String] = []
        while true {
            if try take(.rightParen) { return labels }
            labels.append(try parseLabelName())
            if try take(.comma) { continue }
            guard token.kind == .rightParen else { throw unexpected("grouping opts", "\",\" or \")\"") }
        }
    }

    private mutating func parseLabelName() throws(ParseError) -> String {
        let name = token
        switch name.kind {
        case .string(let literal):
            let value = literal.value
            try advance()
            if value.isEmpty { throw error("invalid label name for grouping: \"\"", name.source) }
            return value
        case .identifier, .metricIdentifier, .aggregator, .keyword, .operator(.and), .operator(.or), .operator(.unless),
            .operator(.atan2):
            try advance()
            return text(name)
        case .number where text(name).utf8.first.map(Characters.isAlpha) == true:
            try advance()
            return text(name)
        default: throw unexpected("grouping opts", "label")
        }
    }

    /// `bool`, then `on` or `ignoring`, then `group_left` or `group_right`, then fill values; all optional.
    mutating func parseBinaryModifiers(_ op: BinaryOperator) throws(ParseError) -> (
        returnsBool: Bool, matching: VectorMatching
    ) {
        let returnsBool = try take(.keyword(.bool))
        var matching = VectorMatching()
        if token.kind == .keyword(.on) || token.kind == .keyword(.ignoring) {
            matching.isOn = token.kind == .keyword(.on)
            try advance()
            matching.labels = try parseLabelList()
            if token.kind == .keyword(.groupLeft) || token.kind == .keyword(.groupRight) {
                matching.cardinality = token.kind == .keyword(.groupLeft) ? .manyToOne : .oneToMany
                try advance()
                if token.kind == .leftParen { matching.include = try parseLabelList() }
            }
        }
        try parseFills(into: &matching)
        return (returnsBool, matching)
    }

    /// `fill(v)`, or `fill_left(v)` and `fill_right(v)` in any order. The words are names where no parenthesis follows.
    private mutating func parseFills(into matching: inout VectorMatching) throws(ParseError) {
        while token.kind == .identifier {
            let word = token
            let text = text(word)
            let isLeft = text.lowercased() != "fill_right"
            let isRight = text.lowercased() != "fill_left"
            guard ["fill", "fill_left", "fill_right"].contains(text.lowercased()), isFollowedByParen else { return }
            if (isLeft && matching.fillLeft != nil) || (isRight && matching.fillRight != nil) {
                throw error("fill value may not be set multiple times", word.source)
            }
            try advance()
            try advance()
            let value = try parseSignedNumber(in: "fill", expected: "number")
            guard try take(.rightParen) else { throw unexpected("fill", "\")\"") }
            if isLeft { matching.fillLeft = value.value }
            if isRight { matching.fillRight = value.value }
        }
    }

    /// Whether the byte behind the current token and white space is `(`.
    private var isFollowedByParen: Bool {
        lexer.bytes[token.source.end...].first { !Characters.isSpace($0) } == UInt8(ascii: "(")
    }

    /// A number or duration with an optional sign.
    mutating func parseSignedNumber(in context: String, expected: String) throws(ParseError) -> NumberLiteral {
        let start = token.source.start
        let isNegative = token.kind == .operator(.subtract)
        if isNegative || token.kind == .operator(.add) { try advance() }
        guard token.kind == .number || token.kind == .duration else { throw unexpected(context, expected) }
        var number = try parseNumber()
        if isNegative && !number.value.isNaN { number.value.negate() }
        number.source.start = start
        return number
    }
}
