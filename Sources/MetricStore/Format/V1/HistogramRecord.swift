import Bedrock
import Model

/// One native histogram by itself, as it stands in queue records, checkpoints and memtables.
///
/// Layout (`schema`, `zeroThreshold`, spans, bounds), then populations; numbers as compact doubles.
enum HistogramRecord {
    static func encode(_ histogram: NativeHistogram, into target: inout ByteBuffer) {
        target.append(histogram.resetHint.rawValue)
        encodeLayout(histogram, into: &target)
        target.append(compact: histogram.count)
        target.append(compact: histogram.zeroCount)
        target.append(compact: histogram.sum)
        encode(histogram.positiveBuckets, into: &target)
        encode(histogram.negativeBuckets, into: &target)
    }

    static func decode(_ reader: inout ByteReader) throws(DecodeError) -> NativeHistogram {
        let hint = try reader.u8()
        guard let resetHint = NativeHistogram.ResetHint(rawValue: hint) else {
            throw DecodeError("unknown reset hint \(hint)", at: reader.offset - 1)
        }
        var histogram = try decodeLayout(&reader)
        histogram.resetHint = resetHint
        histogram.count = try reader.compactDouble()
        histogram.zeroCount = try reader.compactDouble()
        histogram.sum = try reader.compactDouble()
        histogram.positiveBuckets = try decodeNumbers(&reader)
        histogram.negativeBuckets = try decodeNumbers(&reader)
        guard bucketCount(histogram.positiveSpans) == histogram.positiveBuckets.count,
            bucketCount(histogram.negativeSpans) == histogram.negativeBuckets.count
        else { throw DecodeError("histogram buckets don't fit their spans", at: reader.offset) }
        return histogram
    }

    /// Passes over a record that `decode` takes, and throws where that throws; builds nothing.
    static func skip(_ reader: inout ByteReader) throws(DecodeError) {
        let hint = try reader.u8()
        guard NativeHistogram.ResetHint(rawValue: hint) != nil else {
            throw DecodeError("unknown reset hint \(hint)", at: reader.offset - 1)
        }
        let schema = try reader.signedVarint()
        guard Int32(exactly: schema) != nil else { throw DecodeError("schema \(schema)", at: reader.offset) }
        _ = try reader.compactDouble()
        let positive = try skipSpans(&reader)
        let negative = try skipSpans(&reader)
        _ = try skipNumbers(&reader)
        for _ in 0..<3 { _ = try reader.compactDouble() }
        guard try skipNumbers(&reader) == positive, try skipNumbers(&reader) == negative else {
            throw DecodeError("histogram buckets don't fit their spans", at: reader.offset)
        }
    }

    /// Passes over spans; the buckets they speak of.
    private static func skipSpans(_ reader: inout ByteReader) throws(DecodeError) -> Int {
        let count = try reader.length(limit: reader.remaining / 2)
        var buckets = 0
        for _ in 0..<count {
            let offset = try reader.signedVarint()
            let length = try reader.varint()
            guard Int32(exactly: offset) != nil, let length = UInt32(exactly: length) else {
                throw DecodeError("histogram span out of range", at: reader.offset)
            }
            buckets = buckets &+ Int(length)
        }
        return buckets
    }

    private static func skipNumbers(_ reader: inout ByteReader) throws(DecodeError) -> Int {
        let count = try reader.length(limit: reader.remaining)
        for _ in 0..<count { _ = try reader.compactDouble() }
        return count
    }

    /// What histograms of one series mostly have in common.
    static func encodeLayout(_ histogram: NativeHistogram, into target: inout ByteBuffer) {
        target.append(signedVarint: Int64(histogram.schema))
        target.append(compact: histogram.zeroThreshold)
        encode(histogram.positiveSpans, into: &target)
        encode(histogram.negativeSpans, into: &target)
        encode(histogram.customValues, into: &target)
    }

    static func decodeLayout(_ reader: inout ByteReader) throws(DecodeError) -> NativeHistogram {
        let schema = try reader.signedVarint()
        guard let schema = Int32(exactly: schema) else { throw DecodeError("schema \(schema)", at: reader.offset) }
        var histogram = NativeHistogram(schema: schema)
        histogram.zeroThreshold = try reader.compactDouble()
        histogram.positiveSpans = try decodeSpans(&reader)
        histogram.negativeSpans = try decodeSpans(&reader)
        histogram.customValues = try decodeNumbers(&reader)
        return histogram
    }

    /// Buckets that spans speak of; saturates, so that hostile lengths can't overflow.
    static func bucketCount(_ spans: [NativeHistogram.Span]) -> Int {
        spans.reduce(0) { $0 &+ Int($1.length) }
    }

    static func encode(_ spans: [NativeHistogram.Span], into target: inout ByteBuffer) {
        target.append(varint: spans.count)
        for span in spans {
            target.append(signedVarint: Int64(span.offset))
            target.append(varint: UInt64(span.length))
        }
    }

    static func decodeSpans(_ reader: inout ByteReader) throws(DecodeError) -> [NativeHistogram.Span] {
        // A span takes two bytes at least, which bounds what a lying count can allocate.
        let count = try reader.length(limit: reader.remaining / 2)
        var spans: [NativeHistogram.Span] = []
        spans.reserveCapacity(count)
        for _ in 0..<count {
            let offset = try reader.signedVarint()
            let length = try reader.varint()
            guard let offset = Int32(exactly: offset), let length = UInt32(exactly: length) else {
                throw DecodeError("histogram span out of range", at: reader.offset)
            }
            spans.append(NativeHistogram.Span(offset: offset, length: length))
        }
        return spans
    }

    private static func encode(_ numbers: [Double], into target: inout ByteBuffer) {
        target.append(varint: numbers.count)
        for number in numbers { target.append(compact: number) }
    }

    private static func decodeNumbers(_ reader: inout ByteReader) throws(DecodeError) -> [Double] {
        let count = try reader.length(limit: reader.remaining)
        var numbers: [Double] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count { numbers.append(try reader.compactDouble()) }
        return numbers
    }
}
