import Bedrock
import Formats
import Model

extension JSONWriter {
    /// A typed attribute as the JSON value that means the same; bytes as base64. Containers nested deeper than `depthMax` become null.
    mutating func attribute(_ value: AttributeBytes, depthMax: Int = 32) {
        switch value.type {
        case .empty: null()
        case .string: string(value.payload)
        case .bool: bool(value.bool)
        case .int: integer(value.int)
        case .double: number(value.double)
        case .bytes: base64(value.payload)
        case .array:
            guard depthMax > 0 else { return null() }
            beginArray()
            var cursor = AttributeCursor(value.payload)
            while let element = cursor.nextElement() { attribute(element, depthMax: depthMax - 1) }
            endArray()
        case .map:
            guard depthMax > 0 else { return null() }
            beginObject()
            var cursor = AttributeCursor(value.payload)
            while cursor.next() {
                key(cursor.key)
                attribute(cursor.value, depthMax: depthMax - 1)
            }
            endObject()
        }
    }
}
