import Bedrock
import Model

/// Encodes batches as remote-write 1.0 requests (`prometheus.WriteRequest`, before snappy).
public enum RemoteWriteEncoder {
    /// What a request needs beside its body.
    public static let headers: [(name: String, value: String)] = [
        ("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ]

    /// Appends the request's bytes to `target`.
    ///
    /// - Parameters:
    ///   - series: which of the batch's series; all of them by default.
    ///   - metadata: whether the batch's metadata go along.
    public static func encode(
        _ batch: MetricBatch, series: Range<Int>? = nil, metadata: Bool = true, into target: inout ByteBuffer
    ) {
        var histogram = ByteBuffer(capacity: 256)
        for index in series ?? 0..<batch.seriesCount {
            let entry = batch.entries[index]
            batch.withLabels(index) { labels in
                let exemplars = exemplarsLength(batch, index)
                target.append(
                    field: 1, messageLength: labelsLength(labels) + rowsLength(batch, entry, &histogram) + exemplars)
                append(labels, to: &target)
            }
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                let timestamp = batch.timestamps[row]
                let value = batch.values[row]
                target.append(field: 2, messageLength: sampleLength(timestamp, value))
                if value.bitPattern != 0 { target.append(field: 1, double: value) }
                if timestamp != 0 { target.append(field: 2, varint: UInt64(bitPattern: timestamp)) }
            }
            for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
                histogram.clear()
                append(batch.histograms[row], to: &histogram)
                target.append(field: 4, bytes: histogram.bytes)
            }
            for row in batch.exemplars(of: index) {
                let item = batch.exemplars[row]
                target.append(field: 3, messageLength: exemplarLength(batch, item))
                batch.withLabels(item) { append($0, to: &target) }
                if item.value.bitPattern != 0 { target.append(field: 2, double: item.value) }
                if item.timestamp != 0 { target.append(field: 3, varint: UInt64(bitPattern: item.timestamp)) }
            }
        }
        guard metadata else { return }
        for item in batch.metadata { append(item, to: &target) }
    }

    private static func labelsLength(_ labels: UnsafeRawBufferPointer) -> Int {
        var cursor = LabelCursor(labels)
        var total = 0
        while cursor.next() {
            let inside = labelLength(cursor)
            total += 1 + varintLength(UInt64(inside)) + inside
        }
        return total
    }

    private static func labelLength(_ cursor: LabelCursor) -> Int {
        2 + varintLength(UInt64(cursor.name.count)) + cursor.name.count + varintLength(UInt64(cursor.value.count))
            + cursor.value.count
    }

    private static func append(_ labels: UnsafeRawBufferPointer, to target: inout ByteBuffer) {
        var cursor = LabelCursor(labels)
        while cursor.next() {
            target.append(field: 1, messageLength: labelLength(cursor))
            target.append(field: 1, bytes: cursor.name)
            target.append(field: 2, bytes: cursor.value)
        }
    }

    private static func sampleLength(_ timestamp: Int64, _ value: Double) -> Int {
        (value.bitPattern == 0 ? 0 : 9) + (timestamp == 0 ? 0 : 1 + varintLength(UInt64(bitPattern: timestamp)))
    }

    private static func exemplarLength(_ batch: MetricBatch, _ item: MetricBatch.ExemplarRow) -> Int {
        batch.withLabels(item) { labelsLength($0) } + sampleLength(item.timestamp, item.value)
    }

    private static func exemplarsLength(_ batch: MetricBatch, _ series: Int) -> Int {
        batch.exemplars(of: series).reduce(0) { total, row in
            let length = exemplarLength(batch, batch.exemplars[row])
            return total + 1 + varintLength(UInt64(length)) + length
        }
    }

    private static func rowsLength(_ batch: MetricBatch, _ entry: MetricBatch.Entry, _ scratch: inout ByteBuffer) -> Int
    {
        var total = 0
        for row in entry.firstRow..<entry.firstRow + entry.rowCount {
            // A sample is shorter than 128 bytes: its length takes one byte.
            total += 2 + sampleLength(batch.timestamps[row], batch.values[row])
        }
        for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
            scratch.clear()
            append(batch.histograms[row], to: &scratch)
            total += 1 + varintLength(UInt64(scratch.count)) + scratch.count
        }
        return total
    }

    /// `Histogram`, always in its float form, which is the one that batches hold.
    private static func append(_ row: MetricBatch.HistogramRow, to target: inout ByteBuffer) {
        let histogram = row.histogram
        target.append(field: 2, double: histogram.count)
        target.append(field: 3, double: histogram.sum)
        target.append(field: 4, zigzag: Int64(histogram.schema))
        target.append(field: 5, double: histogram.zeroThreshold)
        target.append(field: 7, double: histogram.zeroCount)
        for span in histogram.negativeSpans { append(span, field: 8, to: &target) }
        append(histogram.negativeBuckets, field: 10, to: &target)
        for span in histogram.positiveSpans { append(span, field: 11, to: &target) }
        append(histogram.positiveBuckets, field: 13, to: &target)
        target.append(field: 14, varint: UInt64(histogram.resetHint.rawValue))
        target.append(field: 15, varint: UInt64(bitPattern: row.timestamp))
        append(histogram.customValues, field: 16, to: &target)
    }

    private static func append(_ span: NativeHistogram.Span, field number: Int, to target: inout ByteBuffer) {
        let offset = UInt64(bitPattern: Int64(span.offset) << 1 ^ Int64(span.offset) >> 63)
        target.append(field: number, messageLength: 2 + varintLength(offset) + varintLength(UInt64(span.length)))
        target.append(field: 1, varint: offset)
        target.append(field: 2, varint: UInt64(span.length))
    }

    private static func append(_ numbers: [Double], field number: Int, to target: inout ByteBuffer) {
        guard !numbers.isEmpty else { return }
        target.append(field: number, messageLength: numbers.count * 8)
        for value in numbers { target.append(value) }
    }

    private static func append(_ item: MetricMetadata, to target: inout ByteBuffer) {
        var message = ByteBuffer()
        if item.kind != .unknown { message.append(field: 1, varint: item.kind.wireValue) }
        message.append(field: 2, string: item.family)
        if !item.help.isEmpty { message.append(field: 4, string: item.help) }
        if !item.unit.isEmpty { message.append(field: 5, string: item.unit) }
        target.append(field: 3, bytes: message.bytes)
    }
}
