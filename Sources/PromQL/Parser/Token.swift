import Model

/// A word of the language with its place in the text.
struct Token {
    enum Kind: Equatable {
        case end
        /// A name without a colon.
        case identifier
        /// A name with a colon.
        case metricIdentifier
        /// The unescaped content; its source is the token's.
        case string(StringLiteral)
        case number
        case duration
        case leftParen, rightParen, leftBrace, rightBrace, leftBracket, rightBracket, comma, colon
        /// `=`
        case assign
        /// `=~` inside braces.
        case matchesRegex
        /// `!~` inside braces.
        case matchesNotRegex
        case at
        case `operator`(BinaryOperator)
        case aggregator(AggregateOperator)
        case keyword(Keyword)
    }

    /// Words with a meaning in some places, which are names elsewhere.
    enum Keyword: String, CaseIterable {
        case bool, by, without, on, ignoring, offset, start, end, step, range, anchored, smoothed
        case groupLeft = "group_left"
        case groupRight = "group_right"

        /// Whether the word can be a metric's name.
        var isMetricName: Bool {
            switch self {
            case .bool, .on, .ignoring, .groupLeft, .groupRight: false
            default: true
            }
        }
    }

    var kind: Kind
    var source: SourceRange

    /// What error texts call it; `text` is the token's own.
    func described(_ text: String) -> String {
        switch kind {
        case .end: "end of input"
        case .identifier: "identifier " + quoted(text)
        case .metricIdentifier: "metric identifier " + quoted(text)
        case .string: "string " + Self.abbreviated(text)
        case .number: "number " + Self.abbreviated(text)
        case .duration: "duration " + Self.abbreviated(text)
        case .at, .operator: "<op:\(text)>"
        case .aggregator: "<aggr:\(text)>"
        case .keyword: "<\(text)>"
        default: quoted(text)
        }
    }

    private static func abbreviated(_ text: String) -> String {
        text.utf8.count > 10 ? quoted(String(text.prefix(10))) + "..." : quoted(text)
    }

    /// What a word is, whatever its case.
    static func kind(ofWord word: String) -> Kind {
        words[word.lowercased()] ?? (word.utf8.contains(58) ? .metricIdentifier : .identifier)
    }

    private static let words: [String: Kind] = {
        var words: [String: Kind] = ["inf": .number, "nan": .number]
        for op in [BinaryOperator.and, .or, .unless, .atan2] { words[op.rawValue] = .operator(op) }
        for op in AggregateOperator.allCases { words[op.rawValue] = .aggregator(op) }
        for keyword in Keyword.allCases { words[keyword.rawValue] = .keyword(keyword) }
        return words
    }()
}
