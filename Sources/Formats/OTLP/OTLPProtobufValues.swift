import Bedrock
import Model

/// `AnyValue` and `KeyValue` on the wire: string = 1, bool = 2, int = 3, double = 4, array = 5, kvlist = 6, bytes = 7.
extension OTLPLogsDecoder {
    /// `KeyValue`: key = 1, value = 2.
    private static func keyValue(
        _ message: ProtobufReader
    ) throws(DecodeError) -> (key: UnsafeRawBufferPointer, value: ProtobufReader?) {
        var message = message
        var key = UnsafeRawBufferPointer.nothing
        var value: ProtobufReader?
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): key = try message.bytes()
            case ProtobufReader.tag(2, .bytes): value = try message.message()
            default: try message.skip(tag)
            }
        }
        return (key, value)
    }

    /// An attribute; a map becomes one for each of its leaves, its name in front.
    mutating func decodeAttribute(
        _ message: ProtobufReader, of place: OTLPLogWriter.Place
    ) throws(DecodeError) {
        let (key, value) = try Self.keyValue(message)
        if let value { try decodeAttribute(key, value, of: place, depth: 0) }
    }

    private mutating func decodeAttribute(
        _ name: UnsafeRawBufferPointer, _ value: ProtobufReader, of place: OTLPLogWriter.Place, depth: Int
    ) throws(DecodeError) {
        var value = value
        while !value.isAtEnd {
            let tag = try value.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): writer.attribute(name, try value.bytes(), of: place)
            case ProtobufReader.tag(2, .varint):
                let text: StaticString = try value.varint() != 0 ? "true" : "false"
                writer.attribute(name, UnsafeRawBufferPointer(text), of: place)
            case ProtobufReader.tag(3, .varint):
                let number = Int64(bitPattern: try value.varint())
                let text =
                    place == .record ? writer.rows.scratch.decimal(number) : writer.rows.labelScratch.decimal(number)
                writer.attribute(name, text, of: place)
            case ProtobufReader.tag(4, .fixed64):
                writer.json.buffer.append(float: try value.double())
                writer.attribute(name, writer.jsonText(place), of: place)
            case ProtobufReader.tag(6, .bytes):
                try decodeMembers(name, try value.message(), of: place, depth: depth + 1)
            case ProtobufReader.tag(5, .bytes):
                try writeArray(try value.message(), depth: depth + 1)
                writer.attribute(name, writer.jsonText(place), of: place)
            case ProtobufReader.tag(7, .bytes):
                writer.attribute(name, writer.rows.base64(try value.bytes(), place), of: place)
            default: try value.skip(tag)
            }
        }
    }

    /// `KeyValueList`: values = 1.
    private mutating func decodeMembers(
        _ name: UnsafeRawBufferPointer, _ list: ProtobufReader, of place: OTLPLogWriter.Place, depth: Int
    ) throws(DecodeError) {
        try checkDepth(depth, list)
        var list = list
        while !list.isAtEnd {
            let tag = try list.tag()
            guard tag == ProtobufReader.tag(1, .bytes) else {
                try list.skip(tag)
                continue
            }
            let (key, value) = try Self.keyValue(try list.message())
            guard let value else { continue }
            try decodeAttribute(writer.rows.joined(name, key, place), value, of: place, depth: depth)
        }
    }

    private func checkDepth(_ depth: Int, _ message: ProtobufReader) throws(DecodeError) {
        let most = writer.rows.options.limits.depthMax
        if depth > most { throw message.error("values are nested over \(most) deep") }
    }

    /// The line of a body: a string or bytes as they are, anything else as JSON.
    mutating func decodeBody(_ value: ProtobufReader) throws(DecodeError) -> UnsafeRawBufferPointer {
        var fields = value
        if !fields.isAtEnd {
            let tag = try fields.tag()
            if tag == ProtobufReader.tag(1, .bytes) || tag == ProtobufReader.tag(7, .bytes) {
                return try fields.bytes()
            }
        } else {
            return .nothing
        }
        try writeValue(value, depth: 0)
        return writer.jsonText(.record)
    }

    private mutating func writeValue(_ value: ProtobufReader, depth: Int) throws(DecodeError) {
        try checkDepth(depth, value)
        var value = value
        guard !value.isAtEnd else { return writer.json.null() }
        let tag = try value.tag()
        switch tag {
        case ProtobufReader.tag(1, .bytes): writer.json.string(try value.bytes())
        case ProtobufReader.tag(2, .varint): writer.json.bool(try value.varint() != 0)
        case ProtobufReader.tag(3, .varint): writer.json.integer(Int64(bitPattern: try value.varint()))
        case ProtobufReader.tag(4, .fixed64): writer.json.number(try value.double())
        case ProtobufReader.tag(5, .bytes): try writeArray(try value.message(), depth: depth + 1)
        case ProtobufReader.tag(6, .bytes): try writeMap(try value.message(), depth: depth + 1)
        case ProtobufReader.tag(7, .bytes):
            writer.json.string(writer.rows.base64(try value.bytes(), .record))
        default: writer.json.null()
        }
    }

    /// `ArrayValue`: values = 1.
    private mutating func writeArray(_ list: ProtobufReader, depth: Int) throws(DecodeError) {
        var list = list
        writer.json.beginArray()
        while !list.isAtEnd {
            let tag = try list.tag()
            if tag == ProtobufReader.tag(1, .bytes) {
                try writeValue(try list.message(), depth: depth)
            } else {
                try list.skip(tag)
            }
        }
        writer.json.endArray()
    }

    private mutating func writeMap(_ list: ProtobufReader, depth: Int) throws(DecodeError) {
        var list = list
        writer.json.beginObject()
        while !list.isAtEnd {
            let tag = try list.tag()
            guard tag == ProtobufReader.tag(1, .bytes) else {
                try list.skip(tag)
                continue
            }
            let (key, value) = try Self.keyValue(try list.message())
            writer.json.key(key)
            if let value { try writeValue(value, depth: depth) } else { writer.json.null() }
        }
        writer.json.endObject()
    }
}

extension LogRowWriter {
    /// Base64 text that lasts as long as attributes of `place` do.
    mutating func base64(_ bytes: UnsafeRawBufferPointer, _ place: OTLPLogWriter.Place) -> UnsafeRawBufferPointer {
        place == .record ? scratch.base64(bytes) : labelScratch.base64(bytes)
    }

    /// `outer.inner`, likewise.
    mutating func joined(
        _ outer: UnsafeRawBufferPointer, _ inner: UnsafeRawBufferPointer, _ place: OTLPLogWriter.Place
    ) -> UnsafeRawBufferPointer {
        place == .record ? scratch.joined(outer, inner) : labelScratch.joined(outer, inner)
    }
}

extension ScratchArena {
    fileprivate mutating func joined(
        _ outer: UnsafeRawBufferPointer, _ inner: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        let name = text(bytesMax: outer.count + 1 + inner.count) { room in
            if let start = outer.baseAddress { room.copyMemory(from: start, byteCount: outer.count) }
            room.storeBytes(of: UInt8(ascii: "."), toByteOffset: outer.count, as: UInt8.self)
            if let start = inner.baseAddress {
                (room + outer.count + 1).copyMemory(from: start, byteCount: inner.count)
            }
            return outer.count + 1 + inner.count
        }
        return name ?? outer
    }
}
