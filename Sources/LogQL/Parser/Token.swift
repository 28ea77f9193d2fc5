import Model

public typealias LogQLError = ParseError

/// A word of the language with its place in the text.
struct Token {
    enum Kind: Equatable {
        case end
        case identifier
        /// The unescaped content.
        case string([UInt8])
        /// A number, duration or size: what it is depends on where it stands.
        case literal
        case symbol(Symbol)
    }

    /// By their text.
    enum Symbol: String {
        case leftParen = "("
        case rightParen = ")"
        case leftBrace = "{"
        case rightBrace = "}"
        case leftBracket = "["
        case rightBracket = "]"
        case comma = ","
        case pipe = "|"
        case pipeContains = "|="
        case pipeMatches = "|~"
        case pipePattern = "|>"
        case notPattern = "!>"
        case equal = "="
        case matches = "=~"
        case notMatches = "!~"
        case doubleEqual = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case modulo = "%"
        case power = "^"
    }

    var kind: Kind
    var source: SourceRange

    /// What error texts call it; `text` is the token's own.
    func described(_ text: String) -> String {
        switch kind {
        case .end: "$end"
        case .identifier where LogQLWords.isKeyword(text): text
        case .identifier: "IDENTIFIER " + quoted(Self.abbreviated(text))
        case .string: "STRING " + Self.abbreviated(text)
        case .literal: "NUMBER " + Self.abbreviated(text)
        case .symbol: text
        }
    }

    private static func abbreviated(_ text: String) -> String {
        text.utf8.count > 40 ? String(text.prefix(40)) + "…" : text
    }
}

/// The words that mean something in some place; elsewhere they are names.
enum LogQLWords {
    static let stages = [
        "json", "logfmt", "regexp", "pattern", "unpack", "line_format", "label_format", "decolorize", "drop", "keep",
        "unwrap",
    ]
    static let functions =
        RangeAggregation.Operation.allCases.map(\.rawValue) + VectorAggregation.Operation.allCases.map(\.rawValue)
        + ["label_replace", "vector"]
    private static let others = [
        "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless", "ip",
    ]
    private static let keywords = Set(stages + functions + others)

    static func isKeyword(_ word: String) -> Bool { keywords.contains(word.lowercased()) }
}
