import Bedrock
import Model

/// The lines of one block, opened. One thread at a time.
public final class LineBlock {
    private let texts = LineArena(capacity: 4096)
    private let dictionary: LineDictionary

    /// `owner` keeps `bytes` alive.
    public init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, dictionary: LineDictionary) throws(ColumnError) {
        self.dictionary = dictionary
        var reader = ByteReader(bytes)
        try TextArena.decode(&reader, into: texts)
    }

    public var rowCount: Int { texts.count }

    /// Keeps the rows whose line passes.
    public func filter(_ verdicts: LineVerdicts, rows: inout RowSet) throws(ColumnError) {
        precondition(rows.rowCount == rowCount, "\(rows.rowCount) rows for a block of \(rowCount)")
        rows.filter { verdicts.matches(texts[$0]) }
    }

    /// Appends the lines of `rows`, ascending, to `lines`.
    public func read(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) throws(ColumnError) {
        for row in rows { lines.append(texts[Int(row)]) }
    }

    /// Bytes of each row's line, into room for `rowCount` numbers.
    public func readLengths(into lengths: UnsafeMutablePointer<Int32>) throws(ColumnError) {
        for row in 0..<rowCount { lengths[row] = Int32(truncatingIfNeeded: texts[row].count) }
    }

    /// Rows of each pattern that the block has. Rows without a pattern are not counted.
    public func patternCounts() throws(ColumnError) -> [(pattern: Int, rows: Int)] { [] }

    /// Calls `body` with row and pattern of all rows that have one, ascending.
    public func forEachPattern(_ body: (_ row: Int, _ pattern: Int) -> Void) throws(ColumnError) {}
}
