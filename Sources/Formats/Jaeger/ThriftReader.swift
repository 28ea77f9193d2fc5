import Bedrock

/// A cursor over a Thrift struct in the binary protocol; nothing is copied. Every read is checked against the end. Not thread-safe.
struct ThriftReader {
    enum Kind: UInt8 {
        case stop = 0
        case bool = 2
        case byte = 3
        case double = 4
        case int16 = 6
        case int32 = 8
        case int64 = 10
        case text = 11
        case structure = 12
        case map = 13
        case set = 14
        case list = 15
    }

    private var reader: ByteReader
    /// Containers and structs within one another.
    static let depthMax = 32

    init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    var offset: Int { reader.offset }
    var isAtEnd: Bool { reader.isAtEnd }

    func error(_ reason: String) -> DecodeError { DecodeError(reason, at: reader.offset) }

    private mutating func kind() throws(DecodeError) -> Kind {
        let code = try reader.u8()
        guard let kind = Kind(rawValue: code) else { throw error("\(code) is no Thrift type") }
        return kind
    }

    /// The next field of the current struct; nil at its end.
    mutating func field() throws(DecodeError) -> (id: Int16, kind: Kind)? {
        let kind = try kind()
        if kind == .stop { return nil }
        return (try int16(), kind)
    }

    mutating func bool() throws(DecodeError) -> Bool { try reader.u8() != 0 }
    mutating func int16() throws(DecodeError) -> Int16 {
        Int16(bigEndian: try reader.littleEndian(Int16.self).littleEndian)
    }
    mutating func int32() throws(DecodeError) -> Int32 {
        Int32(bigEndian: try reader.littleEndian(Int32.self).littleEndian)
    }
    mutating func int64() throws(DecodeError) -> Int64 {
        Int64(bigEndian: try reader.littleEndian(Int64.self).littleEndian)
    }
    mutating func double() throws(DecodeError) -> Double { Double(bitPattern: UInt64(bitPattern: try int64())) }

    /// Text or bytes.
    mutating func text() throws(DecodeError) -> UnsafeRawBufferPointer {
        let count = try int32()
        guard count >= 0, Int(count) <= reader.remaining else {
            throw error("a text of \(count) bytes reaches beyond the end")
        }
        return try reader.take(Int(count))
    }

    /// The number of elements of the list of structs that is next.
    mutating func structCount() throws(DecodeError) -> Int {
        let kind = try kind()
        let count = try int32()
        // Each struct has at least the byte that ends it.
        guard count >= 0, Int(count) <= reader.remaining else {
            throw error("a list of \(count) reaches beyond the end")
        }
        guard kind == .structure || count == 0 else { throw error("a list of something that is no struct") }
        return Int(count)
    }

    /// Passes over a value.
    mutating func skip(_ kind: Kind, depth: Int = 0) throws(DecodeError) {
        guard depth <= Self.depthMax else { throw error("values are nested over \(Self.depthMax) deep") }
        switch kind {
        case .stop: throw error("a value of no type")
        case .bool, .byte: _ = try reader.u8()
        case .int16: _ = try int16()
        case .int32: _ = try int32()
        case .int64, .double: _ = try int64()
        case .text: _ = try text()
        case .structure: while let field = try field() { try skip(field.kind, depth: depth + 1) }
        case .list, .set:
            let element = try self.kind()
            for _ in 0..<(try count()) { try skip(element, depth: depth + 1) }
        case .map:
            let (key, value) = (try self.kind(), try self.kind())
            for _ in 0..<(try count()) {
                try skip(key, depth: depth + 1)
                try skip(value, depth: depth + 1)
            }
        }
    }

    private mutating func count() throws(DecodeError) -> Int {
        let count = try int32()
        guard count >= 0, Int(count) <= reader.remaining else { throw error("\(count) elements reach beyond the end") }
        return Int(count)
    }
}
