import Bedrock
import Model

/// Stages that begin with a word, aggregates and hints.
extension QueryParser {
    /// nil where the word is no stage of its own.
    mutating func parseWordStage(_ word: String) throws(TraceQLError) -> Operand.Part? {
        switch word {
        case "by":
            try advance()
            let expr = try parseArgument("by")
            return .stages([.by(expr)])
        case "coalesce":
            try advance()
            try expect(.leftParen)
            try expect(.rightParen)
            return .coalesce
        case "select":
            try advance()
            return .stages([.select(try parseFields(max: TraceQLLimits.stagesMax))])
        case "topk", "bottomk":
            try advance()
            return .rank(isTop: word == "topk", try parseRank(word))
        default:
            guard MetricsFunction.names.contains(word) else { return nil }
            return try parseFunction(word)
        }
    }

    /// `(expr)` that has to look at spans.
    private mutating func parseArgument(_ word: String) throws(TraceQLError) -> FieldExpr {
        try expect(.leftParen)
        let argument = try nested { (parser) throws(TraceQLError) in try parser.parseField() }
        try expect(.rightParen)
        if !argument.hasField { note("\(word)() of a constant: it has to look at spans", argument.range) }
        return argument.expr
    }

    /// `(f, g)`
    private mutating func parseFields(max: Int) throws(TraceQLError) -> [SpanField] {
        try expect(.leftParen)
        var fields = [try parseFieldName()]
        while try take(.comma) { fields.append(try parseFieldName()) }
        guard fields.count <= max else { throw error("more than \(max) fields", token.source) }
        try expect(.rightParen)
        return fields
    }

    mutating func parseAggregate(_ operation: SpanAggregate.Operation) throws(TraceQLError) -> Operand {
        let start = token.source
        try advance()
        guard operation != .count else {
            try expect(.leftParen, hint: "count()")
            try expect(.rightParen)
            return aggregate(SpanAggregate(.count), start)
        }
        try expect(.leftParen)
        let argument = try nested { (parser) throws(TraceQLError) in try parser.parseField() }
        try expect(.rightParen)
        if !argument.isNumeric {
            note("\(operation.rawValue)() of \(argument.described), expecting a number", argument.range)
        }
        if !argument.hasField {
            note("\(operation.rawValue)() of a constant: it has to look at spans", argument.range)
        }
        var result = aggregate(SpanAggregate(operation, argument.expr), start)
        result.height = try height(above: argument.height)
        return result
    }

    private func aggregate(_ aggregate: SpanAggregate, _ start: SourceRange) -> Operand {
        Operand(
            part: .scalar(stages: [], .aggregate(aggregate)), range: SourceRange(start.start, lastEnd), aggregates: 1)
    }

    private mutating func parseRank(_ word: String) throws(TraceQLError) -> Int {
        try expect(.leftParen)
        guard case .int(let count) = token.kind else { throw unexpected("expecting INTEGER") }
        if count <= 0 { note("\(word)(\(count)) keeps nothing", token.source, hint: "\(word)(10)") }
        if count > TraceQLLimits.rankMax {
            note("\(word)(\(count)) is more than \(TraceQLLimits.rankMax)", token.source)
        }
        try advance()
        try expect(.rightParen)
        return Int(clamping: count)
    }

    // MARK: Metrics

    private mutating func parseFunction(_ word: String) throws(TraceQLError) -> Operand.Part {
        try advance()
        try expect(.leftParen)
        let function: MetricsFunction
        switch word {
        case "rate": function = .rate
        case "count_over_time": function = .count
        case "min_over_time": function = .min(try parseNumericField(word))
        case "max_over_time": function = .max(try parseNumericField(word))
        case "avg_over_time": function = .avg(try parseNumericField(word))
        case "sum_over_time": function = .sum(try parseNumericField(word))
        case "histogram_over_time": function = .histogram(try parseNumericField(word))
        case "quantile_over_time": function = .quantile(try parseNumericField(word), try parseQuantiles())
        default: function = .compare(try parseComparison())
        }
        try expect(.rightParen)
        let place = token.source
        guard isNext(word: "by") else { return .function(function, by: []) }
        try advance()
        let by = try parseFields(max: TraceQLLimits.stagesMax)
        if by.count > TraceQLLimits.groupsMax {
            note("by() of more than \(TraceQLLimits.groupsMax) fields", SourceRange(place.start, lastEnd))
        }
        if case .compare = function { note("compare() has no by()", SourceRange(place.start, lastEnd)) }
        return .function(function, by: by)
    }

    private mutating func parseNumericField(_ word: String) throws(TraceQLError) -> SpanField {
        let place = token.source
        let field = try parseFieldName()
        if case .intrinsic(let intrinsic) = field, !TypedField.isNumeric(intrinsic.valueType) {
            note("\(word)() of \(intrinsic.valueType), expecting a number", place)
        }
        return field
    }

    private mutating func parseQuantiles() throws(TraceQLError) -> [Double] {
        try expect(.comma, hint: "quantile_over_time(duration, 0.9)")
        var found: [Double] = []
        repeat {
            switch token.kind {
            case .int(let number): found.append(Double(number))
            case .float(let number): found.append(number)
            default: throw unexpected("expecting a quantile")
            }
            if let last = found.last, !(0...1).contains(last) {
                note("quantile \(last) is not between 0 and 1", token.source)
            }
            try advance()
        } while try take(.comma)
        guard found.count <= TraceQLLimits.quantilesMax else {
            throw error("more than \(TraceQLLimits.quantilesMax) quantiles", token.source)
        }
        return found
    }

    private mutating func parseComparison() throws(TraceQLError) -> SpanComparison {
        guard case .filter(let selection) = try parseFilter().expr else { throw unexpected() }
        var numbers: [Int64] = []
        let place = token.source
        while try take(.comma) {
            guard case .int(let number) = token.kind else { throw unexpected("expecting INTEGER") }
            numbers.append(number)
            try advance()
        }
        var comparison = SpanComparison(selection)
        guard [0, 1, 3].contains(numbers.count) else {
            throw error(
                "syntax error: compare() takes 1, 2 or 4 arguments", SourceRange(place.start, lastEnd),
                hint: "compare({ … }, 10, start, end)")
        }
        if let top = numbers.first {
            if top <= 0 || top > TraceQLLimits.rankMax { note("compare() of \(top) values", place) }
            comparison.top = Int(clamping: top)
        }
        if numbers.count == 3 {
            if numbers[1] >= numbers[2] { note("compare() from \(numbers[1]) to \(numbers[2])", place) }
            comparison.window = SpanComparison.Window(start: numbers[1], end: numbers[2])
        }
        return comparison
    }

    // MARK: Hints

    /// `with (name=value, …)`
    mutating func parseHints() throws(TraceQLError) -> [TraceQLHint] {
        guard isNext(word: "with") else { return [] }
        try advance()
        try expect(.leftParen)
        var hints: [TraceQLHint] = []
        repeat {
            guard token.kind == .word else { throw unexpected("expecting IDENTIFIER") }
            let name = text
            try advance()
            try expect(.equal)
            let isNegative = try take(.subtract)
            guard var value = try takeLiteral() else { throw unexpected("expecting a value") }
            if isNegative {
                switch value {
                case .int(let number) where number != .min: value = .int(-number)
                case .float(let number): value = .float(-number)
                case .duration(let number) where number != .min: value = .duration(-number)
                default: throw error("syntax error: unexpected -", token.source)
                }
            }
            hints.append(TraceQLHint(name, value))
        } while try take(.comma)
        guard hints.count <= TraceQLLimits.stagesMax else { throw error("too many hints", token.source) }
        try expect(.rightParen)
        return hints
    }
}
