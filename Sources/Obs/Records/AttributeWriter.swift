import Bedrock
import Formats
import Glibc
import Model

/// Sets attributes of a span, an event or a log record that is being written. Only valid within the call that hands it out.
///
/// Values are written as they come, into memory that was there before: nothing is allocated. An attribute beyond the limits is counted in the
/// record, texts are cut. Of two attributes with one name the last one counts.
public struct AttributeWriter {
    let writer: RecordWriter
    let field: UInt8
    let countMax: Int
    let valueBytesMax: Int
    /// Bytes written, for the enclosing message.
    var written = 0
    var count = 0
    var dropped = 0
    /// Attributes of the record itself are counted in its header, others by this writer.
    let isNested: Bool

    init(_ writer: RecordWriter, field: UInt8, countMax: Int, valueBytesMax: Int, isNested: Bool = false) {
        self.writer = writer
        self.field = field
        self.countMax = countMax
        self.valueBytesMax = valueBytesMax
        self.isNested = isNested
    }

    public mutating func set(_ key: String, _ value: String) {
        value.withBytes { set(key, text: UnsafeRawBufferPointer($0)) }
    }

    public mutating func set(_ key: String, _ value: Int) {
        let bits = UInt64(bitPattern: Int64(value))
        let length = Varint.length(bits)
        guard let (room, head) = begin(key, valueBytes: 1 + length) else { return }
        (room + head).storeBytes(of: 3 << 3, as: UInt8.self)
        _ = Varint.write(bits, to: room + head + 1)
        finish(head + 1 + length)
    }

    public mutating func set(_ key: String, _ value: Double) {
        guard let (room, head) = begin(key, valueBytes: 9) else { return }
        (room + head).storeBytes(of: 4 << 3 | 1, as: UInt8.self)
        (room + head + 1).storeBytes(of: value.bitPattern.littleEndian, as: UInt64.self)
        finish(head + 9)
    }

    public mutating func set(_ key: String, _ value: Bool) {
        guard let (room, head) = begin(key, valueBytes: 2) else { return }
        (room + head).storeBytes(of: 2 << 3, as: UInt8.self)
        (room + head + 1).storeBytes(of: value ? 1 : 0, as: UInt8.self)
        finish(head + 2)
    }

    /// Any attribute; allocates for lists and maps.
    public mutating func set(_ key: String, _ value: AttributeValue) {
        switch value {
        case .string(let text): set(key, text)
        case .int(let int): set(key, Int(int))
        case .double(let double): set(key, double)
        case .bool(let bool): set(key, bool)
        case .empty, .bytes, .array, .map:
            let encoded = EncodedAttribute.encode(key, value)
            guard encoded.count <= valueBytesMax, admit(hash: 1) else { return drop() }
            if writeRaw(encoded) { countUp() } else { drop() }
        }
    }

    public mutating func set(_ attributes: Attributes) {
        for attribute in attributes.entries { set(attribute.key, attribute.value) }
    }

    private mutating func writeRaw(_ encoded: [UInt8]) -> Bool {
        let isWritten = encoded.withUnsafeBytes { writer.bytes(field, $0) }
        if isWritten { written += 1 + Varint.length(encoded.count) + encoded.count }
        return isWritten
    }

    private mutating func set(_ key: String, text: UnsafeRawBufferPointer) {
        let text = text.count <= valueBytesMax ? text : UTF8Cut.prefix(text, valueBytesMax)
        let length = 1 + Varint.length(text.count) + text.count
        if key.utf8.count + length > RecordPool.payloadBytes - 24 { return setLarge(key, text) }
        guard let (room, head) = begin(key, valueBytes: length) else { return }
        (room + head).storeBytes(of: 1 << 3 | 2, as: UInt8.self)
        let at = head + 1 + Varint.write(UInt64(text.count), to: room + head + 1)
        if let start = text.baseAddress { memcpy(room + at, start, text.count) }
        finish(at + text.count)
    }

    /// A text that takes several blocks: put together elsewhere.
    @inline(never)
    private mutating func setLarge(_ key: String, _ text: UnsafeRawBufferPointer) {
        guard admit(hash: Self.hash(key)) else { return drop() }
        var buffer = ByteBuffer(capacity: text.count + key.utf8.count + 32)
        EncodedAttribute.append(key, text: text, to: &buffer)
        let isWritten = writer.bytes(field, buffer.bytes)
        if isWritten { written += 1 + Varint.length(buffer.count) + buffer.count }
        if isWritten { countUp() } else { drop() }
    }

    /// Writes everything before the value. Gives where the field begins, and how far it has been written.
    @inline(__always)
    private mutating func begin(_ key: String, valueBytes: Int) -> (UnsafeMutableRawPointer, Int)? {
        key.withBytes { name -> (UnsafeMutableRawPointer, Int)? in
            let pair = 1 + Varint.length(name.count) + name.count + 1 + Varint.length(valueBytes) + valueBytes
            let total = 1 + Varint.length(pair) + pair
            guard total <= RecordPool.payloadBytes, admit(hash: Self.hash(name)), let room = writer.room(total + 8)
            else {
                drop()
                return nil
            }
            room.storeBytes(of: field << 3 | 2, as: UInt8.self)
            if pair < 128, let start = name.baseAddress {
                // The usual case: all lengths are one byte.
                room.storeBytes(of: UInt8(truncatingIfNeeded: pair), toByteOffset: 1, as: UInt8.self)
                room.storeBytes(of: 1 << 3 | 2, toByteOffset: 2, as: UInt8.self)
                room.storeBytes(of: UInt8(truncatingIfNeeded: name.count), toByteOffset: 3, as: UInt8.self)
                memcpy(room + 4, start, name.count)
                let at = 4 + name.count
                room.storeBytes(of: 2 << 3 | 2, toByteOffset: at, as: UInt8.self)
                room.storeBytes(of: UInt8(truncatingIfNeeded: valueBytes), toByteOffset: at + 1, as: UInt8.self)
                return (room, at + 2)
            }
            var at = 1 + Varint.write(UInt64(pair), to: room + 1)
            (room + at).storeBytes(of: 1 << 3 | 2, as: UInt8.self)
            at += 1
            at += Varint.write(UInt64(name.count), to: room + at)
            if let start = name.baseAddress { memcpy(room + at, start, name.count) }
            at += name.count
            (room + at).storeBytes(of: 2 << 3 | 2, as: UInt8.self)
            at += 1
            at += Varint.write(UInt64(valueBytes), to: room + at)
            return (room, at)
        }
    }

    @inline(__always)
    private mutating func finish(_ count: Int) {
        writer.commit(count)
        written += count
        countUp()
    }

    @inline(__always)
    private mutating func countUp() {
        if isNested { count += 1 } else { writer.header.pointee.attributeCount &+= 1 }
    }

    /// Whether another attribute is within the limit; notes names that may have come before.
    @inline(__always)
    private mutating func admit(hash: UInt64) -> Bool {
        if isNested { return count < countMax }
        guard Int(writer.header.pointee.attributeCount) < countMax else { return false }
        let bit: UInt64 = 1 << (hash & 63)
        if writer.header.pointee.keyBits & bit != 0 { writer.header.pointee.hasRepeatedNames = true }
        writer.header.pointee.keyBits |= bit
        return true
    }

    private mutating func drop() {
        if isNested {
            dropped += 1
        } else if writer.header.pointee.droppedAttributes < .max {
            writer.header.pointee.droppedAttributes += 1
        }
    }

    @inline(__always)
    private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
        guard let start = name.baseAddress, name.count > 0 else { return 0 }
        let raw = UnsafeRawPointer(start)
        var word: UInt64
        if name.count >= 8 {
            word =
                raw.loadUnaligned(as: UInt64.self)
                ^ raw.loadUnaligned(fromByteOffset: name.count - 8, as: UInt64.self).byteSwapped
        } else {
            word = 0
            for byte in name { word = word << 8 | UInt64(byte) }
        }
        word = (word ^ UInt64(name.count)) &* 0x9e37_79b9_7f4a_7c15
        return word >> 58
    }

    private static func hash(_ name: String) -> UInt64 {
        var name = name
        return name.withUTF8 { hash($0) }
    }
}

extension String {
    /// The text's bytes, without making a copy of the string first, which would count references.
    @inline(__always)
    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return copy.withUTF8(body)
    }
}

/// `KeyValue`s of OTLP, for what isn't written in place.
enum EncodedAttribute {
    static func encode(_ key: String, _ value: AttributeValue) -> [UInt8] {
        var pair = ByteBuffer()
        pair.append(field: 1, string: key)
        var any = ByteBuffer()
        any.append(anyValue: value)
        pair.append(field: 2, bytes: any.bytes)
        return pair.array()
    }

    /// An `AnyValue`.
    static func text(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var buffer = ByteBuffer(capacity: text.count + 16)
        buffer.append(field: 1, bytes: text)
        return buffer.array()
    }

    static func append(_ key: String, text: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        buffer.append(field: 1, string: key)
        buffer.append(field: 2, messageLength: 1 + Varint.length(text.count) + text.count)
        buffer.append(field: 1, bytes: text)
    }
}

/// Cutting UTF-8 at a character's border.
enum UTF8Cut {
    static func prefix(_ text: UnsafeRawBufferPointer, _ count: Int) -> UnsafeRawBufferPointer {
        guard count < text.count else { return text }
        var end = max(0, count)
        while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: text[..<end])
    }
}
