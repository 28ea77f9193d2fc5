/// A place in a text: line and column, both from 1; the column counts bytes.
public struct TextPosition: Equatable, Sendable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// Where byte `offset` of `bytes` is. Counts lines from the start, so it is for errors only.
    public init(of offset: Int, in bytes: UnsafeRawBufferPointer) {
        line = 1
        var lineStart = 0
        for i in 0..<min(offset, bytes.count) where bytes[i] == UInt8(ascii: "\n") {
            line += 1
            lineStart = i + 1
        }
        column = max(offset - lineStart, 0) + 1
    }
}
