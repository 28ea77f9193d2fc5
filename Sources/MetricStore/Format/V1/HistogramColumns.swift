import Bedrock
import Model

/// A chunk of native histograms of one series, version 1, which is only read: runs of equal layout, each with its populations as columns.
///
/// ```
/// ┌─ per run ────────────────────────────────────────────────────────────────────────────────────────────┐
/// │ rows (varint), layout (schema, zero threshold, spans, bounds), timestamp column, then columns, each  │
/// │ a varint length and bytes: reset hints (bytes), count, zero count, sum, one per bucket               │
/// └──────────────────────────────────────────────────────────────────────────────────────────────────────┘
/// ```
enum HistogramColumns {
    typealias Row = SeriesBatch.HistogramRow

    /// Reads the rows of a chunk that lie in the range, and says how many it has in all.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, in range: TimeRange
    ) throws(DecodeError) -> (rows: [Row], count: Int) {
        var reader = ByteReader(bytes)
        var rows: [Row] = []
        while !reader.isAtEnd { try decodeRun(&reader, into: &rows) }
        for i in rows.indices.dropFirst() where rows[i - 1].timestamp >= rows[i].timestamp {
            throw DecodeError("histograms don't ascend", at: 0)
        }
        let count = rows.count
        rows.removeAll { !range.contains($0.timestamp) }
        return (rows, count)
    }

    private static func decodeRun(_ reader: inout ByteReader, into rows: inout [Row]) throws(DecodeError) {
        let count = try reader.length(limit: SegmentLayout.histogramRowsMax)
        var layout = try HistogramRecord.decodeLayout(&reader)
        let positive = HistogramRecord.bucketCount(layout.positiveSpans)
        let negative = HistogramRecord.bucketCount(layout.negativeSpans)
        // Every bucket has a column of two bytes at least, which bounds what lying spans can make us allocate.
        guard count > 0, positive >= 0, negative >= 0, positive + negative <= reader.remaining / 2 else {
            throw DecodeError("more buckets than bytes", at: reader.offset)
        }
        guard try TimestampColumn.count(&reader) == count else {
            throw DecodeError("timestamps and histograms differ in number", at: reader.offset)
        }
        var times = [Int64](repeating: 0, count: count)
        try TimestampColumn.decode(&reader, count: count, into: &times)
        let hints = try reader.take(count)
        layout.positiveBuckets = [Double](repeating: 0, count: positive)
        layout.negativeBuckets = [Double](repeating: 0, count: negative)
        let first = rows.count
        for i in 0..<count {
            guard let hint = NativeHistogram.ResetHint(rawValue: hints[i]) else {
                throw DecodeError("unknown reset hint \(hints[i])", at: reader.offset)
            }
            layout.resetHint = hint
            rows.append(Row(timestamp: times[i], histogram: layout))
        }
        var column = [Double](repeating: 0, count: count)
        try read(&reader, &column)
        for i in 0..<count { rows[first + i].histogram.count = column[i] }
        try read(&reader, &column)
        for i in 0..<count { rows[first + i].histogram.zeroCount = column[i] }
        try read(&reader, &column)
        for i in 0..<count { rows[first + i].histogram.sum = column[i] }
        for bucket in 0..<positive {
            try read(&reader, &column)
            for i in 0..<count { rows[first + i].histogram.positiveBuckets[bucket] = column[i] }
        }
        for bucket in 0..<negative {
            try read(&reader, &column)
            for i in 0..<count { rows[first + i].histogram.negativeBuckets[bucket] = column[i] }
        }
    }

    private static func read(_ reader: inout ByteReader, _ column: inout [Double]) throws(DecodeError) {
        try ValueColumn.decode(try reader.prefixed(), count: column.count, into: &column)
    }
}
