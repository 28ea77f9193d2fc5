import Model

/// A word of the language with its place in the text.
struct Token {
    enum Kind: Equatable {
        case end
        case word
        /// The unescaped content.
        case string([UInt8])
        case int(Int64)
        case float(Double)
        /// Nanoseconds.
        case duration(Int64)
        /// `span.name`, `.name`.
        case attribute(AttributeScope, String)
        /// `span:id`.
        case intrinsic(SpanIntrinsic)
        /// `parent.…`, which nothing evaluates.
        case parentAttribute
        case symbol(Symbol)
    }

    /// By their text.
    enum Symbol: String, CaseIterable {
        case leftBrace = "{"
        case rightBrace = "}"
        case leftParen = "("
        case rightParen = ")"
        case comma = ","
        case pipe = "|"
        case and = "&&"
        case or = "||"
        case equal = "="
        case notEqual = "!="
        case matches = "=~"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case ancestor = "<<"
        case descendant = ">>"
        case sibling = "~"
        case notChild = "!>"
        case notDescendant = "!>>"
        case notParent = "!<"
        case notAncestor = "!<<"
        /// `!~` in braces: no match.
        case notSibling = "!~"
        case unionChild = "&>"
        case unionDescendant = "&>>"
        case unionParent = "&<"
        case unionAncestor = "&<<"
        case unionSibling = "&~"
        case not = "!"
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case modulo = "%"
        case power = "^"

        /// In braces and between numbers.
        var comparison: SpanCondition.Comparison? {
            switch self {
            case .equal: .equal
            case .notEqual: .notEqual
            case .less: .less
            case .lessOrEqual: .lessOrEqual
            case .greater: .greater
            case .greaterOrEqual: .greaterOrEqual
            default: nil
            }
        }

        var arithmetic: ArithmeticOperator? { ArithmeticOperator(rawValue: rawValue) }

        /// Between span sets.
        var structural: SpansetOperator? {
            for form in SpansetOperator.Form.allCases where rawValue.hasPrefix(form.rawValue) {
                let rest = String(rawValue.dropFirst(form.rawValue.count))
                if let relation = SpanRelation(rawValue: rest) { return .structural(relation, form) }
            }
            return nil
        }
    }

    var kind: Kind
    var source: SourceRange

    /// What error texts call it; `text` is the token's own.
    func described(_ text: String) -> String {
        switch kind {
        case .end: "$end"
        case .word where TraceQLWords.isKeyword(text): text
        case .word: "IDENTIFIER " + quoted(Self.abbreviated(text))
        case .string: "STRING " + Self.abbreviated(text)
        case .int: "INTEGER " + Self.abbreviated(text)
        case .float: "FLOAT " + Self.abbreviated(text)
        case .duration: "DURATION " + Self.abbreviated(text)
        case .attribute, .intrinsic, .parentAttribute: "ATTRIBUTE " + Self.abbreviated(text)
        case .symbol: text
        }
    }

    private static func abbreviated(_ text: String) -> String {
        text.utf8.count > 40 ? String(text.prefix(40)) + "…" : text
    }
}

/// The words that mean something.
enum TraceQLWords {
    static let aggregates = SpanAggregate.Operation.allCases.map(\.rawValue)
    static let stages = aggregates + ["by", "coalesce", "select"] + MetricsFunction.names + ["topk", "bottomk"]
    private static let keywords = Set(stages + FieldNames.expressionWords + ["parent", "with"])

    static func isKeyword(_ word: String) -> Bool { keywords.contains(word) }
}
