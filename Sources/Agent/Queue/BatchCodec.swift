import Bedrock
import Model

/// A batch as bytes of a queue record: columns in zstd. Never part of any protocol between machines.
///
/// Version 2 has exemplars behind the rows of each series; a batch without any is written as version 1.
enum BatchCodec {
    static let version: UInt8 = 2

    /// Appends the encoded form of `batch`.
    static func encode(_ batch: MetricBatch, into target: inout ByteBuffer) {
        var plain = ByteBuffer(capacity: batch.byteCount + 256)
        plain.append(varint: batch.seriesCount)
        var previous: Int64 = 0
        let hasExemplars = !batch.exemplars.isEmpty
        for (index, entry) in batch.entries.enumerated() {
            batch.withLabels(index) { plain.append(prefixed: $0) }
            plain.append(varint: entry.rowCount)
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                append(batch.timestamps[row], after: &previous, to: &plain)
                plain.append(batch.values[row])
            }
            plain.append(varint: entry.histogramCount)
            for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
                append(batch.histograms[row].timestamp, after: &previous, to: &plain)
                append(batch.histograms[row].histogram, to: &plain)
            }
            if hasExemplars { append(exemplarsOf: index, in: batch, after: &previous, to: &plain) }
        }
        plain.append(varint: batch.metadata.count)
        for item in batch.metadata {
            plain.append(prefixed: item.family)
            plain.append(prefixed: item.kind.rawValue)
            plain.append(prefixed: item.help)
            plain.append(prefixed: item.unit)
        }
        RecordPayload.pack(plain, version: hasExemplars ? version : 1, into: &target)
    }

    /// The batch in `record`.
    static func decode(_ record: UnsafeRawBufferPointer) throws(DecodeError) -> MetricBatch {
        let hasExemplars = record.first == version
        return try RecordPayload.unpack(record, version: hasExemplars ? version : 1) {
            (reader) throws(DecodeError) in try decode(&reader, hasExemplars)
        }
    }

    private static func decode(
        _ reader: inout ByteReader, _ hasExemplars: Bool
    ) throws(DecodeError) -> MetricBatch {
        let batch = MetricBatch()
        var previous: Int64 = 0
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let labels = try reader.prefixed()
            try CanonicalLabels.check(labels, at: reader.offset)
            batch.beginSeries(canonical: labels)
            for _ in 0..<(try reader.length(limit: reader.remaining)) {
                let timestamp = try timestamp(after: &previous, &reader)
                batch.append(timestamp: timestamp, value: try reader.double())
            }
            for _ in 0..<(try reader.length(limit: reader.remaining)) {
                let timestamp = try timestamp(after: &previous, &reader)
                batch.append(timestamp: timestamp, histogram: try histogram(&reader))
            }
            if hasExemplars { try readExemplars(&reader, after: &previous, into: batch) }
        }
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let family = try text(&reader)
            let kind = MetricMetadata.Kind(rawValue: try text(&reader)) ?? .unknown
            batch.append(MetricMetadata(family: family, kind: kind, help: try text(&reader), unit: try text(&reader)))
        }
        return batch
    }

    private static func append(
        exemplarsOf series: Int, in batch: MetricBatch, after previous: inout Int64, to target: inout ByteBuffer
    ) {
        let rows = batch.exemplars(of: series)
        target.append(varint: rows.count)
        for exemplar in batch.exemplars[rows] {
            append(exemplar.timestamp, after: &previous, to: &target)
            target.append(exemplar.value)
            batch.withLabels(exemplar) { target.append(prefixed: $0) }
        }
    }

    private static func readExemplars(
        _ reader: inout ByteReader, after previous: inout Int64, into batch: MetricBatch
    ) throws(DecodeError) {
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let timestamp = try timestamp(after: &previous, &reader)
            let value = try reader.double()
            let labels = try reader.prefixed()
            try CanonicalLabels.check(labels, at: reader.offset)
            batch.appendExemplar(canonical: labels, value: value, timestamp: timestamp)
        }
    }

    private static func append(_ timestamp: Int64, after previous: inout Int64, to target: inout ByteBuffer) {
        target.append(signedVarint: timestamp &- previous)
        previous = timestamp
    }

    private static func timestamp(after previous: inout Int64, _ reader: inout ByteReader) throws(DecodeError) -> Int64
    {
        previous = previous &+ (try reader.signedVarint())
        return previous
    }

    private static func text(_ reader: inout ByteReader) throws(DecodeError) -> String {
        String(decoding: try reader.prefixed(), as: UTF8.self)
    }

    private static func append(_ h: NativeHistogram, to target: inout ByteBuffer) {
        target.append(h.resetHint.rawValue)
        target.append(signedVarint: Int64(h.schema))
        for value in [h.zeroThreshold, h.zeroCount, h.count, h.sum] { target.append(value) }
        for spans in [h.positiveSpans, h.negativeSpans] {
            target.append(varint: spans.count)
            for span in spans {
                target.append(signedVarint: Int64(span.offset))
                target.append(varint: UInt64(span.length))
            }
        }
        for values in [h.positiveBuckets, h.negativeBuckets, h.customValues] {
            target.append(varint: values.count)
            for value in values { target.append(value) }
        }
    }

    private static func histogram(_ reader: inout ByteReader) throws(DecodeError) -> NativeHistogram {
        var h = NativeHistogram()
        h.resetHint = NativeHistogram.ResetHint(rawValue: try reader.u8()) ?? .unknown
        h.schema = Int32(truncatingIfNeeded: try reader.signedVarint())
        h.zeroThreshold = try reader.double()
        h.zeroCount = try reader.double()
        h.count = try reader.double()
        h.sum = try reader.double()
        h.positiveSpans = try spans(&reader)
        h.negativeSpans = try spans(&reader)
        h.positiveBuckets = try doubles(&reader)
        h.negativeBuckets = try doubles(&reader)
        h.customValues = try doubles(&reader)
        return h
    }

    private static func spans(_ reader: inout ByteReader) throws(DecodeError) -> [NativeHistogram.Span] {
        var result: [NativeHistogram.Span] = []
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let offset = Int32(truncatingIfNeeded: try reader.signedVarint())
            result.append(NativeHistogram.Span(offset: offset, length: UInt32(truncatingIfNeeded: try reader.varint())))
        }
        return result
    }

    private static func doubles(_ reader: inout ByteReader) throws(DecodeError) -> [Double] {
        var result: [Double] = []
        for _ in 0..<(try reader.length(limit: reader.remaining / 8)) { result.append(try reader.double()) }
        return result
    }
}
