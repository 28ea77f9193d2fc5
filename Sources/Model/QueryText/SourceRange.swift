/// Where a piece of a query stands in its text: byte offsets into the UTF-8 form, the end excluded.
public struct SourceRange: Hashable, Sendable {
    public var start: Int
    public var end: Int

    public init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = end
    }

    /// The place of nodes that no text gave rise to.
    public static let none = SourceRange(0, 0)

    /// From the start of this range to the end of `other`.
    public func through(_ other: SourceRange) -> SourceRange { SourceRange(start, other.end) }

    /// Line and column of `start` in `text`, both from 1, columns counted in bytes, as in Prometheus' errors and annotations.
    public func lineAndColumn(in text: String) -> (line: Int, column: Int) {
        var line = 1
        var column = 1
        for byte in text.utf8.prefix(start) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return (line, column)
    }

    /// `line:column` of the start, as it ends annotations.
    public func position(in text: String) -> String {
        let (line, column) = lineAndColumn(in: text)
        return "\(line):\(column)"
    }
}
