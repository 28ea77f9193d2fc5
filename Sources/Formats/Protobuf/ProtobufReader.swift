import Bedrock

/// A cursor over one protobuf message (proto3 wire format) that lies in memory; nothing is copied.
///
/// The caller keeps the bytes alive. Every read is checked against the end of the message. Not thread-safe.
struct ProtobufReader {
    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case fixed32 = 5
    }

    /// A field's number and wire type, in the form in which the message holds them: `number << 3 | type`.
    typealias Tag = UInt64

    var cursor: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    /// Of the whole input, for offsets in errors.
    let origin: UnsafePointer<UInt8>

    init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any other serves, as it is never read from.
        cursor = bytes.assumingMemoryBound(to: UInt8.self).baseAddress ?? ("" as StaticString).utf8Start
        origin = cursor
        end = cursor + bytes.count
    }

    private init(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, origin: UnsafePointer<UInt8>) {
        cursor = start
        self.end = end
        self.origin = origin
    }

    @inline(__always) var isAtEnd: Bool { cursor == end }
    @inline(__always) var remaining: Int { end - cursor }

    func error(_ reason: String) -> DecodeError { DecodeError(reason, at: cursor - origin) }

    /// The next field's tag; call only before the end. Field number 0 and groups are refused.
    @inline(__always)
    mutating func tag() throws(DecodeError) -> Tag {
        let tag = try varint()
        guard tag >= 8, WireType(rawValue: UInt8(truncatingIfNeeded: tag & 7)) != nil else {
            throw error("bad field tag \(tag)")
        }
        return tag
    }

    @inline(__always)
    mutating func varint() throws(DecodeError) -> UInt64 {
        if cursor < end, cursor.pointee < 0x80 {
            defer { cursor += 1 }
            return UInt64(cursor.pointee)
        }
        return try longVarint()
    }

    @inline(never)
    private mutating func longVarint() throws(DecodeError) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while cursor < end {
            let byte = cursor.pointee
            cursor += 1
            if shift == 63 && byte > 1 { throw error("varint is over 64 bits") }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
            if shift > 63 { throw error("varint is over ten bytes") }
        }
        throw error("message ends inside a varint")
    }

    @inline(__always)
    mutating func fixed64() throws(DecodeError) -> UInt64 {
        guard remaining >= 8 else { throw error("message ends inside a fixed64") }
        defer { cursor += 8 }
        return UInt64(littleEndian: UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self))
    }

    mutating func fixed32() throws(DecodeError) -> UInt32 {
        guard remaining >= 4 else { throw error("message ends inside a fixed32") }
        defer { cursor += 4 }
        return UInt32(littleEndian: UnsafeRawPointer(cursor).loadUnaligned(as: UInt32.self))
    }

    @inline(__always)
    mutating func double() throws(DecodeError) -> Double { Double(bitPattern: try fixed64()) }

    mutating func signedVarint() throws(DecodeError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A length and that many bytes.
    @inline(__always)
    mutating func bytes() throws(DecodeError) -> UnsafeRawBufferPointer {
        let count = try length()
        defer { cursor += count }
        return UnsafeRawBufferPointer(start: cursor, count: count)
    }

    /// A length and a message of that many bytes.
    @inline(__always)
    mutating func message() throws(DecodeError) -> ProtobufReader {
        let count = try length()
        defer { cursor += count }
        return ProtobufReader(cursor, cursor + count, origin: origin)
    }

    @inline(__always)
    private mutating func length() throws(DecodeError) -> Int {
        let count = try varint()
        guard count <= UInt64(remaining) else { throw error("length \(count) reaches beyond the message") }
        return Int(count)
    }

    /// Passes over the value of the field with this tag.
    mutating func skip(_ tag: Tag) throws(DecodeError) {
        switch WireType(rawValue: UInt8(truncatingIfNeeded: tag & 7)) {
        case .varint: _ = try varint()
        case .fixed64: _ = try fixed64()
        case .bytes: _ = try bytes()
        case .fixed32:
            guard remaining >= 4 else { throw error("message ends inside a fixed32") }
            cursor += 4
        case nil: throw error("bad field tag \(tag)")
        }
    }

    /// The tag of field `number` with `type`, to switch over.
    @inline(__always)
    static func tag(_ number: UInt64, _ type: WireType) -> Tag { number << 3 | UInt64(type.rawValue) }
}
