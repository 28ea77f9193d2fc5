import Bedrock

/// How a typed attribute value begins in `Attributes`.
public enum AttributeType: UInt8, Sendable {
    /// A value that is not set.
    case empty = 0
    /// Varint length, bytes. Usually UTF-8.
    case string = 1
    /// One byte, 0 or 1.
    case bool = 2
    /// Zigzag varint.
    case int = 3
    /// Eight bytes, little-endian.
    case double = 4
    /// Varint length, bytes.
    case bytes = 5
    /// Varint length in bytes, then values one behind the other.
    case array = 6
    /// Varint length in bytes, then attributes.
    case map = 7
}

/// Writes attributes as bytes: for each the varint length and bytes of the key, the type, the value; in the order in which they came, doubles
/// included, so that they go out as they came in. This form stands in batches, queue records and memtables.
extension ByteBuffer {
    @inlinable public mutating func append(attributeKey key: UnsafeRawBufferPointer) { append(prefixed: key) }

    @inlinable public mutating func append(attributeString value: UnsafeRawBufferPointer) {
        append(AttributeType.string.rawValue)
        append(prefixed: value)
    }

    @inlinable public mutating func append(attributeBytes value: UnsafeRawBufferPointer) {
        append(AttributeType.bytes.rawValue)
        append(prefixed: value)
    }

    @inlinable public mutating func append(attributeBool value: Bool) {
        append(AttributeType.bool.rawValue)
        append(value ? UInt8(1) : UInt8(0))
    }

    @inlinable public mutating func append(attributeInt value: Int64) {
        append(AttributeType.int.rawValue)
        append(signedVarint: value)
    }

    @inlinable public mutating func append(attributeDouble value: Double) {
        append(AttributeType.double.rawValue)
        append(value)
    }

    @inlinable public mutating func appendEmptyAttribute() { append(AttributeType.empty.rawValue) }

    /// A container whose content (already in this form) is `content`.
    @inlinable public mutating func append(attribute type: AttributeType, content: UnsafeRawBufferPointer) {
        append(type.rawValue)
        append(prefixed: content)
    }

    /// One attribute from a value; for cold paths.
    public mutating func append(attribute key: String, _ value: AttributeValue) {
        append(prefixed: key)
        append(attributeValue: value)
    }

    /// A value alone; for cold paths.
    public mutating func append(attributeValue value: AttributeValue) {
        switch value {
        case .empty: appendEmptyAttribute()
        case .string(let text):
            append(AttributeType.string.rawValue)
            append(prefixed: text)
        case .bool(let value): append(attributeBool: value)
        case .int(let value): append(attributeInt: value)
        case .double(let value): append(attributeDouble: value)
        case .bytes(let bytes): bytes.withUnsafeBytes { append(attributeBytes: $0) }
        case .array(let values):
            var content = ByteBuffer()
            for value in values { content.append(attributeValue: value) }
            append(attribute: .array, content: content.bytes)
        case .map(let members):
            var content = ByteBuffer()
            for member in members { content.append(attribute: member.key, member.value) }
            append(attribute: .map, content: content.bytes)
        }
    }
}

/// An attribute's value where it lies, still encoded. Valid as long as the bytes are.
public struct AttributeBytes {
    public let type: AttributeType
    /// What follows the type: the text or bytes without their length, the content of a container, the encoded number.
    public let payload: UnsafeRawBufferPointer

    @inlinable public init(type: AttributeType, payload: UnsafeRawBufferPointer) {
        self.type = type
        self.payload = payload
    }

    @inlinable public var bool: Bool { payload.first == 1 }

    @inlinable public var int: Int64 {
        var reader = ByteReader(payload)
        return (try? reader.signedVarint()) ?? 0
    }

    @inlinable public var double: Double {
        var reader = ByteReader(payload)
        return (try? reader.double()) ?? 0
    }

    /// A copy; containers nested deeper than `depthMax` come back empty.
    public func value(depthMax: Int = 32) -> AttributeValue {
        switch type {
        case .empty: return .empty
        case .string: return .string(String(decoding: payload, as: UTF8.self))
        case .bool: return .bool(bool)
        case .int: return .int(int)
        case .double: return .double(double)
        case .bytes: return .bytes(Array(payload))
        case .array:
            var values: [AttributeValue] = []
            var cursor = AttributeCursor(payload)
            while depthMax > 0, let element = cursor.nextElement() {
                values.append(element.value(depthMax: depthMax - 1))
            }
            return .array(values)
        case .map: return .map(depthMax > 0 ? attributes(payload, depthMax: depthMax - 1) : [])
        }
    }
}

/// Walks encoded attributes without copying. Ends early at bytes that are no attribute; `isDamaged` then tells.
public struct AttributeCursor {
    @usableFromInline var reader: ByteReader
    public private(set) var isDamaged = false
    /// The attribute that `next` found.
    public private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var value = AttributeBytes(type: .empty, payload: UnsafeRawBufferPointer(start: nil, count: 0))

    public init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    /// Goes on to the next attribute; false at the end.
    public mutating func next() -> Bool {
        guard !reader.isAtEnd, !isDamaged else { return false }
        do {
            key = try reader.prefixed()
            value = try readValue()
            return true
        } catch {
            isDamaged = true
            return false
        }
    }

    /// The next value of an array's content; nil at the end.
    public mutating func nextElement() -> AttributeBytes? {
        guard !reader.isAtEnd, !isDamaged else { return nil }
        do { return try readValue() } catch {
            isDamaged = true
            return nil
        }
    }

    private mutating func readValue() throws(DecodeError) -> AttributeBytes {
        guard let type = AttributeType(rawValue: try reader.u8()) else {
            throw DecodeError("unknown attribute type", at: reader.offset)
        }
        switch type {
        case .empty: return AttributeBytes(type: type, payload: UnsafeRawBufferPointer(start: nil, count: 0))
        case .bool: return AttributeBytes(type: type, payload: try reader.take(1))
        case .double: return AttributeBytes(type: type, payload: try reader.take(8))
        case .int:
            let from = reader.offset
            _ = try reader.varint()
            return AttributeBytes(
                type: type, payload: UnsafeRawBufferPointer(rebasing: reader.bytes[from..<reader.offset]))
        case .string, .bytes, .array, .map: return AttributeBytes(type: type, payload: try reader.prefixed())
        }
    }
}

/// A typed value of an attribute, as OTLP's `AnyValue`; for cold paths.
public indirect enum AttributeValue: Hashable, Sendable {
    case empty
    case string(String)
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case bytes([UInt8])
    case array([AttributeValue])
    case map([Attribute])
}

/// A name and its typed value; for cold paths.
public struct Attribute: Hashable, Sendable {
    public var key: String
    public var value: AttributeValue

    public init(_ key: String, _ value: AttributeValue) {
        self.key = key
        self.value = value
    }
}

/// A copy of encoded attributes; for cold paths. Containers nested deeper than `depthMax` come back empty.
public func attributes(_ encoded: UnsafeRawBufferPointer, depthMax: Int = 32) -> [Attribute] {
    var found: [Attribute] = []
    var cursor = AttributeCursor(encoded)
    while cursor.next() {
        found.append(Attribute(String(decoding: cursor.key, as: UTF8.self), cursor.value.value(depthMax: depthMax)))
    }
    return found
}
