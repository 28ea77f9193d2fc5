import Bedrock
import Model

/// Matchers as bytes, for tombstones in queue records and in the catalog: a count, then per matcher operation, name, value, each length-prefixed.
enum MatcherCoding {
    static let matcherCountMax = 1024

    static func append(_ matchers: [Matcher], to buffer: inout ByteBuffer) {
        buffer.append(varint: matchers.count)
        for matcher in matchers {
            buffer.append(prefixed: matcher.operation.rawValue)
            buffer.append(prefixed: matcher.name)
            buffer.append(prefixed: matcher.value)
        }
    }

    static func read(_ reader: inout ByteReader) throws -> [Matcher] {
        let count = try reader.length(limit: matcherCountMax)
        var matchers: [Matcher] = []
        for _ in 0..<count {
            let at = reader.offset
            let code = String(decoding: try reader.prefixed(), as: UTF8.self)
            guard let operation = Matcher.Operation(rawValue: code) else {
                throw DecodeError("\(code) is no matcher operation", at: at)
            }
            let name = String(decoding: try reader.prefixed(), as: UTF8.self)
            let value = String(decoding: try reader.prefixed(), as: UTF8.self)
            matchers.append(try Matcher(name, operation, value))
        }
        return matchers
    }
}
