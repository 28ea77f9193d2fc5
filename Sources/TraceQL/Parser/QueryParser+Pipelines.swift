import Bedrock
import Model

/// Pipelines and what operators make of them outside of braces.
extension QueryParser {
    mutating func parseQuery() throws(TraceQLError) -> TraceQLQuery {
        if token.kind == .end {
            throw error("syntax error: unexpected $end", token.source, hint: "{ } selects every span")
        }
        let whole = try parsePipeline()
        let hints = try parseHints()
        guard token.kind == .end else { throw unexpected(hint: restHint(whole)) }
        if case .metrics(let metrics) = whole.part, !metrics.isNumber {
            return TraceQLQuery(.metrics(metrics), hints: hints)
        }
        if case .coalesce = whole.part { throw firstCoalesce(whole) }
        guard let stages = whole.stages else {
            let isCount = whole.aggregates > 0
            throw error(
                "syntax error: unexpected \(whole.described), expecting spans", whole.range,
                hint: isCount ? "aggregates are compared: count() > 1" : nil)
        }
        return TraceQLQuery(.spans(SpansetPipeline(stages)), hints: hints)
    }

    private func firstCoalesce(_ operand: Operand) -> TraceQLError {
        error("syntax error: unexpected coalesce", operand.range, hint: "spans stand before it: { } | coalesce()")
    }

    private func restHint(_ operand: Operand) -> String? {
        if case .metrics = operand.part, nextSymbol?.arithmetic != nil {
            return "for arithmetic, metrics queries stand in parentheses: ({} | rate()) + 5"
        }
        if case .symbol(.equal) = token.kind { return "equality is =" }
        return nil
    }

    /// `a | b | c`, where the last may give series or numbers.
    mutating func parsePipeline() throws(TraceQLError) -> Operand {
        var current = try parseStage()
        if case .function(let function, _) = current.part {
            throw error(
                "syntax error: unexpected \(function.name)", current.range, hint: "spans stand before it: { } | rate()"
            )
        }
        if case .rank = current.part {
            throw error("syntax error: unexpected topk", current.range, hint: "{ } | rate() by (name) | topk(10)")
        }
        while isNext(.pipe) {
            try advance()
            let stage = try parseStage()
            let range = current.range.through(stage.range)
            let height = try height(above: current.height, stage.height)
            if case .metrics(let metrics) = current.part {
                current = Operand(part: .metrics(try behind(metrics, stage)), range: range, height: height)
                continue
            }
            if case .coalesce = current.part { throw firstCoalesce(current) }
            guard let stages = current.stages else {
                throw error(
                    "syntax error: unexpected |, \(current.described) stands before it", stage.range,
                    hint: current.aggregates > 0 ? "aggregates are compared: count() > 1" : nil)
            }
            guard stages.count < TraceQLLimits.stagesMax else {
                throw error("pipeline of more than \(TraceQLLimits.stagesMax) stages", stage.range)
            }
            current = try behind(stages, stage, range, height)
            if case .metrics = current.part { try parseFilterBehind(&current) }
        }
        return current
    }

    /// A stage behind span sets.
    private mutating func behind(
        _ stages: [SpansetStage], _ stage: Operand, _ range: SourceRange, _ height: Int
    ) throws(TraceQLError) -> Operand {
        switch stage.part {
        case .function(let function, let by):
            let query = MetricsQuery(SpansetPipeline(stages), function, by: by)
            return Operand(part: .metrics(.query(query)), range: range, height: height)
        case .rank: throw error("syntax error: unexpected topk, expecting a metrics function before it", stage.range)
        case .scalar(let inner, let expr) where stage.aggregates > 0 && inner.isEmpty:
            return Operand(
                part: .scalar(stages: stages, expr), range: range, height: height, aggregates: stage.aggregates)
        default:
            guard let more = stage.stages else {
                throw error("syntax error: unexpected \(stage.described), expecting spans", stage.range)
            }
            return Operand(part: .stages(stages + more), range: range, height: height)
        }
    }

    /// A stage behind series.
    private mutating func behind(_ metrics: MetricsExpr, _ stage: Operand) throws(TraceQLError) -> MetricsExpr {
        guard case .rank(let isTop, let count) = stage.part, !metrics.isNumber else {
            throw error("syntax error: unexpected \(stage.described), expecting topk or bottomk", stage.range)
        }
        judgeUse(of: metrics, stage.range)
        var ranked = Operand(part: .metrics(.rank(metrics, isTop: isTop, count)), range: stage.range)
        try parseFilterBehind(&ranked)
        guard case .metrics(let result) = ranked.part else { return metrics }
        return result
    }

    /// `> 10` behind a stage that gives series.
    private mutating func parseFilterBehind(_ operand: inout Operand) throws(TraceQLError) {
        guard let symbol = nextSymbol, symbol.comparison != nil else { return }
        let place = token.source
        try advance()
        let number = try parseExpression(weakest: Precedence.additive)
        operand = try combine(operand, symbol, place, number)
    }

    /// compare() gives something that can't be computed with.
    mutating func judgeUse(of metrics: MetricsExpr, _ range: SourceRange) {
        guard case .query(let query) = metrics, case .compare = query.function else { return }
        note("compare() can't be combined with anything", range)
    }

    /// One stage: a word with arguments, or an expression.
    private mutating func parseStage() throws(TraceQLError) -> Operand {
        let start = token.source
        if token.kind == .word, let part = try parseWordStage(text) {
            return Operand(part: part, range: SourceRange(start.start, lastEnd))
        }
        return try parseExpression(weakest: Precedence.logical)
    }

    /// Precedence climbing over operators outside of braces.
    mutating func parseExpression(weakest: Int) throws(TraceQLError) -> Operand {
        var lhs = try parseOperand()
        while let symbol = nextSymbol, let precedence = Self.precedence(symbol), precedence >= weakest {
            let place = token.source
            try advance()
            let tighter = symbol == .power ? precedence : precedence + 1
            let rhs = try nested { (parser) throws(TraceQLError) in try parser.parseExpression(weakest: tighter) }
            lhs = try combine(lhs, symbol, place, rhs)
        }
        return lhs
    }

    private static func precedence(_ symbol: Token.Symbol) -> Int? {
        if let op = symbol.arithmetic { return Precedence.of(op) }
        if symbol == .and || symbol == .or { return Precedence.logical }
        return symbol.comparison != nil || symbol.structural != nil ? Precedence.comparison : nil
    }

    private mutating func parseOperand() throws(TraceQLError) -> Operand {
        let start = token.source
        switch token.kind {
        case .symbol(.leftBrace):
            let filter = try parseFilter()
            return Operand(part: .spanset(filter.expr), range: SourceRange(start.start, lastEnd), height: filter.height)
        case .symbol(.leftParen):
            try advance()
            var inner = try nested { (parser) throws(TraceQLError) in try parser.parsePipeline() }
            try expect(.rightParen)
            inner.range = SourceRange(start.start, lastEnd)
            switch inner.part {
            case .scalarFilter(let filter): inner.part = .stages([.scalarFilter(filter)])
            case .coalesce: throw firstCoalesce(inner)
            default: break
            }
            return inner
        case .symbol(.subtract):
            try advance()
            let operand = try nested { (parser) throws(TraceQLError) in try parser.parseOperand() }
            return try negated(operand, SourceRange(start.start, lastEnd))
        case .int(let value): return try number(.int(value))
        case .float(let value): return try number(.float(value))
        case .duration(let value): return try number(.duration(value))
        case .word:
            if let operation = SpanAggregate.Operation(rawValue: text) { return try parseAggregate(operation) }
            throw unexpectedWord()
        default: throw unexpected("expecting { or (")
        }
    }

    private func unexpectedWord() -> TraceQLError {
        let word = text
        if let near = Suggestion.nearest(word, in: TraceQLWords.stages) {
            return unexpected(hint: near == word ? "\(word) is a stage of its own" : "did you mean \(near)?")
        }
        return unexpected(hint: "conditions on spans stand in braces: { name = \"\(word)\" }")
    }

    private mutating func number(_ value: SpanValue) throws(TraceQLError) -> Operand {
        let range = token.source
        try advance()
        return Operand(part: .scalar(stages: [], .literal(value)), range: range)
    }

    private mutating func negated(_ operand: Operand, _ range: SourceRange) throws(TraceQLError) -> Operand {
        var result = operand
        result.range = range
        guard case .scalar(let stages, let expr) = operand.part, stages.isEmpty else {
            throw error("syntax error: unexpected - before \(operand.described)", range)
        }
        switch expr {
        case .literal(.int(let number)) where number != .min: result.part = .scalar(stages: [], .literal(.int(-number)))
        case .literal(.float(let number)): result.part = .scalar(stages: [], .literal(.float(-number)))
        case .literal(.duration(let number)) where number != .min:
            result.part = .scalar(stages: [], .literal(.duration(-number)))
        default:
            result.part = .scalar(stages: [], .binary(.subtract, .literal(.int(0)), expr))
            result.height = try height(above: operand.height)
        }
        return result
    }

    /// `{ … }`
    mutating func parseFilter() throws(TraceQLError) -> (expr: SpansetExpr, height: Int) {
        try expect(.leftBrace)
        if try take(.rightBrace) { return (.filter(nil), 1) }
        let condition = try nested { (parser) throws(TraceQLError) in try parser.parseField() }
        guard isNext(.rightBrace) else {
            let isDouble = isNext(.equal)
            throw unexpected(
                token.kind == .end ? "expecting }" : "",
                hint: isDouble ? "equality is =" : isNext(.pipe) ? "write ||" : nil)
        }
        try advance()
        if !condition.isBool {
            note("{ … } of \(condition.described), expecting a condition", condition.range)
        }
        return (.filter(condition.expr), try height(above: condition.height))
    }
}
