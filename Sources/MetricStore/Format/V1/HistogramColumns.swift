import Bedrock
import Model

/// A chunk of native histograms of one series: runs of equal layout, each with its populations as columns.
///
/// ```
/// ┌─ per run ────────────────────────────────────────────────────────────────────────────────────────────┐
/// │ rows (varint), layout (schema, zero threshold, spans, bounds), timestamp column, then columns, each  │
/// │ a varint length and bytes: reset hints (bytes), count, zero count, sum, one per bucket               │
/// └──────────────────────────────────────────────────────────────────────────────────────────────────────┘
/// ```
enum HistogramColumns {
    typealias Row = SeriesBatch.HistogramRow

    /// Appends rows, at least one, sorted by time.
    static func encode(_ rows: ArraySlice<Row>, scratch: ColumnScratch, into target: inout ByteBuffer) {
        var start = rows.startIndex
        while start < rows.endIndex {
            var end = start + 1
            while end < rows.endIndex, haveSameLayout(rows[start].histogram, rows[end].histogram) { end += 1 }
            encodeRun(rows[start..<end], scratch: scratch, into: &target)
            start = end
        }
    }

    private static func encodeRun(_ rows: ArraySlice<Row>, scratch: ColumnScratch, into target: inout ByteBuffer) {
        guard let first = rows.first?.histogram else { return }
        target.append(varint: rows.count)
        HistogramRecord.encodeLayout(first, into: &target)
        TimestampColumn.encode(rows.map(\.timestamp), count: rows.count, scratch: scratch, into: &target)
        for row in rows { target.append(row.histogram.resetHint.rawValue) }
        append(rows.map(\.histogram.count), scratch, &target)
        append(rows.map(\.histogram.zeroCount), scratch, &target)
        append(rows.map(\.histogram.sum), scratch, &target)
        for i in first.positiveBuckets.indices {
            append(rows.map { $0.histogram.positiveBuckets[i] }, scratch, &target)
        }
        for i in first.negativeBuckets.indices {
            append(rows.map { $0.histogram.negativeBuckets[i] }, scratch, &target)
        }
    }

    private static func append(_ values: [Double], _ scratch: ColumnScratch, _ target: inout ByteBuffer) {
        scratch.reserve(values.count)
        var bytes = ByteBuffer()
        ValueColumn.encode(values, count: values.count, scratch: scratch, into: &bytes)
        target.append(prefixed: bytes.bytes)
    }

    private static func haveSameLayout(_ a: NativeHistogram, _ b: NativeHistogram) -> Bool {
        a.schema == b.schema && a.zeroThreshold.bitPattern == b.zeroThreshold.bitPattern
            && a.positiveSpans == b.positiveSpans && a.negativeSpans == b.negativeSpans
            && a.customValues.map(\.bitPattern) == b.customValues.map(\.bitPattern)
            && a.positiveBuckets.count == b.positiveBuckets.count && a.negativeBuckets.count == b.negativeBuckets.count
    }

    /// Reads all rows of a chunk.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) -> [Row] {
        var reader = ByteReader(bytes)
        var rows: [Row] = []
        while !reader.isAtEnd { try decodeRun(&reader, into: &rows) }
        return rows
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
