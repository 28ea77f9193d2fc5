/// Why a text is no valid query, and where; of every query language. Rendered as Prometheus' API does: `1:5: parse error: …`.
public struct ParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text of the language's first implementation (Prometheus, Loki) where it has one.
    public let message: String
    /// Bytes of the query that are to blame; may be empty (at the end of the input).
    public let range: SourceRange
    /// Line of `range.start`, from 1.
    public let line: Int
    /// Byte column of `range.start`, from 1.
    public let column: Int
    /// What the writer may have meant, a phrase without a full stop.
    public let hint: String?

    /// - Parameter text: the whole query, for line and column.
    public init(_ message: String, _ range: SourceRange, in text: [UInt8], hint: String? = nil) {
        self.message = message
        self.range = range
        self.hint = hint
        var line = 1
        var lineStart = 0
        for (offset, byte) in text.prefix(range.start).enumerated() where byte == UInt8(ascii: "\n") {
            line += 1
            lineStart = offset + 1
        }
        self.line = line
        column = range.start - lineStart + 1
    }

    public var description: String { "\(line):\(column): parse error: \(message)" }

    /// The offending line of `query` and, below it, carets under the range; for terminals.
    public func excerpt(of query: String) -> String {
        let lines = query.split(separator: "\n", omittingEmptySubsequences: false)
        guard line <= lines.count else { return query }
        let text = String(lines[line - 1])
        let before = String(decoding: text.utf8.prefix(column - 1), as: UTF8.self)
        let marked = String(
            decoding: text.utf8.dropFirst(column - 1).prefix(max(range.end - range.start, 1)), as: UTF8.self)
        let indent = before.map { $0 == "\t" ? "\t" : " " }
        return text + "\n" + indent.joined() + String(repeating: "^", count: max(marked.count, 1))
    }
}
