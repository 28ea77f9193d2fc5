import Bedrock

/// The timestamps of one or many chunks: rows, then an integer column of milliseconds.
///
/// A schedule kept to the millisecond has constant steps and costs a dozen bytes; one that jitters is a straight line with small
/// residuals; the rest are delta-of-deltas.
enum TimestampColumn {
    /// More rows than any writer puts into a chunk; what a reader allocates for one is bounded by it.
    static let rowsMax = 1 << 16

    static func encode(
        _ timestamps: UnsafePointer<Int64>, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        precondition(count > 0 && count <= rowsMax, "a timestamp column of \(count) rows")
        scratch.reserve(count)
        target.append(varint: count)
        IntegerColumn.encode(timestamps, count: count, scratch: scratch, into: &target)
    }

    /// The row count at the front of a column.
    static func count(_ reader: inout ByteReader) throws(DecodeError) -> Int {
        let count = try reader.length(limit: rowsMax)
        guard count > 0 else { throw DecodeError("a timestamp column without rows", at: reader.offset) }
        return count
    }

    /// Reads the rows behind a `count` read just before.
    /// - Throws: also when they don't ascend: readers search in them.
    static func decode(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<Int64>
    ) throws(DecodeError) {
        try IntegerColumn.decode(&reader, count: count, into: target)
        var ascends = true
        for i in 1..<max(count, 1) { ascends = ascends && target[i - 1] < target[i] }
        guard ascends else { throw DecodeError("timestamps don't ascend", at: reader.offset) }
    }
}
