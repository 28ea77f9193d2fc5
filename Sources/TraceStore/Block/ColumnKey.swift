import Bedrock
import Model

/// What a column of a block holds. Numbers are part of the format.
enum ColumnRole: UInt8 {
    case attribute = 0
    case statusMessage = 1
    case traceState = 2
    case flags = 3
    case droppedAttributes = 4
    case droppedEvents = 5
    case droppedLinks = 6
    /// As `SpanEventCursor` reads them.
    case events = 7
    case links = 8
    /// One attribute a value, encoded, of keys without a column of their own.
    case rest = 9

    /// The type of what is no attribute.
    var type: AttributeType {
        switch self {
        case .attribute: .empty
        case .statusMessage, .traceState: .string
        case .flags, .droppedAttributes, .droppedEvents, .droppedLinks: .int
        case .events, .links, .rest: .bytes
        }
    }
}

extension AttributeType {
    /// Whether columns of it hold bytes rather than numbers.
    var isText: Bool {
        switch self {
        case .string, .bytes, .array, .map: true
        case .empty, .bool, .int, .double: false
        }
    }
}

extension ByteBuffer {
    /// Appends an attribute as it was read.
    mutating func append(attribute key: UnsafeRawBufferPointer, _ value: AttributeBytes) {
        append(attributeKey: key)
        append(value.type.rawValue)
        if value.type.isText { append(prefixed: value.payload) } else { append(value.payload) }
    }
}
