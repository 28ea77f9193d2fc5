import Bedrock
import Model

/// `KeyValue` and `AnyValue` of OTLP, appended to a buffer.
package extension ByteBuffer {
    /// A `KeyValue` in field `number`.
    mutating func append(field number: Int, attribute key: String, _ value: AttributeValue, depthMax: Int = 32) {
        let start = beginMessage(field: number)
        append(field: 1, string: key)
        let inner = beginMessage(field: 2)
        append(anyValue: value, depthMax: depthMax)
        endMessage(inner)
        endMessage(start)
    }

    /// The fields of an `AnyValue`. Containers nested deeper than `depthMax` are left empty.
    mutating func append(anyValue value: AttributeValue, depthMax: Int = 32) {
        switch value {
        case .empty: break
        case .string(let text): append(field: 1, string: text)
        case .bool(let bool): append(field: 2, varint: bool ? 1 : 0)
        case .int(let int): append(field: 3, varint: UInt64(bitPattern: int))
        case .double(let double): append(field: 4, double: double)
        case .bytes(let bytes): bytes.withUnsafeBytes { append(field: 7, bytes: $0) }
        case .array(let values):
            let start = beginMessage(field: 5)
            if depthMax > 0 {
                for value in values {
                    let inner = beginMessage(field: 1)
                    append(anyValue: value, depthMax: depthMax - 1)
                    endMessage(inner)
                }
            }
            endMessage(start)
        case .map(let members):
            let start = beginMessage(field: 6)
            if depthMax > 0 {
                for member in members {
                    append(field: 1, attribute: member.key, member.value, depthMax: depthMax - 1)
                }
            }
            endMessage(start)
        }
    }

    /// Attributes in the house's encoding, each a `KeyValue` in field `number`.
    mutating func append(field number: Int, attributes encoded: UnsafeRawBufferPointer, depthMax: Int = 32) {
        var cursor = AttributeCursor(encoded)
        while cursor.next() {
            let start = beginMessage(field: number)
            append(field: 1, bytes: cursor.key)
            let inner = beginMessage(field: 2)
            append(anyValue: cursor.value, depthMax: depthMax)
            endMessage(inner)
            endMessage(start)
        }
    }

    private mutating func append(anyValue value: AttributeBytes, depthMax: Int) {
        switch value.type {
        case .empty: break
        case .string: append(field: 1, bytes: value.payload)
        case .bool: append(field: 2, varint: value.bool ? 1 : 0)
        case .int: append(field: 3, varint: UInt64(bitPattern: value.int))
        case .double: append(field: 4, double: value.double)
        case .bytes: append(field: 7, bytes: value.payload)
        case .array:
            let start = beginMessage(field: 5)
            var cursor = AttributeCursor(value.payload)
            while depthMax > 0, let element = cursor.nextElement() {
                let inner = beginMessage(field: 1)
                append(anyValue: element, depthMax: depthMax - 1)
                endMessage(inner)
            }
            endMessage(start)
        case .map:
            let start = beginMessage(field: 6)
            if depthMax > 0 { append(field: 1, attributes: value.payload, depthMax: depthMax - 1) }
            endMessage(start)
        }
    }
}
