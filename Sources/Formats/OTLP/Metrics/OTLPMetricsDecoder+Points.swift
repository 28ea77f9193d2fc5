import Bedrock
import Model

/// Data points in protobuf.
extension OTLPMetricsDecoder {
    mutating func decodePoint(
        _ message: ProtobufReader, _ shape: OTLPMetric.Shape, into batch: MetricBatch
    ) throws(DecodeError) {
        mapper.beginPoint()
        switch shape {
        case .gauge, .sum: try decodeNumber(message, into: batch)
        case .histogram: try decodeHistogram(message, into: batch)
        case .exponential: try decodeExponential(message, into: batch)
        case .summary: try decodeSummary(message, into: batch)
        }
    }

    private mutating func readAttributes(_ number: UInt64, of message: ProtobufReader) throws(DecodeError) {
        mapper.droppedAttributes = try reader.append(number, of: message, to: &mapper.pointAttributes)
    }

    /// `NumberDataPoint`: start = 2, time = 3, as_double = 4, exemplars = 5, as_int = 6, attributes = 7, flags = 8.
    private mutating func decodeNumber(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var times = OTLPPointTimes()
        var value: Double?
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(2, .fixed64): times.start = try fields.fixed64()
            case ProtobufReader.tag(3, .fixed64): times.time = try fields.fixed64()
            case ProtobufReader.tag(4, .fixed64): value = try fields.double()
            case ProtobufReader.tag(5, .bytes): try decodeExemplar(try fields.message())
            case ProtobufReader.tag(6, .fixed64): value = Double(Int64(bitPattern: try fields.fixed64()))
            case ProtobufReader.tag(8, .varint): times.flags = try fields.varint()
            default: try fields.skip(tag)
            }
        }
        try readAttributes(7, of: message)
        mapper.add(number: value, times, to: batch)
    }

    /// `HistogramDataPoint`: start = 2, time = 3, count = 4, sum = 5, bucket_counts = 6, explicit_bounds = 7, exemplars = 8, attributes = 9, flags = 10.
    private mutating func decodeHistogram(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var times = OTLPPointTimes()
        histogram.clear()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(2, .fixed64): times.start = try fields.fixed64()
            case ProtobufReader.tag(3, .fixed64): times.time = try fields.fixed64()
            case ProtobufReader.tag(4, .fixed64): histogram.count = Double(try fields.fixed64())
            case ProtobufReader.tag(5, .fixed64): histogram.sum = try fields.double()
            case ProtobufReader.tag(6, .bytes):
                var packed = try fields.message()
                while !packed.isAtEnd { histogram.bucketCounts.append(Double(try packed.fixed64())) }
            case ProtobufReader.tag(6, .fixed64): histogram.bucketCounts.append(Double(try fields.fixed64()))
            case ProtobufReader.tag(7, .bytes):
                var packed = try fields.message()
                while !packed.isAtEnd { histogram.bounds.append(try packed.double()) }
            case ProtobufReader.tag(7, .fixed64): histogram.bounds.append(try fields.double())
            case ProtobufReader.tag(8, .bytes): try decodeExemplar(try fields.message())
            case ProtobufReader.tag(10, .varint): times.flags = try fields.varint()
            default: try fields.skip(tag)
            }
        }
        try readAttributes(9, of: message)
        mapper.add(histogram, times, to: batch)
    }

    /// `ExponentialHistogramDataPoint`: attributes = 1, start = 2, time = 3, count = 4, sum = 5, scale = 6, zero_count = 7, positive = 8,
    /// negative = 9, flags = 10, exemplars = 11.
    private mutating func decodeExponential(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var times = OTLPPointTimes()
        exponential.clear()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(2, .fixed64): times.start = try fields.fixed64()
            case ProtobufReader.tag(3, .fixed64): times.time = try fields.fixed64()
            case ProtobufReader.tag(4, .fixed64): exponential.count = try fields.fixed64()
            case ProtobufReader.tag(5, .fixed64): exponential.sum = try fields.double()
            case ProtobufReader.tag(6, .varint): exponential.scale = try fields.signedVarint()
            case ProtobufReader.tag(7, .fixed64): exponential.zeroCount = try fields.fixed64()
            case ProtobufReader.tag(8, .bytes): try Self.read(try fields.message(), into: &exponential.positive)
            case ProtobufReader.tag(9, .bytes): try Self.read(try fields.message(), into: &exponential.negative)
            case ProtobufReader.tag(10, .varint): times.flags = try fields.varint()
            case ProtobufReader.tag(11, .bytes): try decodeExemplar(try fields.message())
            default: try fields.skip(tag)
            }
        }
        try readAttributes(1, of: message)
        mapper.add(exponential, times, to: batch)
    }

    /// `Buckets`: offset = 1 (zigzag, 32 bits), bucket_counts = 2.
    private static func read(
        _ message: ProtobufReader, into buckets: inout OTLPExponentialHistogram.Buckets
    ) throws(DecodeError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .varint): buckets.offset = Int64(Int32(clamping: try message.signedVarint()))
            case ProtobufReader.tag(2, .bytes):
                var packed = try message.message()
                while !packed.isAtEnd { buckets.counts.append(try packed.varint()) }
            case ProtobufReader.tag(2, .varint): buckets.counts.append(try message.varint())
            default: try message.skip(tag)
            }
        }
    }

    /// `SummaryDataPoint`: start = 2, time = 3, count = 4, sum = 5, quantile_values = 6, attributes = 7, flags = 8. Of a value quantile = 1, value = 2.
    private mutating func decodeSummary(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var times = OTLPPointTimes()
        var count: UInt64 = 0
        var sum = 0.0
        quantiles.removeAll(keepingCapacity: true)
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(2, .fixed64): times.start = try fields.fixed64()
            case ProtobufReader.tag(3, .fixed64): times.time = try fields.fixed64()
            case ProtobufReader.tag(4, .fixed64): count = try fields.fixed64()
            case ProtobufReader.tag(5, .fixed64): sum = try fields.double()
            case ProtobufReader.tag(6, .bytes):
                var pair = try fields.message()
                var row = (quantile: 0.0, value: 0.0)
                while !pair.isAtEnd {
                    let tag = try pair.tag()
                    switch tag {
                    case ProtobufReader.tag(1, .fixed64): row.quantile = try pair.double()
                    case ProtobufReader.tag(2, .fixed64): row.value = try pair.double()
                    default: try pair.skip(tag)
                    }
                }
                quantiles.append(row)
            case ProtobufReader.tag(8, .varint): times.flags = try fields.varint()
            default: try fields.skip(tag)
            }
        }
        try readAttributes(7, of: message)
        mapper.add(summary: quantiles, count: count, sum: sum, times, to: batch)
    }

    /// `Exemplar`: time = 2, as_double = 3, span_id = 4, trace_id = 5, as_int = 6, filtered_attributes = 7.
    private mutating func decodeExemplar(_ message: ProtobufReader) throws(DecodeError) {
        var (time, value): (UInt64, Double?) = (0, nil)
        var (trace, span) = (WireIdentifier(), WireIdentifier())
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(2, .fixed64): time = try fields.fixed64()
            case ProtobufReader.tag(3, .fixed64): value = try fields.double()
            case ProtobufReader.tag(4, .bytes): span = WireIdentifier(try fields.bytes())
            case ProtobufReader.tag(5, .bytes): trace = WireIdentifier(try fields.bytes())
            case ProtobufReader.tag(6, .fixed64): value = Double(Int64(bitPattern: try fields.fixed64()))
            default: try fields.skip(tag)
            }
        }
        exemplarAttributes.clear()
        _ = try reader.append(7, of: message, to: &exemplarAttributes)
        addExemplar(value, time, trace, span)
    }

    mutating func addExemplar(_ value: Double?, _ time: UInt64, _ trace: WireIdentifier, _ span: WireIdentifier) {
        guard let value else { return mapper.report.exemplarsRefused += 1 }
        let isTaken = mapper.exemplars.add(
            value: value, time: time, trace: trace, span: span, attributes: exemplarAttributes.bytes,
            names: mapper.options.names)
        if !isTaken { mapper.report.exemplarsRefused += 1 }
    }
}
