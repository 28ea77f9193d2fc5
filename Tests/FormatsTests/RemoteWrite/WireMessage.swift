import Bedrock
import Model

/// Writes protobuf messages field by field, valid or not, for tests of decoders.
struct WireMessage {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ number: UInt64, _ value: UInt64) {
        raw(number << 3)
        raw(value)
    }

    mutating func zigzag(_ number: UInt64, _ value: Int64) {
        varint(number, UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    mutating func double(_ number: UInt64, _ value: Double) {
        raw(number << 3 | 1)
        fixed(value)
    }

    mutating func fixed64(_ number: UInt64, _ value: UInt64) {
        raw(number << 3 | 1)
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func fixed32(_ number: UInt64, _ value: UInt32) {
        raw(number << 3 | 5)
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func bytes(_ number: UInt64, _ content: [UInt8]) {
        raw(number << 3 | 2)
        raw(UInt64(content.count))
        bytes += content
    }

    mutating func string(_ number: UInt64, _ text: String) { bytes(number, Array(text.utf8)) }

    mutating func bytes(_ number: UInt64, _ fill: (inout WireMessage) -> Void) {
        var inside = WireMessage()
        fill(&inside)
        bytes(number, inside.bytes)
    }

    mutating func packed(_ number: UInt64, _ values: [Double]) {
        var inside = WireMessage()
        for value in values { inside.fixed(value) }
        bytes(number, inside.bytes)
    }

    mutating func packedZigzag(_ number: UInt64, _ values: [Int64]) {
        var inside = WireMessage()
        for value in values { inside.raw(UInt64(bitPattern: value << 1 ^ value >> 63)) }
        bytes(number, inside.bytes)
    }

    mutating func packedVarints(_ number: UInt64, _ values: [UInt64]) {
        var inside = WireMessage()
        for value in values { inside.raw(value) }
        bytes(number, inside.bytes)
    }

    mutating func label(_ name: String, _ value: [UInt8]) {
        bytes(1) { label in
            label.string(1, name)
            label.bytes(2, value)
        }
    }

    mutating func label(_ name: String, _ value: String) { label(name, Array(value.utf8)) }

    mutating func sample(_ value: Double, _ timestamp: Int64) {
        bytes(2) { sample in
            sample.double(1, value)
            sample.varint(2, UInt64(bitPattern: timestamp))
        }
    }

    private mutating func raw(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func fixed(_ value: Double) { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
}

/// Random batches of the kind that remote write carries.
enum RemoteWriteSample {
    static func batch(_ random: inout SeededGenerator, series: Int? = nil) -> MetricBatch {
        let batch = MetricBatch()
        for s in 0..<(series ?? Int(random.next() % 8)) {
            var builder = LabelsBuilder()
            builder.set(Labels.metricName, "metric_\(s)")
            for _ in 0..<random.next() % 6 {
                builder.set(
                    "l\(random.next() % 20)",
                    String(repeating: ["a", "é", "😀"][Int(random.next() % 3)], count: Int(random.next() % 70) + 1))
            }
            batch.beginSeries(builder.labels())
            let rows = Int(random.next() % 4)
            for i in 0..<Int(random.next() % 4) where random.next() & 3 == 0 {
                let labels = i == 0 ? Labels.empty : Labels([Label("trace_id", "\(random.next())")])
                batch.append(Exemplar(labels: labels, value: value(&random), timestamp: Int64(random.next() >> 22)))
            }
            for _ in 0..<rows {
                batch.append(timestamp: Int64(bitPattern: random.next() >> (random.next() & 63)), value: value(&random))
            }
            for _ in 0..<(rows == 0 ? 1 : Int(random.next() % 2)) {
                batch.append(timestamp: Int64(random.next() >> 20), histogram: histogram(&random))
            }
        }
        if random.next() & 1 == 0 {
            batch.append(MetricMetadata(family: "f", kind: .summary, help: "h\né", unit: "seconds"))
        }
        return batch
    }

    private static func value(_ random: inout SeededGenerator) -> Double {
        switch random.next() % 5 {
        case 0: 0
        case 1: -0.0
        case 2: StaleMarker.value
        case 3: Double(random.next() % 1000)
        default: Double(bitPattern: random.next())
        }
    }

    static func histogram(_ random: inout SeededGenerator) -> NativeHistogram {
        if random.next() & 3 == 0 {
            return NativeHistogram(
                schema: NativeHistogram.customSchema, count: 3, sum: 4, positiveSpans: [.init(offset: 1, length: 2)],
                positiveBuckets: [1, 2], customValues: [-1.5, 0, 2.5], resetHint: .reset)
        }
        var spans: [NativeHistogram.Span] = []
        var buckets: [Double] = []
        for i in 0..<Int(random.next() % 4) {
            let length = UInt32(random.next() % 5)
            spans.append(.init(offset: Int32(random.next() % 10) - (i == 0 ? 5 : 0), length: length))
            for _ in 0..<length { buckets.append(Double(random.next() % 100)) }
        }
        return NativeHistogram(
            schema: Int32(random.next() % 13) - 4, count: buckets.reduce(1, +), sum: Double(random.next() % 1000),
            zeroThreshold: 1e-128, zeroCount: 1,
            positiveSpans: spans, positiveBuckets: buckets, negativeSpans: spans, negativeBuckets: buckets,
            resetHint: .gauge)
    }
}
