import Bedrock
import Model

/// Decodes OTLP metrics requests (`ExportMetricsServiceRequest`, and `MetricsData`, which has the same form), protobuf and JSON, into batches of
/// series after Prometheus' mapping. Reuse one per thread. Not thread-safe.
public struct OTLPMetricsDecoder: ~Copyable {
    var mapper: OTLPMetricMapper
    let reader: OTLPAttributeReader
    /// Of resource and scope.
    private var resourceAttributes = ByteBuffer(capacity: 1024)
    private var scopeAttributes = ByteBuffer(capacity: 256)
    /// Points and buckets of the current metric, in memory that is kept.
    var histogram = OTLPHistogram()
    var exponential = OTLPExponentialHistogram()
    var quantiles: ContiguousArray<(quantile: Double, value: Double)> = []
    var exemplarAttributes = ByteBuffer(capacity: 256)
    private var points = 0

    /// - Parameter deltas: sums of the series that say only what is new; nil refuses them unless they are stored as they come.
    public init(options: OTLPMetricOptions = OTLPMetricOptions(), deltas: OTLPDeltaTable? = nil) {
        mapper = OTLPMetricMapper(options: options, deltas: deltas)
        reader = OTLPAttributeReader(
            attributesMax: options.limits.labelsPerSeriesMax + 1, depthMax: options.depthMax)
    }

    /// Appends the series of a protobuf request to `batch`.
    /// - Parameter arrival: milliseconds since the epoch, by which silent series of deltas are told.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        protobuf request: UnsafeRawBufferPointer, tenant: Tenant = .default, arrival: Int64, into batch: MetricBatch
    ) throws(OTLPMetricsError) -> OTLPMetricReport {
        begin(tenant, arrival)
        do throws(DecodeError) {
            var message = ProtobufReader(request)
            while !message.isAtEnd, !isOverLimit {
                let tag = try message.tag()
                if tag == ProtobufReader.tag(1, .bytes) {
                    try decodeResource(try message.message(), into: batch)
                } else {
                    try message.skip(tag)
                }
            }
        } catch { throw .malformed(error) }
        return try finish(batch)
    }

    mutating func begin(_ tenant: Tenant, _ arrival: Int64) {
        points = 0
        mapper.beginRequest(arrival: arrival, tenant: tenant)
    }

    func finish(_ batch: MetricBatch) throws(OTLPMetricsError) -> OTLPMetricReport {
        let limits = mapper.options.limits
        if points > limits.samplesPerRequestMax {
            throw .tooLarge("the request has over \(limits.samplesPerRequestMax) data points; send smaller ones")
        }
        if batch.seriesCount > limits.samplesPerRequestMax {
            throw .tooLarge("the request has over \(limits.samplesPerRequestMax) samples; send smaller ones")
        }
        return mapper.report
    }

    /// So many points that nothing of the request will count.
    var isOverLimit: Bool { points > mapper.options.limits.samplesPerRequestMax }

    mutating func countPoint() { points += 1 }

    // MARK: Resources and scopes

    /// `ResourceMetrics`: resource = 1, scope_metrics = 2, schema_url = 3.
    private mutating func decodeResource(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        resourceAttributes.clear()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            if tag == ProtobufReader.tag(1, .bytes) {
                _ = try reader.append(1, of: try fields.message(), to: &resourceAttributes)
            } else {
                try fields.skip(tag)
            }
        }
        mapper.beginResource(resourceAttributes.bytes)
        fields = message
        while !fields.isAtEnd, !isOverLimit {
            let tag = try fields.tag()
            if tag == ProtobufReader.tag(2, .bytes) {
                try decodeScope(try fields.message(), into: batch)
            } else {
                try fields.skip(tag)
            }
        }
        mapper.finishResource(in: batch)
    }

    /// `ScopeMetrics`: scope = 1 (name = 1, version = 2, attributes = 3), metrics = 2, schema_url = 3.
    private mutating func decodeScope(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        scopeAttributes.clear()
        var name = UnsafeRawBufferPointer.nothing
        var version = name
        var schemaURL = name
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes):
                let inner = try fields.message()
                var parts = inner
                while !parts.isAtEnd {
                    let tag = try parts.tag()
                    switch tag {
                    case ProtobufReader.tag(1, .bytes): name = try parts.bytes()
                    case ProtobufReader.tag(2, .bytes): version = try parts.bytes()
                    default: try parts.skip(tag)
                    }
                }
                _ = try reader.append(3, of: inner, to: &scopeAttributes)
            case ProtobufReader.tag(3, .bytes): schemaURL = try fields.bytes()
            default: try fields.skip(tag)
            }
        }
        mapper.beginScope(name: name, version: version, schemaURL: schemaURL, attributes: scopeAttributes.bytes)
        fields = message
        while !fields.isAtEnd, !isOverLimit {
            let tag = try fields.tag()
            if tag == ProtobufReader.tag(2, .bytes) {
                try decodeMetric(try fields.message(), into: batch)
            } else {
                try fields.skip(tag)
            }
        }
    }

    /// `Metric`: name = 1, description = 2, unit = 3, gauge = 5, sum = 7, histogram = 9, exponential_histogram = 10, summary = 11. Of each of
    /// these data_points = 1, aggregation_temporality = 2, of a sum is_monotonic = 3.
    private mutating func decodeMetric(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var metric = OTLPMetric()
        var data: ProtobufReader?
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): metric.name = try fields.bytes()
            case ProtobufReader.tag(2, .bytes): metric.help = try fields.bytes()
            case ProtobufReader.tag(3, .bytes): metric.unit = try fields.bytes()
            case ProtobufReader.tag(5, .bytes): (metric.shape, data) = (.gauge, try fields.message())
            case ProtobufReader.tag(7, .bytes): (metric.shape, data) = (.sum, try fields.message())
            case ProtobufReader.tag(9, .bytes): (metric.shape, data) = (.histogram, try fields.message())
            case ProtobufReader.tag(10, .bytes): (metric.shape, data) = (.exponential, try fields.message())
            case ProtobufReader.tag(11, .bytes): (metric.shape, data) = (.summary, try fields.message())
            default: try fields.skip(tag)
            }
        }
        guard let data else { return }
        var parts = data
        var hasPoints = false
        while !parts.isAtEnd {
            let tag = try parts.tag()
            switch tag {
            case ProtobufReader.tag(2, .varint): metric.temporality = try parts.varint()
            case ProtobufReader.tag(3, .varint): metric.isMonotonic = try parts.varint() != 0
            case ProtobufReader.tag(1, .bytes):
                hasPoints = true
                try parts.skip(tag)
            default: try parts.skip(tag)
            }
        }
        guard hasPoints else { return }
        mapper.begin(metric, in: batch)
        parts = data
        while !parts.isAtEnd, !isOverLimit {
            let tag = try parts.tag()
            guard tag == ProtobufReader.tag(1, .bytes) else {
                try parts.skip(tag)
                continue
            }
            countPoint()
            try decodePoint(try parts.message(), metric.shape, into: batch)
        }
    }
}

/// Why a whole request of metrics could not be decoded; nothing of it counts.
public enum OTLPMetricsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Truncated, or not of the protocol (HTTP 400).
    case malformed(DecodeError)
    /// Over a per-request limit (HTTP 413).
    case tooLarge(String)

    public var description: String {
        switch self {
        case .malformed(let error): "the body can't be decoded: \(error)"
        case .tooLarge(let why): why
        }
    }
}
