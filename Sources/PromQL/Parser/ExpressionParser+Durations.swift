import Model

/// Duration positions: literals, which become milliseconds at once, and duration expressions.
extension ExpressionParser {
    private struct Part {
        var expr: DurationExpr
        var height: Int
    }

    private static let operands = "number, duration, step(), or range()"

    /// A range or step: positive.
    mutating func parseDuration(
        context: String = "subquery or range selector", orElse: String = ""
    ) throws(ParseError) -> DurationValue {
        let expected = orElse.isEmpty ? Self.operands : Self.operands + "," + orElse
        let part = try parseDurationExpression(weakest: BinaryOperator.add.precedence, context, expected)
        if case .number(let number) = part.expr {
            let milliseconds = try fixedMilliseconds(number)
            guard milliseconds > 0 else { throw error("duration must be greater than 0", number.source) }
            return .fixed(milliseconds)
        }
        return try computed(part.expr)
    }

    /// Behind `offset`: one operand with an optional sign; operators belong to the expression around it.
    mutating func parseOffsetDuration() throws(ParseError) -> DurationValue {
        let part = try parseDurationUnary("offset", Self.operands, allowsPower: false)
        if case .number(let number) = part.expr { return .fixed(try fixedMilliseconds(number)) }
        return try computed(part.expr)
    }

    private func computed(_ expr: DurationExpr) throws(ParseError) -> DurationValue {
        guard options.durationExpressions else {
            throw error("experimental duration expression is not enabled", expr.source)
        }
        return .computed(expr)
    }

    private func fixedMilliseconds(_ number: NumberLiteral) throws(ParseError) -> Int64 {
        guard let milliseconds = DurationExpr.milliseconds(seconds: number.value) else {
            throw error("duration out of range", number.source)
        }
        return milliseconds
    }

    private mutating func parseDurationExpression(
        weakest: Int, _ context: String, _ expected: String
    ) throws(ParseError) -> Part {
        var left = try parseDurationUnary(context, expected)
        while case .operator(let op) = token.kind, op.isDurationArithmetic, op.precedence >= weakest {
            let place = token.source
            try advance()
            let next = op.isRightAssociative ? op.precedence : op.precedence + 1
            let right = try nested { (parser) throws(ParseError) -> Part in
                try parser.parseDurationExpression(weakest: next, context, expected)
            }
            if case .number(let number) = right.expr, number.value == 0, op == .divide || op == .modulo {
                throw error(op == .divide ? "division by zero" : "modulo by zero", place)
            }
            let source = left.expr.source.through(right.expr.source)
            left = try part(.binary(op, left.expr, right.expr, source), over: left.height, right.height)
        }
        return left
    }

    private func part(_ expr: DurationExpr, over heights: Int...) throws(ParseError) -> Part {
        let height = (heights.max() ?? 0) + 1
        guard height <= ParserLimits.depthMax else {
            throw error("query is more than \(ParserLimits.depthMax) operations deep", expr.source)
        }
        return Part(expr: expr, height: height)
    }

    private mutating func parseDurationUnary(
        _ context: String, _ expected: String, allowsPower: Bool = true
    ) throws(ParseError) -> Part {
        guard token.kind == .operator(.add) || token.kind == .operator(.subtract) else {
            return try parseDurationPrimary(context, expected)
        }
        let isNegation = token.kind == .operator(.subtract)
        let start = token.source.start
        try advance()
        let operand = try nested { (parser) throws(ParseError) -> Part in
            guard allowsPower else { return try parser.parseDurationPrimary(context, expected) }
            return try parser.parseDurationExpression(weakest: BinaryOperator.power.precedence, context, expected)
        }
        let source = SourceRange(start, operand.expr.source.end)
        if case .number(var number) = operand.expr {
            if isNegation { number.value.negate() }
            number.source = source
            return Part(expr: .number(number), height: operand.height)
        }
        return try part(.unary(isNegation: isNegation, operand.expr, source), over: operand.height)
    }

    private mutating func parseDurationPrimary(_ context: String, _ expected: String) throws(ParseError) -> Part {
        let first = token
        switch first.kind {
        case .number, .duration: return Part(expr: .number(try parseNumber()), height: 1)
        case .leftParen:
            try advance()
            let inner = try nested { (parser) throws(ParseError) -> Part in
                try parser.parseDurationExpression(weakest: BinaryOperator.add.precedence, context, expected)
            }
            guard try take(.rightParen) else { throw unexpected(context, "\")\"") }
            return try part(.paren(inner.expr, SourceRange(first.source.start, lastEnd)), over: inner.height)
        case .keyword(.step), .keyword(.range), .identifier:
            guard let function = DurationExpr.Function(rawValue: text(first).lowercased()) else { break }
            return try parseDurationCall(function, context, expected)
        default: break
        }
        throw unexpected(context, expected)
    }

    private mutating func parseDurationCall(
        _ function: DurationExpr.Function, _ context: String, _ expected: String
    ) throws(ParseError) -> Part {
        let start = token.source.start
        try advance()
        guard try take(.leftParen) else { throw unexpected(context, expected) }
        var arguments: [Part] = []
        for index in 0..<function.argumentCount {
            if index > 0 { try expect(.comma, in: context, expected: "\",\"") }
            arguments.append(
                try nested { (parser) throws(ParseError) -> Part in
                    try parser.parseDurationExpression(weakest: BinaryOperator.add.precedence, context, expected)
                })
        }
        guard try take(.rightParen) else { throw unexpected(context, "\")\"") }
        let call = DurationExpr.call(function, arguments.map(\.expr), SourceRange(start, lastEnd))
        return try part(call, over: arguments.map(\.height).max() ?? 0)
    }
}

extension BinaryOperator {
    /// One of `+ - * / % ^`, which duration expressions know.
    var isDurationArithmetic: Bool { precedence >= BinaryOperator.add.precedence && self != .atan2 }
}
