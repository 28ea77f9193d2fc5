import Bedrock

/// What is wrong with a line that should be JSON; the texts are those that Loki's users know from `__error_details__`.
enum JSONDamage {
    case malformed
    case object
    case array
    case string
    case value
    case unknownType
    case tooDeep

    var text: StaticString {
        switch self {
        case .malformed: "Malformed JSON error"
        case .object: "Value looks like object, but can't find closing '}' symbol"
        case .array: "Value is array, but can't find closing ']' symbol"
        case .string: "Value is string, but can't find closing '\"' symbol"
        case .value: "Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol"
        case .unknownType: "Unknown value type"
        case .tooDeep: "Objects are nested too deep"
        }
    }
}

/// Walks JSON in place: nothing is copied or unescaped. Reads as much as is asked for, and judges only what it reads.
struct JSONScanner {
    enum Kind {
        case string, number, bool, null, object, array
    }

    /// A scalar or a string's inside, as it stands in the text.
    struct Token {
        var text: UnsafeRawBufferPointer
        var kind: Kind
        /// A string with backslashes.
        var hasEscapes = false
    }

    let bytes: UnsafeRawBufferPointer
    var at = 0
    /// What stopped the scan.
    var damage: JSONDamage?

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    @inline(__always)
    mutating func skipBlanks() {
        while at < bytes.count {
            let c = bytes[at]
            guard c == 32 || c == 10 || c == 13 || c == 9 else { return }
            at += 1
        }
    }

    /// The next byte that isn't blank; 0 at the end.
    @inline(__always)
    mutating func peek() -> UInt8 {
        skipBlanks()
        return at < bytes.count ? bytes[at] : 0
    }

    /// Steps into an object.
    mutating func beginObject() -> Bool {
        switch peek() {
        case UInt8(ascii: "{"):
            at += 1
            return true
        default:
            damage = at < bytes.count ? .object : .malformed
            return false
        }
    }

    /// The next key of an object; nil behind the last one, and when `damage` is set. The value stands behind it.
    @inline(__always)
    mutating func key(isFirst: Bool) -> Token? {
        var c = peek()
        if !isFirst {
            if c == UInt8(ascii: ",") {
                at += 1
                c = peek()
            } else if c != UInt8(ascii: "}") {
                damage = .object
                return nil
            }
        }
        if c == UInt8(ascii: "}") {
            at += 1
            return nil
        }
        guard c == UInt8(ascii: "\"") else {
            damage = .object
            return nil
        }
        at += 1
        guard let token = string() else { return nil }
        guard peek() == UInt8(ascii: ":") else {
            damage = .malformed
            return nil
        }
        at += 1
        return token
    }

    /// The kind of the value that comes; nil with `damage`.
    @inline(__always)
    mutating func valueKind() -> Kind? {
        let c = peek()
        switch c {
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default:
            damage = at < bytes.count ? .unknownType : .value
            return nil
        }
    }

    /// The inside of the string whose quote is behind `at`.
    @inline(__always)
    mutating func string() -> Token? {
        let start = at
        var hasEscapes = false
        var i = at
        let count = bytes.count
        while i < count {
            if i + 8 <= count {
                let stops = Self.stops(bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
                if stops == 0 {
                    i += 8
                    continue
                }
                i += stops.trailingZeroBitCount >> 3
            } else if bytes[i] != UInt8(ascii: "\""), bytes[i] != UInt8(ascii: "\\") {
                i += 1
                continue
            }
            if bytes[i] == UInt8(ascii: "\"") {
                at = i + 1
                return Token(
                    text: UnsafeRawBufferPointer(rebasing: bytes[start..<i]), kind: .string, hasEscapes: hasEscapes)
            }
            hasEscapes = true
            i += 2
        }
        at = count
        damage = .string
        return nil
    }

    /// High bits of the bytes that are a quote or a backslash; the lowest of them is exact.
    @inline(__always)
    private static func stops(_ word: UInt64) -> UInt64 {
        let quotes = word ^ 0x2222_2222_2222_2222
        let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
        let ones: UInt64 = 0x0101_0101_0101_0101
        return ((quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes) & 0x8080_8080_8080_8080
    }

    /// A number, `true`, `false` or `null`.
    @inline(__always)
    mutating func literal(_ kind: Kind) -> Token? {
        let start = at
        while at < bytes.count {
            let c = bytes[at]
            if c == UInt8(ascii: ",") || c == UInt8(ascii: "}") || c == UInt8(ascii: "]") || c <= 32 { break }
            at += 1
        }
        guard at < bytes.count else {
            damage = .value
            return nil
        }
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
        guard kind == .number || Self.isWord(text) else {
            damage = .unknownType
            return nil
        }
        return Token(text: text, kind: kind)
    }

    private static func isWord(_ text: UnsafeRawBufferPointer) -> Bool {
        equals(text, "true") || equals(text, "false") || equals(text, "null")
    }

    private static func equals(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        equalBytes(text, UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    /// Steps over an object or array, brackets in strings not counted; returns its text, nil with `damage`.
    mutating func skipNested() -> UnsafeRawBufferPointer? {
        let start = at
        let opens = bytes[at]
        var depth = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                guard string() != nil else { return nil }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    at += 1
                    return UnsafeRawBufferPointer(rebasing: bytes[start..<at])
                }
            default: break
            }
            at += 1
        }
        damage = opens == UInt8(ascii: "{") ? .object : .array
        return nil
    }

    /// Steps over any value; false with `damage`.
    mutating func skipValue() -> Bool {
        guard let kind = valueKind() else { return false }
        switch kind {
        case .string:
            at += 1
            return string() != nil
        case .object, .array: return skipNested() != nil
        case .number, .bool, .null: return literal(kind) != nil
        }
    }
}
