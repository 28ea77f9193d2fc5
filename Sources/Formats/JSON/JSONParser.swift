import Bedrock

/// Why a text is no JSON, or more of it than allowed.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String
    /// 1-based; the column counts bytes.
    public let line: Int
    public let column: Int

    public init(_ reason: String, line: Int, column: Int) {
        self.reason = reason
        self.line = line
        self.column = column
    }

    public var description: String { "\(line):\(column): \(reason)" }
}

extension JSONValue {
    /// Reads one JSON document (RFC 8259, strictly: no comments, no trailing commas).
    ///
    /// - Parameters:
    ///   - bytesMax: longer input is refused before it is read.
    ///   - depthMax: objects and arrays within one another.
    public init(
        parsing bytes: UnsafeRawBufferPointer, bytesMax: Int = 64 << 20, depthMax: Int = 128
    ) throws(JSONError) {
        guard bytes.count <= bytesMax else {
            throw JSONError("document of \(bytes.count) bytes is over \(bytesMax)", line: 1, column: 1)
        }
        var parser = JSONParser(bytes: bytes, depthMax: depthMax)
        self = try parser.document()
    }

    /// As for bytes.
    public init(parsing text: String, depthMax: Int = 128) throws(JSONError) {
        let bytes = Array(text.utf8)
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try JSONValue(parsing: UnsafeRawBufferPointer(buffer), depthMax: depthMax)
        }
    }
}

/// Recursive descent over bytes, its depth bounded.
private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let depthMax: Int
    var offset = 0

    init(bytes: UnsafeRawBufferPointer, depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipBlanks()
        guard offset == bytes.count else { throw error("unexpected text behind the document") }
        return value
    }

    private func error(_ reason: String, at offset: Int? = nil) -> JSONError {
        let place = TextPosition(of: offset ?? self.offset, in: bytes)
        return JSONError(reason, line: place.line, column: place.column)
    }

    private mutating func skipBlanks() {
        while offset < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[offset]) { offset += 1 }
    }

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= depthMax else { throw error("nested deeper than \(depthMax) levels") }
        skipBlanks()
        guard let c = current else { throw error("unexpected end of the document") }
        switch c {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let count = word.utf8CodeUnitCount
        guard offset + count <= bytes.count, (0..<count).allSatisfy({ bytes[offset + $0] == word.utf8Start[$0] }) else {
            throw error("unexpected word; JSON knows true, false and null")
        }
        offset += count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var members: [(key: String, value: JSONValue)] = []
        skipBlanks()
        if current == UInt8(ascii: "}") {
            offset += 1
            return .object(JSONObject())
        }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw error("expected a key in double quotes") }
            let key = try string()
            skipBlanks()
            guard current == UInt8(ascii: ":") else { throw error("expected ':' behind the key \"\(key)\"") }
            offset += 1
            members.append((key: key, value: try value(depth: depth + 1)))
            if try endsList(UInt8(ascii: "}"), "expected ',' or '}'") { return .object(JSONObject(members)) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        skipBlanks()
        if current == UInt8(ascii: "]") {
            offset += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            if try endsList(UInt8(ascii: "]"), "expected ',' or ']'") { return .array(elements) }
        }
    }

    private mutating func endsList(_ bracket: UInt8, _ complaint: String) throws(JSONError) -> Bool {
        skipBlanks()
        guard let c = current, c == bracket || c == UInt8(ascii: ",") else { throw error(complaint) }
        offset += 1
        return c == bracket
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    private mutating func number() throws(JSONError) -> Double {
        let start = offset
        func digits() -> Bool {
            let from = offset
            while let c = current, c &- 48 < 10 { offset += 1 }
            return offset > from
        }
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") { offset += 1 } else if !digits() { throw error("expected a value", at: start) }
        if current == UInt8(ascii: ".") {
            offset += 1
            if !digits() { throw error("expected digits behind the decimal point") }
        }
        if let c = current, c | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if current == UInt8(ascii: "-") || current == UInt8(ascii: "+") { offset += 1 }
            if !digits() { throw error("expected digits in the exponent") }
        }
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
        guard let value = NumberText.parseFloat(text) else { throw error("number is out of range", at: start) }
        return value
    }

    private mutating func string() throws(JSONError) -> String {
        let start = offset
        offset += 1
        let textStart = offset
        while let c = current, c != UInt8(ascii: "\""), c != UInt8(ascii: "\\"), c >= 0x20 { offset += 1 }
        if current == UInt8(ascii: "\"") {
            let plain = try utf8(textStart..<offset)
            offset += 1
            return plain
        }
        var result = try utf8(textStart..<offset)
        var plainStart = offset
        while true {
            guard let c = current else { throw error("string is not closed", at: start) }
            if c == UInt8(ascii: "\"") || c == UInt8(ascii: "\\") {
                result += try utf8(plainStart..<offset)
                offset += 1
                if c == UInt8(ascii: "\"") { return result }
                result.unicodeScalars.append(try escape())
                plainStart = offset
            } else if c < 0x20 {
                throw error("control character in a string; write it as an escape")
            } else {
                offset += 1
            }
        }
    }

    private func utf8(_ range: Range<Int>) throws(JSONError) -> String {
        let text = UnsafeRawBufferPointer(rebasing: bytes[range])
        if let bad = UTF8Text.firstInvalid(text) { throw error("invalid UTF-8", at: range.lowerBound + bad) }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        guard let c = current else { throw error("string ends in the middle of an escape") }
        offset += 1
        switch c {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(c)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw error("unknown escape in a string", at: offset - 2)
        }
    }

    /// The number behind `\u`, joined with a second escape when the two are a surrogate pair; a lone surrogate becomes U+FFFD.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let unit = try hex4()
        guard unit & 0xF800 == 0xD800 else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        guard unit < 0xDC00, current == UInt8(ascii: "\\"), offset + 1 < bytes.count,
            bytes[offset + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let fork = offset
        offset += 2
        let low = try hex4()
        guard low & 0xFC00 == 0xDC00 else {
            offset = fork
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF) ?? "\u{FFFD}"
    }

    private mutating func hex4() throws(JSONError) -> UInt32 {
        guard offset + 4 <= bytes.count else { throw error("string ends in the middle of an escape") }
        var value: UInt32 = 0
        for i in 0..<4 {
            let c = bytes[offset + i]
            let digit: UInt8
            if c &- 48 < 10 {
                digit = c - 48
            } else if (c | 0x20) &- 97 < 6 {
                digit = (c | 0x20) - 87
            } else {
                throw error("expected four hexadecimal digits behind \\u", at: offset + i)
            }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }
}
