import Bedrock
import Model

/// OTLP/JSON metrics: lowerCamelCase keys, 64-bit integers as strings or numbers, enumerations as numbers or names, unknown fields ignored.
extension OTLPMetricsDecoder {
    /// Appends the series of a JSON request to `batch`.
    /// - Parameter arrival: milliseconds since the epoch.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        json request: UnsafeRawBufferPointer, tenant: Tenant = .default, arrival: Int64, into batch: MetricBatch
    ) throws(OTLPMetricsError) -> OTLPMetricReport {
        begin(tenant, arrival)
        do throws(DecodeError) {
            var cursor = JSONCursor(request)
            try cursor.members { (key, cursor) throws(DecodeError) in
                guard key.spells("resourceMetrics") else { return false }
                try cursor.elements { (cursor) throws(DecodeError) in try decodeResource(&cursor, into: batch) }
                return true
            }
            guard cursor.isAtEnd else { throw cursor.error("unexpected text behind the document") }
        } catch { throw .malformed(error) }
        return try finish(batch)
    }

    private mutating func decodeResource(_ cursor: inout JSONCursor, into batch: MetricBatch) throws(DecodeError) {
        var attributes = ByteBuffer(capacity: 1024)
        var scopes: JSONCursor?
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("resource"), cursor.isAtObject {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    guard key.spells("attributes") else { return false }
                    _ = try reader.append(&cursor, to: &attributes)
                    return true
                }
                return true
            }
            if key.spells("scopeMetrics") { scopes = cursor }
            return false
        }
        mapper.beginResource(attributes.bytes)
        if var scopes, !isOverLimit {
            try scopes.elements { (cursor) throws(DecodeError) in try decodeScope(&cursor, into: batch) }
        }
        mapper.finishResource(in: batch)
    }

    private mutating func decodeScope(_ cursor: inout JSONCursor, into batch: MetricBatch) throws(DecodeError) {
        var attributes = ByteBuffer(capacity: 64)
        var name = ByteBuffer(capacity: 64)
        var version = ByteBuffer(capacity: 16)
        var schemaURL = ByteBuffer(capacity: 64)
        var metrics: JSONCursor?
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("scope"), cursor.isAtObject {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("name") {
                        try cursor.text { name.append($0) }
                    } else if key.spells("version") {
                        try cursor.text { version.append($0) }
                    } else if key.spells("attributes") {
                        _ = try reader.append(&cursor, to: &attributes)
                    } else {
                        return false
                    }
                    return true
                }
                return true
            }
            if key.spells("schemaUrl") {
                try cursor.text { schemaURL.append($0) }
                return true
            }
            if key.spells("metrics") { metrics = cursor }
            return false
        }
        mapper.beginScope(
            name: name.bytes, version: version.bytes, schemaURL: schemaURL.bytes, attributes: attributes.bytes)
        guard var metrics else { return }
        try metrics.elements { (cursor) throws(DecodeError) in
            guard !isOverLimit else {
                _ = try cursor.skip()
                return
            }
            try decodeMetric(&cursor, into: batch)
        }
    }

    private static let temporalities: [StaticString] = [
        "AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE",
    ]

    private static func shape(_ key: UnsafeRawBufferPointer) -> OTLPMetric.Shape? {
        if key.spells("gauge") { return .gauge }
        if key.spells("sum") { return .sum }
        if key.spells("histogram") { return .histogram }
        if key.spells("exponentialHistogram") { return .exponential }
        return key.spells("summary") ? .summary : nil
    }

    private mutating func decodeMetric(_ cursor: inout JSONCursor, into batch: MetricBatch) throws(DecodeError) {
        var name = ByteBuffer(capacity: 64)
        var unit = ByteBuffer(capacity: 16)
        var help = ByteBuffer(capacity: 64)
        var metric = OTLPMetric()
        var points: JSONCursor?
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("name") {
                name.clear()
                try cursor.text { name.append($0) }
            } else if key.spells("unit") {
                unit.clear()
                try cursor.text { unit.append($0) }
            } else if key.spells("description") {
                help.clear()
                try cursor.text { help.append($0) }
            } else if let shape = Self.shape(key), cursor.isAtObject {
                metric.shape = shape
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("aggregationTemporality") {
                        metric.temporality = try cursor.enumeration(Self.temporalities)
                    } else if key.spells("isMonotonic") {
                        metric.isMonotonic = try cursor.boolean()
                    } else {
                        if key.spells("dataPoints"), cursor.peek() == UInt8(ascii: "[") { points = cursor }
                        return false
                    }
                    return true
                }
            } else {
                return false
            }
            return true
        }
        guard var points, try Self.hasElements(points) else { return }
        metric.name = name.bytes
        metric.unit = unit.bytes
        metric.help = help.bytes
        mapper.begin(metric, in: batch)
        let shape = metric.shape
        try points.elements { (cursor) throws(DecodeError) in
            guard !isOverLimit else {
                _ = try cursor.skip()
                return
            }
            countPoint()
            try decodePoint(&cursor, shape, into: batch)
        }
    }

    private static func hasElements(_ list: JSONCursor) throws(DecodeError) -> Bool {
        var list = list
        try list.expect(UInt8(ascii: "["))
        return list.peek() != UInt8(ascii: "]")
    }
}
