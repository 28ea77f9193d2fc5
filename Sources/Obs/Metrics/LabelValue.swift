import Bedrock
import Model

/// What may be the value of a typed label: text, whole numbers, truth values, and enumerations with raw texts.
public protocol LabelValue: Sendable {
    var attributeValue: AttributeValue { get }
    /// Writes what tells this value from others.
    func write(to key: inout LabelKey)
}

extension String: LabelValue {
    public var attributeValue: AttributeValue { .string(self) }
    @inlinable public func write(to key: inout LabelKey) { key.append(self) }
}

extension Int: LabelValue {
    public var attributeValue: AttributeValue { .int(Int64(self)) }
    @inlinable public func write(to key: inout LabelKey) { key.append(UInt64(bitPattern: Int64(self)), type: 2) }
}

extension Bool: LabelValue {
    public var attributeValue: AttributeValue { .bool(self) }
    @inlinable public func write(to key: inout LabelKey) { key.append(self ? 1 : 0, type: 3) }
}

extension LabelValue where Self: RawRepresentable, RawValue == String {
    public var attributeValue: AttributeValue { .string(rawValue) }
    @inlinable public func write(to key: inout LabelKey) { key.append(rawValue) }
}

/// A label's name together with the type of its values.
public struct Label<Value: LabelValue>: Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }
}

/// Label values as bytes, in memory of the caller's: what a set of instruments is searched by.
public struct LabelKey {
    private let room: UnsafeMutableRawBufferPointer
    private var used = 0
    /// Whether the room was too small; the caller then looks the values up in another way.
    @usableFromInline private(set) var isTooLong = false

    @usableFromInline init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: room[..<used]) }

    @usableFromInline mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { text in
            guard !isTooLong, used + text.count + 3 <= room.count else { return isTooLong = true }
            room[used] = 1
            room.storeBytes(of: UInt16(truncatingIfNeeded: text.count), toByteOffset: used + 1, as: UInt16.self)
            if let start = text.baseAddress, let base = room.baseAddress {
                (base + used + 3).copyMemory(from: start, byteCount: text.count)
            }
            used += text.count + 3
        }
    }

    @usableFromInline mutating func append(_ word: UInt64, type: UInt8) {
        guard !isTooLong, used + 9 <= room.count else { return isTooLong = true }
        room[used] = type
        room.storeBytes(of: word, toByteOffset: used + 1, as: UInt64.self)
        used += 9
    }
}
