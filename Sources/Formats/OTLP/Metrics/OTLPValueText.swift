import Bedrock
import Model

/// Values of attributes as text, as labels have them: numbers in their shortest form, bytes in base64, arrays and maps as JSON.
enum OTLPValueText {
    /// The text where it lies, or made in `scratch`.
    @inline(__always)
    static func text(_ value: AttributeBytes, _ scratch: inout ScratchArena) -> UnsafeRawBufferPointer {
        value.type == .string ? value.payload : made(value, &scratch)
    }

    @inline(never)
    private static func made(_ value: AttributeBytes, _ scratch: inout ScratchArena) -> UnsafeRawBufferPointer {
        switch value.type {
        case .empty: return .nothing
        case .string: return value.payload
        case .bool: return UnsafeRawBufferPointer(value.bool ? "true" : "false")
        case .int: return scratch.decimal(value.int)
        case .double:
            var text = ByteBuffer(capacity: 32)
            text.append(float: value.double)
            return scratch.copy(text.bytes)
        case .bytes: return scratch.base64(value.payload)
        case .array, .map:
            var writer = JSONWriter(capacity: 256)
            write(value, to: &writer)
            return scratch.copy(writer.buffer.bytes)
        }
    }

    /// As deep as whoever encoded the value allowed.
    private static func write(_ value: AttributeBytes, to writer: inout JSONWriter) {
        switch value.type {
        case .empty: writer.null()
        case .string: writer.string(value.payload)
        case .bool: writer.bool(value.bool)
        case .int: writer.integer(value.int)
        case .double: writer.number(value.double)
        case .bytes: writer.base64(value.payload)
        case .array:
            writer.beginArray()
            var cursor = AttributeCursor(value.payload)
            while let element = cursor.nextElement() { write(element, to: &writer) }
            writer.endArray()
        case .map:
            writer.beginObject()
            var cursor = AttributeCursor(value.payload)
            while cursor.next() {
                writer.key(cursor.key)
                write(cursor.value, to: &writer)
            }
            writer.endObject()
        }
    }
}
