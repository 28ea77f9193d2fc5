import Bedrock
import Kernels
import Model

/// Conditions on labels, combined with `and`, `or`, commas, blanks and parentheses.
extension QueryParser {
    private struct Node {
        var filter: LabelFilter
        var height: Int
    }

    mutating func parseLabelFilter() throws(LogQLError) -> LabelFilter { try parseDisjunction().filter }

    private mutating func parseDisjunction() throws(LogQLError) -> Node {
        var left = try parseConjunction()
        while isNext(word: "or") {
            try advance()
            let right = try parseConjunction()
            left = try node(.or(left.filter, right.filter), left, right)
        }
        return left
    }

    private mutating func parseConjunction() throws(LogQLError) -> Node {
        var left = try parseCondition()
        while true {
            if isNext(word: "and") || isNext(.comma) {
                try advance()
            } else if isNext(word: "or") || !(token.kind == .identifier || isNext(.leftParen)) {
                return left
            }
            let right = try parseCondition()
            left = try node(.and(left.filter, right.filter), left, right)
        }
    }

    /// Chains lean to the left, so their length adds to the height.
    private func node(_ filter: LabelFilter, _ a: Node, _ b: Node) throws(LogQLError) -> Node {
        let height = max(a.height, b.height) + 1
        guard height <= LogQLLimits.heightMax else {
            throw error("label filter is more than \(LogQLLimits.heightMax) conditions deep", token.source)
        }
        return Node(filter: filter, height: height)
    }

    private mutating func parseCondition() throws(LogQLError) -> Node {
        guard try take(.leftParen) else { return Node(filter: try parseComparison(), height: 1) }
        let inner = try nested { (parser) throws(LogQLError) -> Node in try parser.parseDisjunction() }
        try expect(.rightParen)
        return inner
    }

    private mutating func parseComparison() throws(LogQLError) -> LabelFilter {
        let start = token.source
        let name = try expectIdentifier()
        guard case .symbol(let symbol) = token.kind else { throw unfinished(name, start) }
        let operand = peekBehind()
        switch (symbol, operand?.kind) {
        case (.equal, .string), (.notEqual, .string), (.matches, _), (.notMatches, _):
            if let operand, operand.kind == .identifier {
                try advance()
                throw unexpected("expecting STRING", hint: "values of labels are quoted")
            }
            return .text(try parseTextCondition(name, start))
        case (.equal, .identifier), (.notEqual, .identifier):
            try advance()
            guard isNext(word: "ip") else {
                throw unexpected("expecting STRING, NUMBER or ip", hint: "values of labels are quoted")
            }
            return .ip(name, isNegated: symbol == .notEqual, try parseIPCall())
        default: break
        }
        guard let comparison = Self.comparison(symbol) else { throw unfinished(name, start) }
        try advance()
        return try parseValue(name, comparison)
    }

    private func unfinished(_ name: String, _ start: SourceRange) -> LogQLError {
        let functions = LogQLWords.stages
        if let near = Suggestion.nearest(name, in: functions) {
            return unexpected("expecting a comparison", hint: "did you mean the stage \(near)?")
        }
        return unexpected("expecting a comparison behind the label \(quoted(name))")
    }

    private static func comparison(_ symbol: Token.Symbol) -> LabelFilter.Comparison? {
        switch symbol {
        case .equal, .doubleEqual: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        default: nil
        }
    }

    /// A number, duration or size behind a comparison.
    private mutating func parseValue(
        _ name: String, _ comparison: LabelFilter.Comparison
    ) throws(LogQLError) -> LabelFilter {
        let start = token.source.start
        let isNegative = isNext(.subtract)
        if isNegative || isNext(.add) { try advance() }
        // NaN compares with nothing.
        if let special = specialNumber(), !special.isNaN {
            try advance()
            return .number(name, comparison, isNegative ? -special : special)
        }
        guard token.kind == .literal else { throw unexpected("expecting NUMBER, DURATION or BYTES") }
        let text = text
        let source = SourceRange(start, token.source.end)
        try advance()
        if let number = NumberText.parseFloat(text, syntax: .go) {
            return .number(name, comparison, isNegative ? -number : number)
        }
        if let nanoseconds = Literals.nanoseconds(text) {
            return .duration(name, comparison, isNegative ? -nanoseconds : nanoseconds)
        }
        if !isNegative, let bytes = Literals.bytes(text) { return .bytes(name, comparison, bytes) }
        throw error(
            "unable to parse literal as a float: strconv.ParseFloat: parsing \(quoted(text)): invalid syntax", source,
            hint: "numbers are decimal, durations such as 1m30s, sizes such as 20MB or 1.5KiB")
    }

    /// `NaN` and `Inf`, which printed queries may hold.
    func specialNumber() -> Double? {
        guard token.kind == .identifier else { return nil }
        switch text.lowercased() {
        case "inf": return .infinity
        case "nan": return .nan
        default: return nil
        }
    }
}
