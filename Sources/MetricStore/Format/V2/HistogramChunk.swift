import Bedrock
import Model

/// A chunk of native histograms of one series, version 2: groups of rows whose layouts differ in their spans at most, each group with one
/// column for every bucket that any of its rows has.
///
/// ```
/// ┌──────┬─ per group ────────────────────────────────────────────────────────────────────────────────────┐
/// │ 0 u8 │ rows (varint), schema (svarint), zero threshold (compact), custom bounds (count, compact each) │
/// │      │ layouts (varint): 1: its spans │ n: all buckets (below), spans of each, then runs of rows:     │
/// │      │   their number, each layout and rows (varints)                                                 │
/// │      │ timestamp column; reset hint of all rows, or 255 and one each (u8)                             │
/// │      │ columns, each a varint length and bytes: count, zero count, sum, one per bucket                │
/// └──────┴────────────────────────────────────────────────────────────────────────────────────────────────┘
/// ```
/// Spans: positive, then negative ones: number, each offset (svarint) and length (varint). All buckets: positive, then negative ones: number
/// of runs, each distance from the end of the run before (svarint) and length (varint). A count column of no bytes: each count is the sum of
/// the zero count and the buckets. As new buckets come up the rows before have zeros in their columns, which cost next to nothing, and the
/// layouts tell which of them are there.
enum HistogramChunk {
    typealias Row = SeriesBatch.HistogramRow

    /// What begins a chunk of version 2; one of version 1 begins with its rows, of which there are some.
    static let mark: UInt8 = 0
    /// Rows whose hints differ.
    static let hintPerRow: UInt8 = 255
    /// Buckets of a group, both signs together. A group isn't joined beyond twice the buckets of its rows anyway.
    static let bucketsMax = 1 << 15

    // MARK: Encoding

    /// Appends rows, at least one and at most `SegmentLayout.histogramRowsMax`, sorted by time.
    static func encode(_ rows: ArraySlice<Row>, scratch: ColumnScratch, into target: inout ByteBuffer) {
        target.append(mark)
        var start = rows.startIndex
        var column = ByteBuffer(capacity: 1024)
        while start < rows.endIndex {
            var group = HistogramGroup(rows[start].histogram)
            var end = start + 1
            while end < rows.endIndex, group.add(rows[end].histogram) { end += 1 }
            encode(rows[start..<end], group, scratch: scratch, &column, into: &target)
            start = end
        }
    }

    private static func encode(
        _ rows: ArraySlice<Row>, _ group: HistogramGroup, scratch: ColumnScratch, _ column: inout ByteBuffer,
        into target: inout ByteBuffer
    ) {
        let count = rows.count
        scratch.reserve(count)
        target.append(varint: count)
        group.encode(into: &target)
        TimestampColumn.encode(rows.map(\.timestamp), count: count, scratch: scratch, into: &target)
        let hint = rows.first?.histogram.resetHint ?? .unknown
        if rows.allSatisfy({ $0.histogram.resetHint == hint }) {
            target.append(hint.rawValue)
        } else {
            target.append(hintPerRow)
            for row in rows { target.append(row.histogram.resetHint.rawValue) }
        }
        func append(_ values: UnsafePointer<Double>) {
            column.clear()
            ValueColumn.encode(values, count: count, scratch: scratch, into: &column)
            target.append(prefixed: column.bytes)
        }
        if rows.allSatisfy({ $0.histogram.countOfBuckets.bitPattern == $0.histogram.count.bitPattern }) {
            target.append(varint: 0 as Int)
        } else {
            append(rows.map(\.histogram.count))
        }
        append(rows.map(\.histogram.zeroCount))
        append(rows.map(\.histogram.sum))
        // Bucket by bucket, the rows of each beside one another.
        var matrix = [Double](repeating: 0, count: group.bucketCount * count)
        for (i, row) in rows.enumerated() {
            let places = group.places[group.layoutOfRow[i]]
            var at = 0
            for value in row.histogram.positiveBuckets {
                matrix[places[at] * count + i] = value
                at += 1
            }
            for value in row.histogram.negativeBuckets {
                matrix[places[at] * count + i] = value
                at += 1
            }
        }
        matrix.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return }
            for bucket in 0..<group.bucketCount { append(base + bucket * count) }
        }
    }

    // MARK: Decoding

    /// Reads the rows of a chunk of either version that lie in the range, and says how many it has in all.
    /// - Throws: also when they don't ascend.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, in range: TimeRange = .everything
    ) throws(DecodeError) -> (rows: [Row], count: Int) {
        if bytes.first != mark { return try HistogramColumns.decode(bytes, in: range) }
        var reader = ByteReader(bytes)
        _ = try reader.u8()
        var rows: [Row] = []
        var count = 0
        var last = Int64.min
        while !reader.isAtEnd { try decodeGroup(&reader, range, &count, &last, into: &rows) }
        return (rows, count)
    }

    private static func decodeGroup(
        _ reader: inout ByteReader, _ range: TimeRange, _ total: inout Int, _ last: inout Int64, into rows: inout [Row]
    ) throws(DecodeError) {
        let count = try reader.length(limit: SegmentLayout.histogramRowsMax)
        guard count > 0 else { throw DecodeError("a group of no histograms", at: reader.offset) }
        let group = try HistogramGroup(&reader, rows: count)
        guard try TimestampColumn.count(&reader) == count else {
            throw DecodeError("timestamps and histograms differ in number", at: reader.offset)
        }
        var times = [Int64](repeating: 0, count: count)
        try TimestampColumn.decode(&reader, count: count, into: &times)
        guard total == 0 || times[0] > last else { throw DecodeError("histograms don't ascend", at: reader.offset) }
        total += count
        last = times[count - 1]
        let hints = try decodeHints(&reader, count)
        // Count, zero count, sum, buckets.
        var matrix = [Double](repeating: 0, count: (group.bucketCount + 3) * count)
        let isCountLeftOut = try decodeColumns(&reader, count, group.bucketCount + 3, into: &matrix)
        for i in 0..<count where range.contains(times[i]) {
            let layout = group.layoutOfRow[i]
            var histogram = group.layouts[layout]
            histogram.resetHint = hints[i]
            histogram.count = matrix[i]
            histogram.zeroCount = matrix[count + i]
            histogram.sum = matrix[2 * count + i]
            let places = group.places[layout]
            let positive = group.positiveCounts[layout]
            histogram.positiveBuckets = gather(places[..<positive], i, count, matrix)
            histogram.negativeBuckets = gather(places[positive...], i, count, matrix)
            if isCountLeftOut { histogram.count = histogram.countOfBuckets }
            rows.append(Row(timestamp: times[i], histogram: histogram))
        }
    }

    private static func decodeHints(
        _ reader: inout ByteReader, _ count: Int
    ) throws(DecodeError) -> [NativeHistogram.ResetHint] {
        func hint(_ value: UInt8) throws(DecodeError) -> NativeHistogram.ResetHint {
            guard let hint = NativeHistogram.ResetHint(rawValue: value) else {
                throw DecodeError("unknown reset hint \(value)", at: reader.offset)
            }
            return hint
        }
        let first = try reader.u8()
        if first != hintPerRow { return [NativeHistogram.ResetHint](repeating: try hint(first), count: count) }
        var hints: [NativeHistogram.ResetHint] = []
        for value in try reader.take(count) { hints.append(try hint(value)) }
        return hints
    }

    /// Returns whether the first column is left out.
    private static func decodeColumns(
        _ reader: inout ByteReader, _ count: Int, _ columns: Int, into matrix: inout [Double]
    ) throws(DecodeError) -> Bool {
        var isFirstLeftOut = false
        var failure: DecodeError?
        matrix.withUnsafeMutableBufferPointer { all in
            guard let base = all.baseAddress else { return }
            do throws(DecodeError) {
                for column in 0..<columns {
                    let bytes = try reader.prefixed()
                    if column == 0, bytes.isEmpty {
                        isFirstLeftOut = true
                    } else {
                        try ValueColumn.decode(bytes, count: count, into: base + column * count)
                    }
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return isFirstLeftOut
    }

    /// One row's populations, from the columns behind count, zero count and sum.
    private static func gather(_ places: ArraySlice<Int>, _ row: Int, _ count: Int, _ matrix: [Double]) -> [Double] {
        [Double](unsafeUninitializedCapacity: places.count) { target, used in
            var at = 0
            for place in places {
                target[at] = matrix[(place + 3) * count + row]
                at += 1
            }
            used = at
        }
    }
}

extension NativeHistogram {
    /// The zero bucket and all others together, in this order.
    var countOfBuckets: Double {
        var total = zeroCount
        for value in positiveBuckets { total += value }
        for value in negativeBuckets { total += value }
        return total
    }
}
