/// A protobuf message taken apart without knowing its type, to look into what was exported.
struct WireMessage {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes([UInt8])
    }

    private(set) var fields: [(number: Int, value: Value)] = []

    struct Malformed: Error {}

    init(_ bytes: some Sequence<UInt8>) throws {
        let bytes = Array(bytes)
        var at = 0
        func varint() throws -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while at < bytes.count, shift < 64 {
                let byte = bytes[at]
                at += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            throw Malformed()
        }
        func fixed(_ count: Int) throws -> UInt64 {
            guard at + count <= bytes.count else { throw Malformed() }
            defer { at += count }
            return (0..<count).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
        }
        while at < bytes.count {
            let tag = try varint()
            let number = Int(tag >> 3)
            switch tag & 7 {
            case 0: fields.append((number, .varint(try varint())))
            case 1: fields.append((number, .fixed64(try fixed(8))))
            case 5: fields.append((number, .fixed32(UInt32(try fixed(4)))))
            case 2:
                let count = Int(try varint())
                guard at + count <= bytes.count else { throw Malformed() }
                fields.append((number, .bytes(Array(bytes[at..<at + count]))))
                at += count
            default: throw Malformed()
            }
        }
    }

    func all(_ number: Int) -> [Value] { fields.filter { $0.number == number }.map(\.value) }

    func messages(_ path: Int...) throws -> [WireMessage] {
        var found = [self]
        for number in path {
            found = try found.flatMap { message in
                try message.all(number).compactMap { value in
                    if case .bytes(let bytes) = value { try WireMessage(bytes) } else { nil }
                }
            }
        }
        return found
    }

    func bytes(_ number: Int) -> [UInt8]? {
        if case .bytes(let bytes)? = all(number).last { bytes } else { nil }
    }

    func text(_ number: Int) -> String? { bytes(number).map { String(decoding: $0, as: UTF8.self) } }

    func integer(_ number: Int) -> UInt64? {
        switch all(number).last {
        case .varint(let value)?, .fixed64(let value)?: value
        case .fixed32(let value)?: UInt64(value)
        default: nil
        }
    }

    func double(_ number: Int) -> Double? {
        if case .fixed64(let bits)? = all(number).last { Double(bitPattern: bits) } else { nil }
    }

    /// `KeyValue`s of field `number` as `key=value`.
    func attributes(_ number: Int) throws -> [String: String] {
        var found: [String: String] = [:]
        for pair in try messages(number) {
            let value = try pair.messages(2).first
            var text = "?"
            switch value?.fields.first {
            case (1, .bytes(let bytes))?: text = String(decoding: bytes, as: UTF8.self)
            case (2, .varint(let bit))?: text = bit == 1 ? "true" : "false"
            case (3, .varint(let bits))?: text = String(Int64(bitPattern: bits))
            case (4, .fixed64(let bits))?: text = "\(Double(bitPattern: bits))"
            default: break
            }
            found[pair.text(1) ?? "?"] = text
        }
        return found
    }
}
