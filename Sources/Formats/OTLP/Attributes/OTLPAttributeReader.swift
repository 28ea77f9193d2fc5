import Bedrock
import Model

/// Reads attributes of OTLP, protobuf and JSON, into the bytes that `AttributeCursor` reads.
///
/// On the wire: `KeyValue` (key = 1, value = 2) and `AnyValue` (string = 1, bool = 2, int = 3, double = 4, array = 5, kvlist = 6, bytes = 7).
struct OTLPAttributeReader {
    /// Attributes of one thing; those beyond are dropped.
    var attributesMax = 1_024
    /// Arrays and maps within one another.
    var depthMax = 32

    /// All fields `number` of a message as attributes in the batch's arena, and how many were too many.
    func read(
        _ number: UInt64, of message: ProtobufReader, into batch: SpanBatch
    ) throws(DecodeError) -> (range: ByteRange, dropped: Int) {
        var dropped = 0
        let range = try batch.write { (arena) throws(DecodeError) in
            dropped = try append(number, of: message, to: &arena)
        }
        return (range, dropped)
    }

    /// Appends all fields `number` of a message; gives how many were too many.
    func append(
        _ number: UInt64, of message: ProtobufReader, to target: inout ByteBuffer, depth: Int = 0
    ) throws(DecodeError) -> Int {
        guard depth <= depthMax else { throw message.error("values are nested over \(depthMax) deep") }
        var message = message
        var count = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            guard tag == ProtobufReader.tag(number, .bytes) else {
                try message.skip(tag)
                continue
            }
            let pair = try message.message()
            count += 1
            if count <= attributesMax { try appendAttribute(pair, to: &target, depth: depth) }
        }
        return max(0, count - attributesMax)
    }

    @inline(__always)
    private func appendAttribute(
        _ pair: ProtobufReader, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) {
        var pair = pair
        var key = UnsafeRawBufferPointer.nothing
        var value: ProtobufReader?
        while !pair.isAtEnd {
            let tag = try pair.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): key = try pair.bytes()
            case ProtobufReader.tag(2, .bytes): value = try pair.message()
            default: try pair.skip(tag)
            }
        }
        target.append(attributeKey: key)
        guard let value else { return target.appendEmptyAttribute() }
        try appendValue(value, to: &target, depth: depth)
    }

    private func appendValue(
        _ value: ProtobufReader, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) {
        let start = target.count
        var value = value
        while !value.isAtEnd {
            // The last one of several counts, as in every protobuf reader.
            let tag = try value.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes):
                target.truncate(to: start)
                target.append(attributeString: try value.bytes())
            case ProtobufReader.tag(2, .varint):
                target.truncate(to: start)
                target.append(attributeBool: try value.varint() != 0)
            case ProtobufReader.tag(3, .varint):
                target.truncate(to: start)
                target.append(attributeInt: Int64(bitPattern: try value.varint()))
            case ProtobufReader.tag(4, .fixed64):
                target.truncate(to: start)
                target.append(attributeDouble: try value.double())
            case ProtobufReader.tag(5, .bytes):
                target.truncate(to: start)
                let content = try elements(try value.message(), depth: depth + 1)
                target.append(attribute: .array, content: content.bytes)
            case ProtobufReader.tag(6, .bytes):
                target.truncate(to: start)
                var content = ByteBuffer(capacity: 64)
                _ = try append(1, of: try value.message(), to: &content, depth: depth + 1)
                target.append(attribute: .map, content: content.bytes)
            case ProtobufReader.tag(7, .bytes):
                target.truncate(to: start)
                target.append(attributeBytes: try value.bytes())
            default: try value.skip(tag)
            }
        }
        if target.count == start { target.appendEmptyAttribute() }
    }

    /// `ArrayValue`: values = 1.
    private func elements(_ message: ProtobufReader, depth: Int) throws(DecodeError) -> ByteBuffer {
        guard depth <= depthMax else { throw message.error("values are nested over \(depthMax) deep") }
        var content = ByteBuffer(capacity: 64)
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(1, .bytes) {
                try appendValue(try message.message(), to: &content, depth: depth)
            } else {
                try message.skip(tag)
            }
        }
        return content
    }
}
