import Bedrock

/// Reads answers of the domain name system (RFC 1035, RFC 2782), which come from outside: every length is checked, and names that point in
/// circles are refused.
struct DNSMessage {
    enum Record: Equatable {
        case address(String)
        case service(target: String, port: UInt16)
        /// Of an exchange or name server.
        case name(String)
    }

    let records: [Record]

    private static let namePartsMax = 128

    init(_ message: UnsafeRawBufferPointer) throws(DecodeError) {
        var reader = ByteReader(message)
        try reader.skip(2)
        let flags = try Self.u16(&reader)
        guard flags & 0x8000 != 0 else { throw DecodeError("a question, not an answer", at: 2) }
        guard flags & 0x0200 == 0 else { throw DecodeError("the answer is cut off", at: 2) }
        let questions = try Self.u16(&reader)
        let answers = try Self.u16(&reader)
        try reader.skip(4)
        for _ in 0..<questions {
            _ = try Self.name(&reader)
            try reader.skip(4)
        }
        var found: [Record] = []
        for _ in 0..<answers {
            if let record = try Self.record(&reader) { found.append(record) }
        }
        records = found
    }

    private static func record(_ reader: inout ByteReader) throws(DecodeError) -> Record? {
        _ = try name(&reader)
        let type = try u16(&reader)
        try reader.skip(6)
        let length = Int(try u16(&reader))
        let start = reader.offset
        let data = try reader.take(length)
        // Names within the data may point anywhere in the message.
        var inner = ByteReader(reader.bytes, at: start)
        switch type {
        case 1 where length == 4: return .address(data.map(String.init).joined(separator: "."))
        case 28 where length == 16: return .address("[" + ipv6(data) + "]")
        case 33:
            try inner.skip(4)
            let port = try u16(&inner)
            return .service(target: try name(&inner), port: port)
        case 15:
            try inner.skip(2)
            return .name(try name(&inner))
        case 2: return .name(try name(&inner))
        default: return nil
        }
    }

    /// Longest run of zero groups as `::` (RFC 5952).
    private static func ipv6(_ bytes: UnsafeRawBufferPointer) -> String {
        let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
        var best = 0..<0
        var at = 0
        while at < 8 {
            var end = at
            while end < 8 && groups[end] == 0 { end += 1 }
            if end - at > best.count && end - at > 1 { best = at..<end }
            at = max(end, at + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }

    private static func u16(_ reader: inout ByteReader) throws(DecodeError) -> UInt16 {
        UInt16(bigEndian: try reader.littleEndian())
    }

    /// A name with its parts joined by dots, without one at the end.
    private static func name(_ reader: inout ByteReader) throws(DecodeError) -> String {
        var parts: [String] = []
        var hops = 0
        var at = reader
        var isElsewhere = false
        while true {
            let length = Int(try at.u8())
            if length == 0 { break }
            if length & 0xC0 == 0xC0 {
                let target = (length & 0x3F) << 8 | Int(try at.u8())
                if !isElsewhere { reader.offset = at.offset }
                isElsewhere = true
                hops += 1
                guard hops <= namePartsMax, target < at.bytes.count else {
                    throw DecodeError("a name points in circles", at: at.offset)
                }
                at.offset = target
                continue
            }
            guard length < 64, parts.count < namePartsMax else {
                throw DecodeError("a name is too long", at: at.offset)
            }
            parts.append(String(decoding: try at.take(length), as: UTF8.self))
        }
        if !isElsewhere { reader.offset = at.offset }
        return parts.joined(separator: ".")
    }
}
