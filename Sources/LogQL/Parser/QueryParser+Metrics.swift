import Bedrock
import Kernels
import Model

/// Expressions of numbers: operators, aggregations, functions.
extension QueryParser {
    /// A query of either kind. The height of a tree bounds chains of operators, which nest without parentheses.
    enum Parsed {
        case log(LogQuery, SourceRange)
        case metric(MetricExpr, height: Int)
    }

    // MARK: Operators

    /// - Parameter weakest: the lowest precedence of operators to take.
    mutating func parseOperand(weakest: Int) throws(LogQLError) -> Parsed {
        var left = try parsePrimary()
        while let op = nextOperator(), op.precedence >= weakest { left = try parseBinary(left, op) }
        return left
    }

    private func nextOperator() -> BinaryOperator? {
        switch token.kind {
        case .identifier:
            let word = text.lowercased()
            return word == "and" || word == "or" || word == "unless" ? BinaryOperator(rawValue: word) : nil
        case .symbol(let symbol):
            guard let op = BinaryOperator(rawValue: symbol.rawValue), op.arithmetic != nil || op.comparison != nil
            else { return nil }
            return op
        default: return nil
        }
    }

    private mutating func parseBinary(_ left: Parsed, _ op: BinaryOperator) throws(LogQLError) -> Parsed {
        let place = token.source
        try advance()
        let returnsBool = try parseBool(op)
        let matching = try parseMatching(op)
        let rightPlace = token.source
        let right = try nested { (parser) throws(LogQLError) -> Parsed in
            try parser.parseOperand(weakest: op.isRightAssociative ? op.precedence : op.precedence + 1)
        }
        let lhs = try metricLeg(left, "left", op, place)
        let rhs = try metricLeg(right, "right", op, rightPlace)
        if op.isSetOperator {
            for (side, leg) in [("left", lhs.0), ("right", rhs.0)] {
                guard case .literal(let number) = leg else { continue }
                let text = NumberText.text(number.value, .general)
                throw error(
                    "unexpected literal for \(side) leg of logical/set binary operation (\(op.rawValue)): \(text)",
                    place, hint: "vector(\(text)) makes a vector of it")
            }
        }
        if case .literal(let a) = lhs.0, case .literal(let b) = rhs.0 {
            return .metric(.literal(MetricNumber(LiteralArithmetic.apply(op, a.value, b.value))), height: 1)
        }
        let binary = MetricBinary(op, lhs.0, rhs.0, returnsBool: returnsBool, matching: matching)
        return try node(.binary(binary), over: max(lhs.1, rhs.1), place)
    }

    private func metricLeg(
        _ parsed: Parsed, _ side: String, _ op: BinaryOperator, _ place: SourceRange
    ) throws(LogQLError) -> (MetricExpr, Int) {
        switch parsed {
        case .metric(let metric, let height): return (metric, height)
        case .log(_, let source):
            throw error(
                "unexpected type for \(side) leg of binary operation (\(op.rawValue)): log query", source,
                hint: "count_over_time(…[5m]) makes numbers of lines")
        }
    }

    private mutating func parseBool(_ op: BinaryOperator) throws(LogQLError) -> Bool {
        guard isNext(word: "bool") else { return false }
        if op.comparison == nil {
            throw error("bool modifier can only be used on comparison operators", token.source)
        }
        try advance()
        return true
    }

    private mutating func parseMatching(_ op: BinaryOperator) throws(LogQLError) -> VectorMatching {
        var matching = VectorMatching()
        if op.isSetOperator { matching.cardinality = .manyToMany }
        guard isNext(word: "on") || isNext(word: "ignoring") else { return matching }
        matching.isOn = isNext(word: "on")
        try advance()
        matching.labels = try parseLabelList()
        guard isNext(word: "group_left") || isNext(word: "group_right") else { return matching }
        if op.isSetOperator { throw error("no grouping allowed for \(quoted(op.rawValue)) operation", token.source) }
        matching.cardinality = isNext(word: "group_left") ? .manyToOne : .oneToMany
        let place = token.source
        try advance()
        if isAtLabelList() { matching.include = try parseLabelList() }
        if matching.isOn, let shared = matching.labels.first(where: matching.include.contains) {
            throw error("label \(quoted(shared)) must not occur in ON and GROUP clause at once", place)
        }
        return matching
    }

    /// Whether the parenthesis here opens a list of labels rather than an operand.
    private func isAtLabelList() -> Bool {
        guard isNext(.leftParen) else { return false }
        var ahead = lexer
        guard let first = try? ahead.next() else { return false }
        if first.kind == .symbol(.rightParen) { return true }
        guard first.kind == .identifier, let second = try? ahead.next() else { return false }
        return second.kind == .symbol(.comma) || second.kind == .symbol(.rightParen)
    }

    /// `(a, b, …)`
    private mutating func parseLabelList() throws(LogQLError) -> [String] {
        try expect(.leftParen)
        var labels: [String] = []
        while true {
            if try take(.rightParen) { return labels }
            labels.append(try expectIdentifier())
            if try take(.comma) { continue }
            guard isNext(.rightParen) else { throw unexpected("expecting , or )") }
        }
    }

    func node(_ expr: MetricExpr, over height: Int, _ place: SourceRange) throws(LogQLError) -> Parsed {
        guard height < LogQLLimits.heightMax else {
            throw error("query is more than \(LogQLLimits.heightMax) operations deep", place)
        }
        return .metric(expr, height: height + 1)
    }

    // MARK: Primaries

    private mutating func parsePrimary() throws(LogQLError) -> Parsed {
        switch token.kind {
        case .symbol(.leftBrace):
            let start = token.source.start
            let query = try parseLogQuery()
            return .log(query, SourceRange(start, lastEnd))
        case .symbol(.leftParen):
            try advance()
            let inner = try nested { (parser) throws(LogQLError) -> Parsed in try parser.parseOperand(weakest: 1) }
            try expect(.rightParen)
            return inner
        case .literal, .symbol(.add), .symbol(.subtract):
            return .metric(.literal(MetricNumber(try parseNumber())), height: 1)
        case .identifier:
            if let special = specialNumber() {
                try advance()
                return .metric(.literal(MetricNumber(special)), height: 1)
            }
            return try parseCall()
        default: throw unexpected(hint: "a query begins with a selector, {app=\"…\"}, or an aggregation, rate(…[5m])")
        }
    }

    /// A selector and its stages, without a range.
    private mutating func parseLogQuery() throws(LogQLError) -> LogQuery {
        var query = LogQuery(matchers: try parseSelector())
        while isAtStage { try parseStage(into: &query.stages) }
        return query
    }

    /// A number with an optional sign.
    mutating func parseNumber() throws(LogQLError) -> Double {
        let isNegative = isNext(.subtract)
        if isNegative || isNext(.add) { try advance() }
        if let special = specialNumber() {
            try advance()
            return isNegative ? -special : special
        }
        guard token.kind == .literal else { throw unexpected("expecting NUMBER") }
        guard let value = NumberText.parseFloat(text, syntax: .go) else {
            throw error(
                "unable to parse literal as a float: strconv.ParseFloat: parsing \(quoted(text)): invalid syntax",
                token.source)
        }
        try advance()
        return isNegative ? -value : value
    }

    private mutating func parseCall() throws(LogQLError) -> Parsed {
        let place = token.source
        let word = text.lowercased()
        if let operation = RangeAggregation.Operation(rawValue: word) {
            try advance()
            return .metric(try parseRangeAggregation(operation, place), height: 1)
        }
        if let operation = VectorAggregation.Operation(rawValue: word) {
            try advance()
            return try nested { (parser) throws(LogQLError) -> Parsed in
                try parser.parseVectorAggregation(operation, place)
            }
        }
        switch word {
        case "label_replace":
            try advance()
            return try nested { (parser) throws(LogQLError) -> Parsed in try parser.parseLabelReplace(place) }
        case "vector":
            try advance()
            try expect(.leftParen)
            let value = try parseNumber()
            try expect(.rightParen)
            return .metric(.constant(MetricNumber(value)), height: 1)
        default:
            let near = Suggestion.nearest(word, in: LogQLWords.functions).map { "did you mean \($0)?" }
            throw unexpected(hint: near ?? "a query begins with a selector, {app=\"…\"}, or an aggregation")
        }
    }

    // MARK: Calls

    private mutating func parseLabelReplace(_ place: SourceRange) throws(LogQLError) -> Parsed {
        try expect(.leftParen)
        let (operand, height) = try parseMetricArgument("label_replace")
        var texts: [String] = []
        var regexSource = token.source
        for _ in 0..<4 {
            guard isNext(.comma) else { throw unexpected("expecting ,") }
            try advance()
            regexSource = token.source
            texts.append(try expectString())
        }
        try expect(.rightParen)
        do { _ = try RegularExpression(texts[3], anchored: true) } catch {
            throw self.error("invalid regex in label_replace: error parsing regexp: \(error.reason)", regexSource)
        }
        let call = LabelReplaceCall(
            operand, target: texts[0], replacement: texts[1], source: texts[2], regex: texts[3])
        return try node(.labelReplace(call), over: height, place)
    }

    /// An operand that must be numbers.
    private mutating func parseMetricArgument(_ function: String) throws(LogQLError) -> (MetricExpr, Int) {
        let parsed = try parseOperand(weakest: 1)
        switch parsed {
        case .metric(let metric, let height): return (metric, height)
        case .log:
            let hint = isNext(.leftBracket) ? "count_over_time" : "count_over_time(…[5m])"
            throw unexpected(
                "expecting an aggregation of a range", hint: "\(function) takes numbers: wrap the log query in \(hint)")
        }
    }

    private mutating func parseVectorAggregation(
        _ operation: VectorAggregation.Operation, _ place: SourceRange
    ) throws(LogQLError) -> Parsed {
        let name = operation.rawValue
        var grouping = try parseGrouping()
        try expect(.leftParen)
        var parameter: Int?
        if token.kind == .literal, peekBehind()?.kind == .symbol(.comma) {
            let source = token.source
            let value = try parseNumber()
            let written = lexer.text(source)
            guard operation.needsParameter else {
                throw error("unsupported parameter for operation \(name)(\(written),", source)
            }
            guard let count = Int(exactly: value), count > 0 else {
                throw error("invalid parameter \(name)(\(written),", source, hint: "a whole number above 0")
            }
            parameter = count
            try advance()
        }
        let (operand, height) = try parseMetricArgument(name)
        try expect(.rightParen)
        if grouping == nil { grouping = try parseGrouping() }
        let source = SourceRange(place.start, lastEnd)
        if operation.needsParameter && parameter == nil {
            throw error("parameter required for operation \(name)", source, hint: "\(name)(10, …)")
        }
        if grouping != nil && !operation.allowsGrouping {
            throw error("grouping not allowed for \(name) aggregation", source)
        }
        if operand.isLiteral {
            throw error("\(name) takes a vector, got a literal", source, hint: "vector(1) makes a vector of a number")
        }
        let aggregation = VectorAggregation(operation, operand, parameter: parameter, grouping: grouping)
        return try node(.vector(aggregation), over: height, place)
    }

    mutating func parseGrouping() throws(LogQLError) -> MetricGrouping? {
        let without = isNext(word: "without")
        guard without || isNext(word: "by") else { return nil }
        try advance()
        return MetricGrouping(try parseLabelList(), without: without)
    }
}

/// Operators between literals, done by the parser.
enum LiteralArithmetic {
    /// Comparisons give 0 or 1; anything divided by zero is NaN.
    static func apply(_ op: BinaryOperator, _ a: Double, _ b: Double) -> Double {
        if let comparison = op.comparison { return comparison.holds(a, b) ? 1 : 0 }
        guard let arithmetic = op.arithmetic else { return .nan }
        if op == .divide && b == 0 { return .nan }
        return ArithmeticKernels.apply(arithmetic, a, b)
    }
}
