import Bedrock
import Model

/// Native histograms of remote write: `prometheus.Histogram` on the wire, integer or float, decoded into the float form of `Model`.
extension RemoteWriteDecoder {
    /// The message as it stands on the wire.
    private struct WireHistogram {
        var countInt: UInt64 = 0
        var countFloat: Double?
        var zeroCountInt: UInt64 = 0
        var zeroCountFloat: Double?
        var positiveDeltas: [Int64] = []
        var negativeDeltas: [Int64] = []
        /// Its float fields are filled in directly.
        var result = NativeHistogram()
        var timestamp: Int64 = 0
        /// More spans, buckets or bounds than allowed.
        var isTooLarge = false
    }

    /// Nil when the histogram isn't consistent; that is counted as a rejection of one sample.
    mutating func decodeHistogram(
        _ message: ProtobufReader
    ) throws(DecodeError) -> (timestamp: Int64, histogram: NativeHistogram)? {
        var wire = WireHistogram()
        try read(message, into: &wire)
        if let reason = finish(&wire) {
            let text = report.firstRejection == nil ? "series \(seriesText()): native histogram: \(reason)" : nil
            report.reject(.invalidHistogram, samples: 1, text)
            return nil
        }
        return (wire.timestamp, wire.result)
    }

    private func read(_ message: ProtobufReader, into wire: inout WireHistogram) throws(DecodeError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .varint): wire.countInt = try message.varint()
            case ProtobufReader.tag(2, .fixed64): wire.countFloat = try message.double()
            case ProtobufReader.tag(3, .fixed64): wire.result.sum = try message.double()
            case ProtobufReader.tag(4, .varint): wire.result.schema = Int32(clamping: try message.signedVarint())
            case ProtobufReader.tag(5, .fixed64): wire.result.zeroThreshold = try message.double()
            case ProtobufReader.tag(6, .varint): wire.zeroCountInt = try message.varint()
            case ProtobufReader.tag(7, .fixed64): wire.zeroCountFloat = try message.double()
            case ProtobufReader.tag(8, .bytes): wire.result.negativeSpans.append(try span(try message.message()))
            case ProtobufReader.tag(11, .bytes): wire.result.positiveSpans.append(try span(try message.message()))
            case ProtobufReader.tag(14, .varint):
                wire.result.resetHint =
                    NativeHistogram.ResetHint(rawValue: UInt8(truncatingIfNeeded: try message.varint())) ?? .unknown
            case ProtobufReader.tag(15, .varint): wire.timestamp = Int64(bitPattern: try message.varint())
            default: try readBuckets(tag, &message, into: &wire)
            }
            let spans = wire.result.negativeSpans.count + wire.result.positiveSpans.count
            if spans > limits.bucketsPerHistogramMax { wire.isTooLarge = true }
            if wire.isTooLarge { return }
        }
    }

    /// The repeated number fields, packed or not.
    private func readBuckets(
        _ tag: ProtobufReader.Tag, _ message: inout ProtobufReader, into wire: inout WireHistogram
    ) throws(DecodeError) {
        let most = limits.bucketsPerHistogramMax
        switch tag {
        case ProtobufReader.tag(9, .varint), ProtobufReader.tag(9, .bytes):
            try readDeltas(tag, &message, &wire.negativeDeltas, most, &wire.isTooLarge)
        case ProtobufReader.tag(12, .varint), ProtobufReader.tag(12, .bytes):
            try readDeltas(tag, &message, &wire.positiveDeltas, most, &wire.isTooLarge)
        case ProtobufReader.tag(10, .fixed64), ProtobufReader.tag(10, .bytes):
            try readDoubles(tag, &message, &wire.result.negativeBuckets, most, &wire.isTooLarge)
        case ProtobufReader.tag(13, .fixed64), ProtobufReader.tag(13, .bytes):
            try readDoubles(tag, &message, &wire.result.positiveBuckets, most, &wire.isTooLarge)
        case ProtobufReader.tag(16, .fixed64), ProtobufReader.tag(16, .bytes):
            try readDoubles(tag, &message, &wire.result.customValues, most, &wire.isTooLarge)
        default: try message.skip(tag)
        }
    }

    private func readDeltas(
        _ tag: ProtobufReader.Tag, _ message: inout ProtobufReader, _ target: inout [Int64], _ most: Int,
        _ isTooLarge: inout Bool
    ) throws(DecodeError) {
        if tag & 7 == 0 {
            target.append(try message.signedVarint())
        } else {
            var packed = try message.message()
            while !packed.isAtEnd, target.count <= most { target.append(try packed.signedVarint()) }
        }
        if target.count > most { isTooLarge = true }
    }

    private func readDoubles(
        _ tag: ProtobufReader.Tag, _ message: inout ProtobufReader, _ target: inout [Double], _ most: Int,
        _ isTooLarge: inout Bool
    ) throws(DecodeError) {
        if tag & 7 == 1 {
            target.append(try message.double())
        } else {
            var packed = try message.message()
            while !packed.isAtEnd, target.count <= most { target.append(try packed.double()) }
        }
        if target.count > most { isTooLarge = true }
    }

    /// `BucketSpan`: offset = 1 (zigzag), length = 2.
    private func span(_ message: ProtobufReader) throws(DecodeError) -> NativeHistogram.Span {
        var message = message
        var span = NativeHistogram.Span(offset: 0, length: 0)
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .varint): span.offset = Int32(clamping: try message.signedVarint())
            case ProtobufReader.tag(2, .varint): span.length = UInt32(clamping: try message.varint())
            default: try message.skip(tag)
            }
        }
        return span
    }

    /// Completes `wire.result`, or says why the histogram is refused.
    private func finish(_ wire: inout WireHistogram) -> String? {
        if wire.isTooLarge { return "over \(limits.bucketsPerHistogramMax) buckets" }
        if let count = wire.countFloat {
            wire.result.count = count
            wire.result.zeroCount = wire.zeroCountFloat ?? Double(wire.zeroCountInt)
            return wire.result.flaw(bucketsMax: limits.bucketsPerHistogramMax) ?? reduceResolution(&wire.result)
        }
        guard let positive = Self.populations(wire.positiveDeltas), let negative = Self.populations(wire.negativeDeltas)
        else {
            return "a bucket's count is negative or out of range"
        }
        wire.result.positiveBuckets = positive.map(Double.init)
        wire.result.negativeBuckets = negative.map(Double.init)
        wire.result.count = Double(wire.countInt)
        wire.result.zeroCount = Double(wire.zeroCountInt)
        var populated = wire.zeroCountInt
        for bucket in positive + negative {
            let (sum, overflow) = populated.addingReportingOverflow(UInt64(bucket))
            if overflow { return "the buckets' counts are out of range" }
            populated = sum
        }
        // Observations of NaN count, and are in no bucket.
        guard populated == wire.countInt || (wire.result.sum.isNaN && populated < wire.countInt) else {
            return "\(populated) observations in buckets, but the count is \(wire.countInt)"
        }
        return wire.result.flaw(bucketsMax: limits.bucketsPerHistogramMax) ?? reduceResolution(&wire.result)
    }

    /// Schemas finer than 8 are allowed on the wire and stored as 8.
    private func reduceResolution(_ histogram: inout NativeHistogram) -> String? {
        if histogram.schema > 8 { histogram = histogram.reduced(by: histogram.schema - 8) }
        return nil
    }

    /// Absolute counts from differences; nil when one is negative or out of range.
    private static func populations(_ deltas: [Int64]) -> [Int64]? {
        var current: Int64 = 0
        var counts: [Int64] = []
        counts.reserveCapacity(deltas.count)
        for delta in deltas {
            let (next, overflow) = current.addingReportingOverflow(delta)
            guard !overflow, next >= 0 else { return nil }
            current = next
            counts.append(current)
        }
        return counts
    }
}
