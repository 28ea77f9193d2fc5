import Bedrock
import Model

/// Range aggregations: a log query with a window, `[5m]` behind the selector or behind the pipeline.
extension QueryParser {
    private struct RangeQuery {
        var query: LogQuery
        /// Nanoseconds.
        var range: Int64?
        var offset: Int64 = 0
    }

    /// Behind the function's name.
    mutating func parseRangeAggregation(
        _ operation: RangeAggregation.Operation, _ place: SourceRange
    ) throws(LogQLError) -> MetricExpr {
        let name = operation.rawValue
        try expect(.leftParen)
        var parameter: MetricNumber?
        if token.kind == .literal {
            let source = token.source
            parameter = MetricNumber(try parseNumber())
            if operation != .quantileOverTime {
                throw error("parameter \(lexer.text(source)) not supported for operation \(name)", source)
            }
            try expect(.comma)
        } else if operation == .quantileOverTime {
            guard isNext(.leftBrace) || isNext(.leftParen) else { throw unexpected("expecting NUMBER") }
            throw error("parameter required for operation \(name)", place, hint: "\(name)(0.99, …)")
        }
        let operand = try parseRangeQuery()
        guard let range = operand.range else {
            throw unexpected("expecting RANGE", hint: "\(name) needs a window, such as [5m]")
        }
        try expect(.rightParen)
        let grouping = try parseGrouping()
        let source = SourceRange(place.start, lastEnd)
        if grouping != nil && !operation.allowsGrouping {
            throw error("grouping not allowed for \(name) aggregation", source, hint: "group with sum by (…) around it")
        }
        let hasUnwrap = operand.query.unwrap != nil
        if let needed = operation.needsUnwrap, needed != hasUnwrap {
            throw error(
                "invalid aggregation \(name) \(needed ? "without" : "with") unwrap", source,
                hint: needed ? "| unwrap label says which label holds the numbers" : nil)
        }
        return .range(
            RangeAggregation(
                operation, operand.query, range: range, offset: operand.offset, parameter: parameter,
                grouping: grouping))
    }

    /// A selector, stages and a window, in parentheses or not.
    private mutating func parseRangeQuery() throws(LogQLError) -> RangeQuery {
        var operand: RangeQuery
        if try take(.leftParen) {
            operand = try nested { (parser) throws(LogQLError) -> RangeQuery in try parser.parseRangeQuery() }
            try expect(.rightParen)
        } else {
            guard isNext(.leftBrace) else {
                throw unexpected("expecting a log query", hint: "{app=\"…\"}[5m]")
            }
            operand = RangeQuery(query: LogQuery(matchers: try parseSelector()))
        }
        while true {
            if isNext(.leftBracket) {
                if operand.range != nil {
                    throw error("syntax error: unexpected RANGE, there is one already", token.source)
                }
                operand.range = try parseRange()
                if isNext(word: "offset") { operand.offset = try parseOffset() }
            } else if isAtStage {
                try parseStage(into: &operand.query.stages)
            } else {
                return operand
            }
        }
    }

    /// `[5m]`
    private mutating func parseRange() throws(LogQLError) -> Int64 {
        let open = token.source
        try advance()
        let value = try parseDuration()
        guard isNext(.rightBracket) else { throw error("missing closing ']' in duration", open.through(token.source)) }
        guard value > 0 else { throw error("duration must be greater than 0", open.through(token.source)) }
        try advance()
        return value
    }

    /// `offset 5m`, `offset -5m`
    private mutating func parseOffset() throws(LogQLError) -> Int64 {
        try advance()
        let isNegative = try take(.subtract)
        let value = try parseDuration()
        return isNegative ? -value : value
    }

    private mutating func parseDuration() throws(LogQLError) -> Int64 {
        guard token.kind == .literal else { throw unexpected("expecting DURATION", hint: "such as 5m or 1h30m") }
        let text = text
        let source = token.source
        if isFollowedByOther(than: .rightBracket), Literals.nanoseconds(text) == nil, Double(text) != nil {
            throw error("missing closing ']' in duration", source, hint: "\(text)m is \(text) minutes")
        }
        guard let value = Literals.nanoseconds(text) else {
            let reason: String
            do throws(PrometheusDuration.ParseError) {
                _ = try PrometheusDuration.parse(text)
                reason = "duration must be greater than 0"
            } catch {
                reason = error.description
            }
            throw self.error(reason, source, hint: "units are ms, s, m, h, d, w and y")
        }
        try advance()
        return value
    }

    private func isFollowedByOther(than symbol: Token.Symbol) -> Bool { peekBehind()?.kind != .symbol(symbol) }
}
