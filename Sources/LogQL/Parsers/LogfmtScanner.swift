import Bedrock

/// Walks `key=value key="quoted value"` in place.
struct LogfmtScanner {
    enum Damage {
        case unexpected(UInt8)
        case invalidKey
        case unterminatedQuote
        case invalidQuote
    }

    let bytes: UnsafeRawBufferPointer
    private(set) var at = 0
    private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The value as it stands, without its quotes; empty for a key without one.
    private(set) var value = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var hasEscapes = false
    /// What is wrong with the pair that `next` tried last, and where, from 1.
    private(set) var damage: (Damage, position: Int)?

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads the next pair; false at the end, and with `damage` at a malformed pair. Behind the latter it goes on at the next blank.
    @inline(__always)
    mutating func next() -> Bool {
        damage = nil
        hasEscapes = false
        value = UnsafeRawBufferPointer(start: nil, count: 0)
        while at < bytes.count, bytes[at] <= 32 { at += 1 }
        guard at < bytes.count else { return false }
        let start = at
        var isWide = false
        while at < bytes.count {
            let c = bytes[at]
            if c == UInt8(ascii: "=") || c <= 32 { break }
            if c == UInt8(ascii: "\"") { return fail(.unexpected(c)) }
            isWide = isWide || c >= 0x80
            at += 1
        }
        guard at > start else { return fail(.unexpected(UInt8(ascii: "="))) }
        key = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
        if isWide, TextRepair.firstReplaced(key) != nil { return fail(.invalidKey) }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "=") else { return true }
        at += 1
        guard at < bytes.count, bytes[at] > 32 else { return true }
        return bytes[at] == UInt8(ascii: "\"") ? quotedValue() : plainValue()
    }

    @inline(__always)
    private mutating func plainValue() -> Bool {
        let start = at
        while at < bytes.count, bytes[at] > 32 {
            let c = bytes[at]
            if c == UInt8(ascii: "=") || c == UInt8(ascii: "\"") { return fail(.unexpected(c)) }
            at += 1
        }
        value = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
        return true
    }

    private mutating func quotedValue() -> Bool {
        at += 1
        var scanner = JSONScanner(bytes)
        scanner.at = at
        guard let token = scanner.string() else {
            at = bytes.count
            return fail(.unterminatedQuote)
        }
        at = scanner.at
        value = token.text
        hasEscapes = token.hasEscapes
        return true
    }

    /// Notes that the value's escapes are none.
    mutating func rejectQuote() { _ = fail(.invalidQuote) }

    @inline(never)
    private mutating func fail(_ what: Damage) -> Bool {
        damage = (what, at + 1)
        while at < bytes.count, bytes[at] > 32 { at += 1 }
        return false
    }

    /// `logfmt syntax error at pos 7 : unexpected '='`, in `arena`.
    static func text(_ damage: (Damage, position: Int), _ arena: ScratchArena) -> UnsafeRawBufferPointer {
        let reason =
            switch damage.0 {
            case .unexpected(let c): "unexpected '\(String(UnicodeScalar(c)))'"
            case .invalidKey: "invalid key"
            case .unterminatedQuote: "unterminated quoted value"
            case .invalidQuote: "invalid quoted value"
            }
        return arena.copy("logfmt syntax error at pos \(damage.position) : \(reason)")
    }
}
