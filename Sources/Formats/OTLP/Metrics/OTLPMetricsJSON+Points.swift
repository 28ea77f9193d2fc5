import Bedrock
import Model

/// Data points in JSON.
extension OTLPMetricsDecoder {
    mutating func decodePoint(
        _ cursor: inout JSONCursor, _ shape: OTLPMetric.Shape, into batch: MetricBatch
    ) throws(DecodeError) {
        mapper.beginPoint()
        histogram.clear()
        exponential.clear()
        quantiles.removeAll(keepingCapacity: true)
        var point = Point()
        try cursor.members { (key, cursor) throws(DecodeError) in
            if try decodeCommon(key, &cursor, &point) { return true }
            switch shape {
            case .gauge, .sum: return try Self.decodeNumber(key, &cursor, &point)
            case .histogram: return try decodeHistogram(key, &cursor)
            case .exponential: return try decodeExponential(key, &cursor)
            case .summary: return try decodeSummary(key, &cursor, &point)
            }
        }
        switch shape {
        case .gauge, .sum: mapper.add(number: point.value, point.times, to: batch)
        case .histogram: mapper.add(histogram, point.times, to: batch)
        case .exponential: mapper.add(exponential, point.times, to: batch)
        case .summary:
            mapper.add(summary: quantiles, count: point.count, sum: point.value ?? 0, point.times, to: batch)
        }
    }

    private struct Point {
        var times = OTLPPointTimes()
        var value: Double?
        var count: UInt64 = 0
    }

    private mutating func decodeCommon(
        _ key: UnsafeRawBufferPointer, _ cursor: inout JSONCursor, _ point: inout Point
    ) throws(DecodeError) -> Bool {
        if key.spells("attributes") {
            mapper.droppedAttributes = try reader.append(&cursor, to: &mapper.pointAttributes)
        } else if key.spells("timeUnixNano") {
            point.times.time = try cursor.unsigned()
        } else if key.spells("startTimeUnixNano") {
            point.times.start = try cursor.unsigned()
        } else if key.spells("flags") {
            point.times.flags = try cursor.unsigned()
        } else if key.spells("exemplars") {
            try cursor.elements { (cursor) throws(DecodeError) in try decodeExemplar(&cursor) }
        } else {
            return false
        }
        return true
    }

    private static func decodeNumber(
        _ key: UnsafeRawBufferPointer, _ cursor: inout JSONCursor, _ point: inout Point
    ) throws(DecodeError) -> Bool {
        if key.spells("asDouble") {
            point.value = try cursor.double()
        } else if key.spells("asInt") {
            point.value = Double(try cursor.signed())
        } else {
            return false
        }
        return true
    }

    private mutating func decodeHistogram(
        _ key: UnsafeRawBufferPointer, _ cursor: inout JSONCursor
    ) throws(DecodeError) -> Bool {
        if key.spells("count") {
            histogram.count = Double(try cursor.unsigned())
        } else if key.spells("sum") {
            histogram.sum = try cursor.double()
        } else if key.spells("bucketCounts") {
            try cursor.elements { (cursor) throws(DecodeError) in
                histogram.bucketCounts.append(Double(try cursor.unsigned()))
            }
        } else if key.spells("explicitBounds") {
            try cursor.elements { (cursor) throws(DecodeError) in histogram.bounds.append(try cursor.double()) }
        } else {
            return false
        }
        return true
    }

    private mutating func decodeExponential(
        _ key: UnsafeRawBufferPointer, _ cursor: inout JSONCursor
    ) throws(DecodeError) -> Bool {
        if key.spells("count") {
            exponential.count = try cursor.unsigned()
        } else if key.spells("sum") {
            exponential.sum = try cursor.double()
        } else if key.spells("scale") {
            exponential.scale = try cursor.signed()
        } else if key.spells("zeroCount") {
            exponential.zeroCount = try cursor.unsigned()
        } else if key.spells("positive"), cursor.isAtObject {
            try Self.read(&cursor, into: &exponential.positive)
        } else if key.spells("negative"), cursor.isAtObject {
            try Self.read(&cursor, into: &exponential.negative)
        } else {
            return false
        }
        return true
    }

    private static func read(
        _ cursor: inout JSONCursor, into buckets: inout OTLPExponentialHistogram.Buckets
    ) throws(DecodeError) {
        buckets.clear()
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("offset") {
                buckets.offset = Int64(Int32(clamping: try cursor.signed()))
            } else if key.spells("bucketCounts") {
                try cursor.elements { (cursor) throws(DecodeError) in buckets.counts.append(try cursor.unsigned()) }
            } else {
                return false
            }
            return true
        }
    }

    private mutating func decodeSummary(
        _ key: UnsafeRawBufferPointer, _ cursor: inout JSONCursor, _ point: inout Point
    ) throws(DecodeError) -> Bool {
        if key.spells("count") {
            point.count = try cursor.unsigned()
        } else if key.spells("sum") {
            point.value = try cursor.double()
        } else if key.spells("quantileValues") {
            try cursor.elements { (cursor) throws(DecodeError) in
                var row = (quantile: 0.0, value: 0.0)
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("quantile") {
                        row.quantile = try cursor.double()
                    } else if key.spells("value") {
                        row.value = try cursor.double()
                    } else {
                        return false
                    }
                    return true
                }
                quantiles.append(row)
            }
        } else {
            return false
        }
        return true
    }

    private mutating func decodeExemplar(_ cursor: inout JSONCursor) throws(DecodeError) {
        var (time, value): (UInt64, Double?) = (0, nil)
        var (trace, span) = (WireIdentifier(), WireIdentifier())
        exemplarAttributes.clear()
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("timeUnixNano") {
                time = try cursor.unsigned()
            } else if key.spells("asDouble") {
                value = try cursor.double()
            } else if key.spells("asInt") {
                value = Double(try cursor.signed())
            } else if key.spells("traceId") {
                trace = try cursor.identifier()
            } else if key.spells("spanId") {
                span = try cursor.identifier()
            } else if key.spells("filteredAttributes") {
                _ = try reader.append(&cursor, to: &exemplarAttributes)
            } else {
                return false
            }
            return true
        }
        addExemplar(value, time, trace, span)
    }
}
