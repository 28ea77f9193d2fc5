import Bedrock

/// Reads a template's text: what stands outside of actions, and the words, signs and literals inside of them.
struct TemplateScanner {
    let source: [UInt8]
    var at = 0
    /// The action before ended with `-}}`.
    private var trimsNext = false

    init(_ source: [UInt8]) { self.source = source }

    var isAtEnd: Bool { at >= source.count }

    /// From 1.
    func line(_ position: Int) -> Int {
        source[..<min(position, source.count)].reduce(1) { $1 == 10 ? $0 + 1 : $0 }
    }

    /// Bytes from the start of the line.
    func column(_ position: Int) -> Int {
        guard let newline = source[..<position].lastIndex(of: 10) else { return position }
        return position - newline - 1
    }

    /// What stands next, for messages.
    var next: String {
        guard at < source.count else { return "end of template" }
        return "\"\(String(decoding: source[at..<min(at + 12, source.count)].prefix { $0 != 10 }, as: UTF8.self))\""
    }

    func isAt(_ text: String) -> Bool { source[min(at, source.count)...].starts(with: text.utf8) }

    mutating func skip(_ text: String) -> Bool {
        guard isAt(text) else { return false }
        at += text.utf8.count
        return true
    }

    /// `=`, and not `==`.
    var isAssignment: Bool { isAt("=") && !isAt("==") }

    mutating func skipBlanks() { while at < source.count, Self.isBlank(source[at]) { at += 1 } }

    private static func isBlank(_ c: UInt8) -> Bool { c == 32 || c == 9 || c == 10 || c == 13 }

    // MARK: Text and actions

    /// The text up to the next action, or the end, trimmed as its neighbours ask.
    mutating func text() -> [UInt8] {
        let start = at
        while at < source.count, !isAt("{{") { at += 1 }
        var text = source[start..<at]
        if trimsNext { text = text.drop(while: Self.isBlank) }
        trimsNext = false
        if isAt("{{-"), at + 3 < source.count, Self.isBlank(source[at + 3]) {
            while let last = text.last, Self.isBlank(last) { text.removeLast() }
        }
        return Array(text)
    }

    /// Steps into the action; true when it was a comment, and is over; nil when a comment has no end.
    mutating func beginAction() -> Bool? {
        at += 2
        if isAt("-"), at + 1 < source.count, Self.isBlank(source[at + 1]) { at += 1 }
        let start = at
        skipBlanks()
        guard isAt("/*") else {
            at = start
            skipBlanks()
            return false
        }
        at += 2
        while at < source.count, !isAt("*/") { at += 1 }
        guard skip("*/") else { return nil }
        skipBlanks()
        return endAction() ? true : nil
    }

    /// `}}` or ` -}}`.
    var isAtActionEnd: Bool { isAt("}}") || isAtTrimmingEnd }

    private var isAtTrimmingEnd: Bool { isAt("-}}") && at > 0 && Self.isBlank(source[at - 1]) }

    mutating func endAction() -> Bool {
        if isAtTrimmingEnd {
            at += 3
            trimsNext = true
            return true
        }
        return skip("}}")
    }

    /// An operand is over where a blank, a bar, a parenthesis or the action's end stands.
    var isAtOperandEnd: Bool {
        at >= source.count || Self.isBlank(source[at]) || source[at] == UInt8(ascii: "|")
            || source[at] == UInt8(ascii: ")") || source[at] == UInt8(ascii: "(") || isAt("}}")
    }

    // MARK: Words

    private static func isWordByte(_ c: UInt8) -> Bool { LabelNameSanitizer.isWord(c) || c >= 0x80 }

    /// The word that comes, not taken; empty where none stands, or where it is more than a keyword.
    func word() -> String {
        var end = at
        while end < source.count, Self.isWordByte(source[end]) { end += 1 }
        return String(decoding: source[min(at, source.count)..<end], as: UTF8.self)
    }

    mutating func take(_ word: String) { at += word.utf8.count }

    mutating func identifier() -> String {
        guard at < source.count, source[at] &- 48 >= 10 else { return "" }
        let found = word()
        take(found)
        return found
    }

    /// `$` or `$name`.
    mutating func variable() -> String? {
        guard at < source.count, source[at] == UInt8(ascii: "$") else { return nil }
        at += 1
        return "$" + takeWord()
    }

    private mutating func takeWord() -> String {
        let found = word()
        take(found)
        return found
    }

    /// The name behind `.name`; nil where none stands.
    mutating func field() -> String? {
        guard at + 1 < source.count, source[at] == UInt8(ascii: "."), Self.isWordByte(source[at + 1]),
            source[at + 1] &- 48 >= 10
        else { return nil }
        at += 1
        return takeWord()
    }

    // MARK: Literals

    enum Literal {
        case none
        case text([UInt8])
        case integer(Int64)
        case number(Double)
        case damaged(String)
    }

    mutating func literal() -> Literal {
        guard at < source.count else { return .none }
        switch source[at] {
        case UInt8(ascii: "\""): return quotedText()
        case UInt8(ascii: "`"):
            guard let end = source[(at + 1)...].firstIndex(of: UInt8(ascii: "`")) else {
                return .damaged("unterminated raw quoted string")
            }
            defer { at = end + 1 }
            return .text(Array(source[(at + 1)..<end]))
        case UInt8(ascii: "'"): return character()
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
        case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            guard at + 1 < source.count else { return .none }
            let next = source[at + 1]
            return next &- 48 < 10 || (source[at] != UInt8(ascii: ".") && next == UInt8(ascii: ".")) ? number() : .none
        default: return .none
        }
    }

    private mutating func quotedText() -> Literal {
        var end = at + 1
        while end < source.count, source[end] != UInt8(ascii: "\""), source[end] != 10 {
            end += source[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < source.count, source[end] == UInt8(ascii: "\"") else {
            return .damaged("unterminated quoted string")
        }
        guard let text = GoEscapes.unescape(source[(at + 1)..<end]) else {
            return .damaged("invalid escape in a quoted string")
        }
        at = end + 1
        return .text(text)
    }

    private mutating func character() -> Literal {
        var end = at + 1
        while end < source.count, source[end] != UInt8(ascii: "'"), source[end] != 10 {
            end += source[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < source.count, source[end] == UInt8(ascii: "'"),
            let text = GoEscapes.unescape(source[(at + 1)..<end]),
            let scalar = String(decoding: text, as: UTF8.self).unicodeScalars.first
        else { return .damaged("malformed character constant") }
        at = end + 1
        return .integer(Int64(scalar.value))
    }

    private mutating func number() -> Literal {
        var end = at
        while end < source.count {
            let c = source[end]
            let isExponentSign =
                (c == UInt8(ascii: "-") || c == UInt8(ascii: "+"))
                && (end == at || [UInt8(ascii: "e"), UInt8(ascii: "p")].contains(source[end - 1] | 0x20))
            guard LabelNameSanitizer.isWord(c) || c == UInt8(ascii: ".") || isExponentSign else { break }
            end += 1
        }
        let text = String(decoding: source[at..<end], as: UTF8.self)
        let value = GoNumbers.parse(text)
        if case .none = value { return .damaged("bad number syntax: \"\(text)\"") }
        at = end
        return value
    }
}

/// Go's numeric constants: prefixes for bases, underscores.
enum GoNumbers {
    /// `.none` for what is no number.
    static func parse(_ text: String) -> TemplateScanner.Literal {
        if let value = integer(text) { return .integer(value) }
        return NumberText.parseFloat(text, syntax: .go).map { .number($0) } ?? .none
    }

    /// An integer with Go's base prefixes (`0x`, `0b`, `0o`, `0`).
    static func integer(_ text: String) -> Int64? {
        var digits = Substring(text)
        var sign = ""
        if let first = digits.first, first == "-" || first == "+" {
            sign = first == "-" ? "-" : ""
            digits = digits.dropFirst()
        }
        guard digits.first != "-", digits.first != "+" else { return nil }
        var radix = 10
        let lower = digits.prefix(2).lowercased()
        if let base = ["0x": 16, "0b": 2, "0o": 8][lower] {
            radix = base
            digits = digits.dropFirst(2)
        } else if digits.count > 1, digits.first == "0" {
            radix = 8
        }
        guard let last = digits.last, last != "_", digits.first != "_" else { return nil }
        return Int64(sign + digits.filter { $0 != "_" }, radix: radix)
    }
}

/// The escapes of Go's string constants.
enum GoEscapes {
    /// nil for an escape that is none.
    static func unescape(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var i = text.startIndex
        while i < text.endIndex {
            guard text[i] == UInt8(ascii: "\\") else {
                out.append(text[i])
                i += 1
                continue
            }
            guard i + 1 < text.endIndex else { return nil }
            let letter = text[i + 1]
            i += 2
            switch letter {
            case UInt8(ascii: "a"): out.append(7)
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "v"): out.append(11)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): out.append(letter)
            case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
                let count = letter == UInt8(ascii: "x") ? 2 : letter == UInt8(ascii: "u") ? 4 : 8
                guard let value = number(text, i, count, radix: 16) else { return nil }
                if count == 2 {
                    out.append(UInt8(truncatingIfNeeded: value))
                } else {
                    guard let scalar = Unicode.Scalar(value) else { return nil }
                    out.append(contentsOf: String(Character(scalar)).utf8)
                }
                i += count
            case 48...55:
                guard let value = number(text, i - 1, 3, radix: 8), value < 256 else { return nil }
                out.append(UInt8(truncatingIfNeeded: value))
                i += 2
            default: return nil
            }
        }
        return out
    }

    private static func number(_ text: ArraySlice<UInt8>, _ start: Int, _ count: Int, radix: Int) -> UInt32? {
        guard start + count <= text.endIndex else { return nil }
        let digits = text[start..<start + count]
        guard digits.allSatisfy(LabelNameSanitizer.isWord) else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
    }
}
