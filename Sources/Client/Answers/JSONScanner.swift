import Bedrock
import Glibc

/// What is wrong with an answer, and at which byte.
struct ScanError: Error, Equatable {
    let reason: String
    let offset: Int
}

/// Walks JSON bytes without building values: answers may be hundreds of megabytes. The bytes outlive the scanner. Not thread-safe.
struct JSONScanner {
    let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Jumps to a place seen before.
    mutating func seek(_ place: Int) { offset = max(0, min(bytes.count, place)) }

    func error(_ reason: String) -> ScanError { ScanError(reason: reason, offset: offset) }

    @inline(__always)
    mutating func skipBlanks() {
        while offset < bytes.count {
            let c = bytes[offset]
            guard c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 else { return }
            offset &+= 1
        }
    }

    /// The next byte that isn't blank, not consumed; 0 at the end.
    @inline(__always)
    mutating func peek() -> UInt8 {
        skipBlanks()
        return offset < bytes.count ? bytes[offset] : 0
    }

    @inline(__always)
    mutating func expect(_ c: UInt8) throws(ScanError) {
        guard peek() == c else { throw error("expected '\(Character(Unicode.Scalar(c)))'") }
        offset &+= 1
    }

    /// Consumes `c` if it is next.
    @inline(__always)
    mutating func take(_ c: UInt8) -> Bool {
        guard peek() == c else { return false }
        offset &+= 1
        return true
    }

    /// Calls `body` for each member with the scanner at its value; `body` consumes it.
    mutating func object(
        _ body: (inout JSONScanner, UnsafeRawBufferPointer) throws(ScanError) -> Void
    ) throws(ScanError) {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return }
        repeat {
            let key = try rawString().bytes
            try expect(UInt8(ascii: ":"))
            try body(&self, key)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    /// Calls `body` for each element with the scanner at it; `body` consumes it.
    mutating func array(_ body: (inout JSONScanner) throws(ScanError) -> Void) throws(ScanError) {
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return }
        repeat { try body(&self) } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    /// The bytes between the quotes, and whether they hold escapes.
    @inline(__always)
    mutating func rawString() throws(ScanError) -> (bytes: UnsafeRawBufferPointer, isEscaped: Bool) {
        try expect(UInt8(ascii: "\""))
        let start = offset
        var isEscaped = false
        while offset < bytes.count {
            let c = bytes[offset]
            if c == UInt8(ascii: "\"") {
                offset &+= 1
                return (UnsafeRawBufferPointer(rebasing: bytes[start..<offset - 1]), isEscaped)
            }
            if c == UInt8(ascii: "\\") {
                isEscaped = true
                offset &+= 1
            }
            offset &+= 1
        }
        throw error("a string has no end")
    }

    mutating func string() throws(ScanError) -> String {
        let (raw, isEscaped) = try rawString()
        return isEscaped ? Self.unescape(raw) : String(decoding: raw, as: UTF8.self)
    }

    /// A string's text appended to `out`. Bytes that aren't UTF-8 stay what they are.
    @inline(__always)
    mutating func string(into out: inout [UInt8]) throws(ScanError) {
        let (raw, isEscaped) = try rawString()
        if isEscaped { Self.unescape(raw, into: &out) } else { out.append(contentsOf: raw) }
    }

    static func unescape(_ raw: UnsafeRawBufferPointer) -> String {
        var out: [UInt8] = []
        unescape(raw, into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Broken escapes and lone surrogates become U+FFFD: a text is shown as well as it can be.
    static func unescape(_ raw: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        var i = 0
        while i < raw.count {
            let c = raw[i]
            if c != UInt8(ascii: "\\") {
                var end = i + 1
                while end < raw.count, raw[end] != UInt8(ascii: "\\") { end += 1 }
                out.append(contentsOf: raw[i..<end])
                i = end
                continue
            }
            let kind = i + 1 < raw.count ? raw[i + 1] : 0
            i += 2
            switch kind {
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "u"): appendScalar(raw, at: &i, to: &out)
            default: out.append(kind)
            }
        }
    }

    /// The scalar whose four hex digits stand at `i`, with the second half of a pair behind it.
    private static func appendScalar(_ raw: UnsafeRawBufferPointer, at i: inout Int, to out: inout [UInt8]) {
        let unit = hex(raw, i)
        i += 4
        var value = unit ?? 0xFFFD
        if let unit, unit & 0xFC00 == 0xD800, i + 1 < raw.count, raw[i] == UInt8(ascii: "\\"),
            raw[i + 1] == UInt8(ascii: "u"), let low = hex(raw, i + 2), low & 0xFC00 == 0xDC00
        {
            value = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
            i += 6
        }
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private static func hex(_ raw: UnsafeRawBufferPointer, _ at: Int) -> UInt32? {
        guard at + 4 <= raw.count else { return nil }
        var value: UInt32 = 0
        for i in at..<at + 4 {
            switch raw[i] {
            case 48...57: value = value << 4 | UInt32(raw[i] - 48)
            case 65...70: value = value << 4 | UInt32(raw[i] - 55)
            case 97...102: value = value << 4 | UInt32(raw[i] - 87)
            default: return nil
            }
        }
        return value
    }

    /// Passes over one value of any kind. Iterative, so that depth costs nothing.
    mutating func skip() throws(ScanError) {
        var depth = 0
        repeat {
            switch peek() {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw error("unexpected end of an object or array") }
                depth -= 1
                offset += 1
            case UInt8(ascii: "\""): _ = try rawString()
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw error("expected a value") }
                offset += 1
                continue
            case 0: throw error("the text ends early")
            default: skipBareword()
            }
        } while depth > 0
    }

    private mutating func skipBareword() {
        offset += 1
        while offset < bytes.count {
            let c = bytes[offset]
            if c == 0x2C || c == 0x7D || c == 0x5D || c <= 0x20 || c == 0x3A { return }
            offset += 1
        }
    }

    // MARK: numbers

    /// A quoted whole number, such as a time in nanoseconds.
    @inline(__always)
    mutating func quotedInteger() throws(ScanError) -> Int64 {
        let place = offset
        let raw = try rawString().bytes
        guard let value = NumberText.parseInteger(raw) else {
            throw ScanError(
                reason: "expected a whole number, not \"\(String(decoding: raw.prefix(40), as: UTF8.self))\"",
                offset: place)
        }
        return value
    }

    /// A bare JSON number in seconds as milliseconds.
    @inline(__always)
    mutating func milliseconds() throws(ScanError) -> Int64 {
        skipBlanks()
        let start = offset
        var negative = false
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") {
            negative = true
            offset &+= 1
        }
        var whole: Int64 = 0
        var digits = 0
        while offset < bytes.count, bytes[offset] &- 48 < 10, digits < 15 {
            whole = whole &* 10 &+ Int64(bytes[offset] &- 48)
            digits &+= 1
            offset &+= 1
        }
        guard digits > 0 else { throw error("expected a time in seconds") }
        var fraction: Int64 = 0
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset &+= 1
            var places = 0
            while offset < bytes.count, bytes[offset] &- 48 < 10 {
                if places < 3 { fraction = fraction &* 10 &+ Int64(bytes[offset] &- 48) }
                places &+= 1
                offset &+= 1
            }
            while places < 3 {
                fraction &*= 10
                places &+= 1
            }
        }
        // An exponent, or more digits than any time has: the long way round.
        if offset < bytes.count,
            bytes[offset] == UInt8(ascii: "e") || bytes[offset] == UInt8(ascii: "E") || bytes[offset] &- 48 < 10
        {
            offset = start
            skipBareword()
            let seconds = Self.slowDouble(UnsafeRawBufferPointer(rebasing: bytes[start..<offset]))
            guard let seconds, abs(seconds) < 9e14 else { throw error("expected a time in seconds") }
            return Int64((seconds * 1000).rounded())
        }
        let total = whole &* 1000 &+ fraction
        return negative ? 0 &- total : total
    }

    /// A quoted number as the API writes sample values.
    @inline(__always)
    mutating func quotedDouble() throws(ScanError) -> Double {
        let place = offset
        let raw = try rawString().bytes
        if let value = Self.double(raw) { return value }
        throw ScanError(
            reason: "expected a number, not \"\(String(decoding: raw.prefix(40), as: UTF8.self))\"", offset: place)
    }

    /// Exact for up to 15 digits with a small exponent, which is nearly all there is; otherwise strtod.
    @inline(__always)
    static func double(_ raw: UnsafeRawBufferPointer) -> Double? {
        var i = 0
        let negative = raw.count > 0 && raw[0] == UInt8(ascii: "-")
        if negative { i = 1 }
        var mantissa: UInt64 = 0
        var digits = 0
        var places = 0
        var seenPoint = false
        while i < raw.count {
            let c = raw[i] &- 48
            if c < 10 {
                mantissa = mantissa &* 10 &+ UInt64(c)
                digits &+= 1
                if seenPoint { places &+= 1 }
            } else if raw[i] == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
            } else {
                return slowDouble(raw)
            }
            i &+= 1
        }
        // 10^15 < 2^53, and powers up to 10^22 are exact doubles: one correctly rounded division is exact.
        guard digits > 0, digits <= 15 else { return slowDouble(raw) }
        let value = places == 0 ? Double(mantissa) : Double(mantissa) / powers[places]
        return negative ? -value : value
    }

    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    private static func slowDouble(_ raw: UnsafeRawBufferPointer) -> Double? {
        guard raw.count > 0, raw.count < 400 else { return nil }
        var text = [CChar](repeating: 0, count: raw.count + 1)
        for i in 0..<raw.count { text[i] = CChar(bitPattern: raw[i]) }
        return text.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return nil }
            var end: UnsafeMutablePointer<CChar>?
            let value = strtod(start, &end)
            guard let end, end - UnsafeMutablePointer(mutating: start) == raw.count else { return nil }
            return value
        }
    }
}
