import Bedrock

/// A string of a JSON document as it stands there: the bytes between the quotes.
struct JSONText {
    let raw: UnsafeRawBufferPointer
    let isEscaped: Bool

    /// Writes the text to `room`, which has room for as many bytes as `raw` has; nil for a bad escape.
    ///
    /// Bytes that are no UTF-8 stay what they are. Half a surrogate pair becomes U+FFFD.
    @inline(__always)
    func write(to room: UnsafeMutableRawPointer) -> Int? {
        guard isEscaped else {
            if let start = raw.baseAddress { room.copyMemory(from: start, byteCount: raw.count) }
            return raw.count
        }
        return unescape(to: room)
    }

    /// The text itself, or a copy without escapes; nil for a bad escape.
    @inline(__always)
    func plain(_ scratch: inout ScratchArena) -> UnsafeRawBufferPointer? {
        isEscaped ? scratch.text(bytesMax: raw.count) { unescape(to: $0) } : raw
    }

    private func unescape(to room: UnsafeMutableRawPointer) -> Int? {
        guard let base = raw.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
        let end = base + raw.count
        var p = base
        var out = room
        while p < end {
            let run = JSONCursor.firstSpecial(p, end)
            out.copyMemory(from: p, byteCount: run - p)
            out += run - p
            p = run
            guard p < end else { break }
            // A backslash: a quote can't stand here.
            guard p + 1 < end else { return nil }
            let kind = p[1]
            p += 2
            if kind == UInt8(ascii: "u") {
                guard let length = Self.unicode(&p, end, to: out) else { return nil }
                out += length
            } else {
                guard let byte = Self.simple(kind) else { return nil }
                out.storeBytes(of: byte, as: UInt8.self)
                out += 1
            }
        }
        return out - room
    }

    @inline(__always)
    private static func simple(_ kind: UInt8) -> UInt8? {
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): kind
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        default: nil
        }
    }

    /// What follows `\u`; six bytes of input give at most three of output, twelve at most four.
    private static func unicode(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, to out: UnsafeMutableRawPointer
    ) -> Int? {
        guard let unit = hex(p, end) else { return nil }
        p += 4
        var code = UInt32(unit)
        if unit >= 0xD800, unit < 0xE000 {
            code = 0xFFFD
            if unit < 0xDC00, end - p >= 6, p[0] == UInt8(ascii: "\\"), p[1] == UInt8(ascii: "u"),
                let low = hex(p + 2, end), low >= 0xDC00, low < 0xE000
            {
                code = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
                p += 6
            }
        }
        guard let scalar = Unicode.Scalar(code) else { return nil }
        var length = 0
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            out.storeBytes(of: byte, toByteOffset: length, as: UInt8.self)
            length += 1
        }
        return length
    }

    private static func hex(_ p: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> UInt16? {
        guard end - p >= 4 else { return nil }
        var value: UInt16 = 0
        for i in 0..<4 {
            let c = p[i]
            let letter = (c | 0x20) &- 97
            let digit = c &- 48 < 10 ? c &- 48 : letter < 6 ? letter &+ 10 : 0xFF
            guard digit < 16 else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

/// Pulls values out of a JSON document that lies in memory; nothing is built, nothing copied. The caller keeps the bytes alive.
///
/// It checks what it is asked for; values that are skipped are checked for strings and brackets only. Not thread-safe; copy it to fork a position.
struct JSONCursor {
    private(set) var p: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    private let origin: UnsafePointer<UInt8>

    init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any other serves, as it is never read from.
        p = bytes.assumingMemoryBound(to: UInt8.self).baseAddress ?? ("" as StaticString).utf8Start
        origin = p
        end = p + bytes.count
    }

    func error(_ reason: String) -> DecodeError { DecodeError(reason, at: p - origin) }

    /// The next byte that isn't blank, not consumed; 0 at the end.
    @inline(__always)
    mutating func peek() -> UInt8 {
        while p < end {
            let c = p.pointee
            guard c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 else { return c }
            p += 1
        }
        return 0
    }

    /// Whether only white space is left; a NUL is none.
    var isAtEnd: Bool {
        mutating get { peek() == 0 && p == end }
    }

    /// Consumes `c` if it is next.
    @inline(__always)
    mutating func take(_ c: UInt8) -> Bool {
        guard peek() == c, p < end else { return false }
        p += 1
        return true
    }

    @inline(__always)
    mutating func expect(_ c: UInt8) throws(DecodeError) {
        guard take(c) else { throw unexpected(c) }
    }

    @inline(never)
    private func unexpected(_ wanted: UInt8) -> DecodeError {
        let found = p < end ? "\"\(Character(Unicode.Scalar(p.pointee)))\"" : "the end"
        return error("expected \"\(Character(Unicode.Scalar(wanted)))\", found \(found)")
    }

    /// The next key of the object whose `{` was consumed, with the cursor at its value; nil when the object ended. `isFirst` begins as true.
    @inline(__always)
    mutating func nextKey(_ isFirst: inout Bool) throws(DecodeError) -> JSONText? {
        if take(UInt8(ascii: "}")) { return nil }
        if !isFirst { try expect(UInt8(ascii: ",")) }
        isFirst = false
        let key = try string()
        try expect(UInt8(ascii: ":"))
        return key
    }

    /// Whether the array whose `[` was consumed has another element, at which the cursor then is. `isFirst` begins as true.
    @inline(__always)
    mutating func nextElement(_ isFirst: inout Bool) throws(DecodeError) -> Bool {
        if take(UInt8(ascii: "]")) { return false }
        if !isFirst { try expect(UInt8(ascii: ",")) }
        isFirst = false
        return true
    }

    @inline(__always)
    mutating func string() throws(DecodeError) -> JSONText {
        try expect(UInt8(ascii: "\""))
        let start = p
        var isEscaped = false
        while true {
            p = Self.firstSpecial(p, end)
            guard p < end else { throw error("a string has no end") }
            if p.pointee == UInt8(ascii: "\"") { break }
            isEscaped = true
            guard end - p >= 2 else { throw error("a string has no end") }
            p += 2
        }
        defer { p += 1 }
        return JSONText(raw: UnsafeRawBufferPointer(start: start, count: p - start), isEscaped: isEscaped)
    }

    /// A number, `true`, `false` or `null`, as it stands.
    mutating func bareword() throws(DecodeError) -> UnsafeRawBufferPointer {
        _ = peek()
        let start = p
        while p < end {
            let c = p.pointee
            guard (c | 0x20) &- 97 < 26 || c &- 48 < 10 || c == 0x2D || c == 0x2B || c == 0x2E else { break }
            p += 1
        }
        guard p > start else { throw error("expected a value") }
        let word = UnsafeRawBufferPointer(start: start, count: p - start)
        let first = word[0]
        guard first &- 48 < 10 || first == 0x2D || word.spells("true") || word.spells("false") || word.spells("null")
        else {
            p = start
            throw error("expected a value")
        }
        return word
    }

    /// Passes over one value of any kind and tells where it stands. Iterative, so that depth costs nothing.
    mutating func skip() throws(DecodeError) -> UnsafeRawBufferPointer {
        _ = peek()
        let start = p
        var depth = 0
        repeat {
            switch peek() {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                p += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw error("expected a value") }
                depth -= 1
                p += 1
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw error("expected a value") }
                p += 1
            default:
                guard p < end else { throw error("the text ends early") }
                _ = try bareword()
            }
        } while depth > 0
        return UnsafeRawBufferPointer(start: start, count: p - start)
    }

    /// The first quote or backslash from `p` on, or `end`; eight bytes at a time.
    @inline(__always)
    static func firstSpecial(_ from: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
        var p = from
        while end - p >= 8 {
            let word = UInt64(littleEndian: UnsafeRawPointer(p).loadUnaligned(as: UInt64.self))
            let quotes = word ^ 0x2222_2222_2222_2222
            let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
            // The high bit of a byte that is zero; above the lowest such byte there may be false ones.
            let hits =
                ((quotes &- 0x0101_0101_0101_0101) & ~quotes | (slashes &- 0x0101_0101_0101_0101) & ~slashes)
                & 0x8080_8080_8080_8080
            if hits != 0 { return p + hits.trailingZeroBitCount >> 3 }
            p += 8
        }
        while p < end, p.pointee != UInt8(ascii: "\""), p.pointee != UInt8(ascii: "\\") { p += 1 }
        return p
    }
}
