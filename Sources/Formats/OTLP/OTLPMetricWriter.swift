import Bedrock
import Model

/// Writes metrics as OTLP's `ExportMetricsServiceRequest` (opentelemetry-proto 1.x, protobuf). Not thread-safe.
///
/// Resource, then scope, then metric, then its points; each `begin` ends what stood before it on its level. `finish` ends everything.
public struct OTLPMetricWriter: ~Copyable {
    /// What the points of a metric are.
    public enum Kind: Sendable, Equatable {
        case gauge
        case sum(isMonotonic: Bool)
        case histogram
        case exponentialHistogram
    }

    /// Whether a point tells of all since the start, or since the point before it.
    public enum Temporality: UInt8, Sendable {
        case delta = 1
        case cumulative = 2
    }

    /// What every point has.
    public struct Point {
        /// Encoded by `encodeAttributes` for the metric's kind.
        public var attributes: UnsafeRawBufferPointer
        /// Nanoseconds since the Unix epoch.
        public var start: UInt64
        public var time: UInt64

        public init(attributes: UnsafeRawBufferPointer, start: UInt64, time: UInt64) {
            self.attributes = attributes
            self.start = start
            self.time = time
        }
    }

    /// One side of an exponential histogram: counts of consecutive buckets from `offset` on.
    public struct Buckets: Sendable, Equatable {
        public var offset: Int32
        public var counts: [UInt64]

        public init(offset: Int32 = 0, counts: [UInt64] = []) {
            self.offset = offset
            self.counts = counts
        }
    }

    private var envelope: OTLPEnvelope
    private var metricStart: Int?
    private var dataStart = 0
    private var kind = Kind.gauge
    private var temporality = Temporality.cumulative
    /// Points written since the last `clear`.
    public private(set) var pointCount = 0

    public init(capacity: Int = 64 << 10) { envelope = OTLPEnvelope(capacity: capacity) }

    /// The request; invalid after the next call. To be read after `finish`.
    public var bytes: UnsafeRawBufferPointer { envelope.buffer.bytes }

    public mutating func clear() {
        envelope.clear()
        metricStart = nil
        pointCount = 0
    }

    /// `attributes` as `OTLPMetricWriter.resource` encodes them.
    public mutating func beginResource(_ attributes: UnsafeRawBufferPointer) {
        endMetric()
        envelope.beginResource(attributes)
    }

    public mutating func beginScope(name: String, version: String = "") {
        endMetric()
        var fields = ByteBuffer(capacity: 64)
        if !name.isEmpty { fields.append(field: 1, string: name) }
        if !version.isEmpty { fields.append(field: 2, string: version) }
        envelope.beginScope(fields.bytes)
    }

    public mutating func beginMetric(
        name: String, unit: String = "", description: String = "", kind: Kind, temporality: Temporality = .cumulative
    ) {
        endMetric()
        metricStart = envelope.beginRecord()
        envelope.buffer.append(field: 1, string: name)
        if !description.isEmpty { envelope.buffer.append(field: 2, string: description) }
        if !unit.isEmpty { envelope.buffer.append(field: 3, string: unit) }
        let field =
            switch kind {
            case .gauge: 5
            case .sum: 7
            case .histogram: 9
            case .exponentialHistogram: 10
            }
        dataStart = envelope.buffer.beginMessage(field: field)
        self.kind = kind
        self.temporality = temporality
    }

    /// A point of a gauge or a sum.
    public mutating func number(_ point: Point, int value: Int64) {
        let start = beginNumber(point)
        envelope.buffer.append(field: 6, fixed64: UInt64(bitPattern: value))
        envelope.buffer.endMessage(start)
    }

    public mutating func number(_ point: Point, double value: Double) {
        let start = beginNumber(point)
        envelope.buffer.append(field: 4, double: value)
        envelope.buffer.endMessage(start)
    }

    private mutating func beginNumber(_ point: Point) -> Int {
        let start = beginPoint()
        envelope.buffer.append(point.attributes)
        if point.start != 0 { envelope.buffer.append(field: 2, fixed64: point.start) }
        envelope.buffer.append(field: 3, fixed64: point.time)
        return start
    }

    /// A point of a histogram; `counts` has one more than `bounds`.
    public mutating func histogram(
        _ point: Point, bounds: [Double], counts: [UInt64], sum: Double, min: Double? = nil, max: Double? = nil
    ) {
        let start = beginPoint()
        envelope.buffer.append(point.attributes)
        if point.start != 0 { envelope.buffer.append(field: 2, fixed64: point.start) }
        envelope.buffer.append(field: 3, fixed64: point.time)
        envelope.buffer.append(field: 4, fixed64: counts.reduce(0, &+))
        envelope.buffer.append(field: 5, double: sum)
        envelope.buffer.append(field: 6, messageLength: counts.count * 8)
        for count in counts { envelope.buffer.append(littleEndian: count) }
        envelope.buffer.append(field: 7, messageLength: bounds.count * 8)
        for bound in bounds { envelope.buffer.append(bound) }
        if let min { envelope.buffer.append(field: 11, double: min) }
        if let max { envelope.buffer.append(field: 12, double: max) }
        envelope.buffer.endMessage(start)
    }

    /// A point of an exponential histogram.
    public mutating func exponentialHistogram(
        _ point: Point, scale: Int32, zeroCount: UInt64, positive: Buckets, negative: Buckets, sum: Double,
        min: Double? = nil, max: Double? = nil
    ) {
        let start = beginPoint()
        envelope.buffer.append(point.attributes)
        if point.start != 0 { envelope.buffer.append(field: 2, fixed64: point.start) }
        envelope.buffer.append(field: 3, fixed64: point.time)
        let count = positive.counts.reduce(0, &+) &+ negative.counts.reduce(0, &+) &+ zeroCount
        envelope.buffer.append(field: 4, fixed64: count)
        envelope.buffer.append(field: 5, double: sum)
        envelope.buffer.append(field: 6, zigzag: Int64(scale))
        if zeroCount > 0 { envelope.buffer.append(field: 7, fixed64: zeroCount) }
        append(field: 8, positive)
        append(field: 9, negative)
        if let min { envelope.buffer.append(field: 12, double: min) }
        if let max { envelope.buffer.append(field: 13, double: max) }
        envelope.buffer.endMessage(start)
    }

    /// Ends the request.
    public mutating func finish() {
        endMetric()
        envelope.endResource()
    }

    /// The fields of a `Resource` with these attributes, for `beginResource`.
    public static func resource(_ attributes: [Attribute]) -> [UInt8] { encode(attributes, field: 1) }

    /// Attributes as points of `kind` hold them, for `Point.attributes`.
    public static func encodeAttributes(_ attributes: [Attribute], kind: Kind) -> [UInt8] {
        switch kind {
        case .gauge, .sum: encode(attributes, field: 7)
        case .histogram: encode(attributes, field: 9)
        case .exponentialHistogram: encode(attributes, field: 1)
        }
    }

    private static func encode(_ attributes: [Attribute], field: Int) -> [UInt8] {
        var buffer = ByteBuffer()
        for attribute in attributes { buffer.append(field: field, attribute: attribute.key, attribute.value) }
        return buffer.array()
    }

    private mutating func append(field: Int, _ buckets: Buckets) {
        guard !buckets.counts.isEmpty else { return }
        let start = envelope.buffer.beginMessage(field: field)
        envelope.buffer.append(field: 1, zigzag: Int64(buckets.offset))
        let packed = envelope.buffer.beginMessage(field: 2)
        for count in buckets.counts { envelope.buffer.append(varint: count) }
        envelope.buffer.endMessage(packed)
        envelope.buffer.endMessage(start)
    }

    private mutating func beginPoint() -> Int {
        pointCount += 1
        return envelope.buffer.beginMessage(field: 1)
    }

    private mutating func endMetric() {
        guard let metricStart else { return }
        switch kind {
        case .gauge: break
        case .sum(let isMonotonic):
            envelope.buffer.append(field: 2, varint: UInt64(temporality.rawValue))
            if isMonotonic { envelope.buffer.append(field: 3, varint: 1) }
        case .histogram, .exponentialHistogram:
            envelope.buffer.append(field: 2, varint: UInt64(temporality.rawValue))
        }
        envelope.buffer.endMessage(dataStart)
        envelope.endRecord(metricStart)
        self.metricStart = nil
    }
}
