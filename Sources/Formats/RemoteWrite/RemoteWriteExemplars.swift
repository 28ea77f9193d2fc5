import Bedrock
import Model

/// Exemplars of remote write, into the batch's series begun last.
extension RemoteWriteDecoder {
    /// What a decoder keeps for exemplars from request to request.
    struct ExemplarScratch: ~Copyable {
        var labels = LabelSetWriter()
        var canonical = ByteBuffer(capacity: 256)
        var isValid = true

        mutating func clear() {
            labels.clear()
            canonical.clear()
            isValid = true
        }

        mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
            isValid = isValid && UTF8Text.isValid(name) && UTF8Text.isValid(value)
            labels.add(name, value)
        }
    }

    /// `Exemplar` of 1.0: labels = 1, value = 2, timestamp = 3. A nil batch: its series is left out.
    mutating func decodeExemplar(_ message: ProtobufReader, into batch: MetricBatch?) throws(DecodeError) {
        exemplar.clear()
        var message = message
        var value = 0.0
        var timestamp: Int64 = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes):
                let (name, text) = try Self.label(try message.message())
                exemplar.add(name, text)
            case ProtobufReader.tag(2, .fixed64): value = try message.double()
            case ProtobufReader.tag(3, .varint): timestamp = Int64(bitPattern: try message.varint())
            default: try message.skip(tag)
            }
        }
        takeExemplar(value: value, timestamp: timestamp, into: batch)
    }

    /// `Label`: name = 1, value = 2.
    private static func label(
        _ message: ProtobufReader
    ) throws(DecodeError) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        var message = message
        var name = UnsafeRawBufferPointer(start: nil, count: 0)
        var value = UnsafeRawBufferPointer(start: nil, count: 0)
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): name = try message.bytes()
            case ProtobufReader.tag(2, .bytes): value = try message.bytes()
            default: try message.skip(tag)
            }
        }
        return (name, value)
    }

    /// Appends the exemplar whose labels were gathered, or counts it as refused. One that repeats the one before counts as taken.
    mutating func takeExemplar(value: Double, timestamp: Int64, into batch: MetricBatch?) {
        exemplarCount += 1
        guard let batch, exemplarCount <= limits.exemplarsPerRequestMax else { return report.refuseExemplar() }
        guard exemplar.isValid, exemplar.labels.write(to: &exemplar.canonical) == nil,
            Exemplar.isShortEnough(exemplar.canonical.bytes)
        else { return report.refuseExemplar() }
        batch.appendExemplar(canonical: exemplar.canonical.bytes, value: value, timestamp: timestamp)
        report.exemplars += 1
    }
}
