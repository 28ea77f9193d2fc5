import Bedrock
import Model

/// Cuts a line of a test script into words.
struct LogTestWords {
    private var text: Substring

    init(_ text: String) {
        self.text = text[...]
        skipBlanks()
    }

    var isAtEnd: Bool { text.isEmpty }
    /// What is left.
    var rest: String { String(text) }

    private mutating func skipBlanks() { text = text.drop { $0 == " " || $0 == "\t" } }

    /// Takes a word or sign.
    mutating func take(_ word: String) -> Bool {
        guard text.hasPrefix(word) else { return false }
        text = text.dropFirst(word.count)
        skipBlanks()
        return true
    }

    private mutating func word() -> String {
        let word = text.prefix { $0 != " " && $0 != "\t" && $0 != "]" }
        text = text.dropFirst(word.count)
        skipBlanks()
        return String(word)
    }

    /// Nanoseconds; a bare 0 needs no unit.
    mutating func duration() -> Int64? {
        let word = word()
        return word == "0" ? 0 : Literals.nanoseconds(word)
    }

    mutating func integer() -> Int? { Int(word()) }

    /// In double quotes or backquotes, without escapes.
    mutating func rawString() -> String? {
        guard let quote = text.first, quote == "\"" || quote == "`" else { return nil }
        let content = text.dropFirst().prefix { $0 != quote }
        let after = text.dropFirst(content.count + 1)
        guard after.first == quote else { return nil }
        text = after.dropFirst()
        skipBlanks()
        return String(content)
    }

    /// `k="v" "k 2"="v"`
    mutating func pairs() -> Labels? {
        var pairs: [(String, String)] = []
        while let first = text.first, first != "]" {
            let name: String
            if first == "\"" {
                guard let quoted = rawString() else { return nil }
                name = quoted
            } else {
                name = String(text.prefix { $0 != "=" && $0 != " " })
                text = text.dropFirst(name.count)
                skipBlanks()
            }
            guard take("="), let value = rawString() else { return nil }
            pairs.append((name, value))
        }
        return Labels(keepingEmpty: pairs)
    }

    /// `{a="b", c=""}`, with escapes.
    mutating func labels() -> Labels? {
        guard text.first == "{" else { return nil }
        var quote: Character?
        var isEscaped = false
        guard
            let end = text.indices.first(where: { index in
                let character = text[index]
                if let open = quote {
                    if isEscaped {
                        isEscaped = false
                    } else if character == "\\" && open == "\"" {
                        isEscaped = true
                    } else if character == open {
                        quote = nil
                    }
                    return false
                }
                if character == "\"" || character == "`" { quote = character }
                return character == "}"
            }), let matchers = try? LogQLParser.parseSelector(String(text[...end]))
        else { return nil }
        text = text[text.index(after: end)...]
        skipBlanks()
        return Labels(keepingEmpty: matchers.map { ($0.name, $0.value) })
    }

    /// The rest as values: `1 _ NaN 1+2x3 5x2`; nil is no point.
    mutating func values() -> [Double?]? {
        var values: [Double?] = []
        while !isAtEnd {
            let word = word()
            guard let more = Self.values(word), values.count + more.count <= 100_000 else { return nil }
            values += more
        }
        return values
    }

    private static func values(_ word: String) -> [Double?]? {
        if word == "_" { return [nil] }
        if let value = NumberText.parseFloat(word, syntax: .go) { return [value] }
        guard let x = word.lastIndex(of: "x"), let count = Int(word[word.index(after: x)...]), count >= 0,
            count < 100_000
        else { return nil }
        let head = word[..<x]
        if head == "_" { return [Double?](repeating: nil, count: count) }
        if let value = NumberText.parseFloat(String(head), syntax: .go) {
            return [Double?](repeating: value, count: count + 1)
        }
        for split in head.indices.dropFirst() where head[split] == "+" || head[split] == "-" {
            guard let start = NumberText.parseFloat(String(head[..<split]), syntax: .go),
                let step = NumberText.parseFloat(String(head[split...]), syntax: .go)
            else { continue }
            return (0...count).map { start + Double($0) * step }
        }
        return nil
    }
}

extension Labels {
    /// A set whose values may be empty; of equal names the last one stays.
    init(keepingEmpty pairs: [(String, String)]) {
        var values: [String: String] = [:]
        for (name, value) in pairs { values[name] = value }
        var buffer = ByteBuffer(capacity: 256)
        for (name, value) in values.sorted(by: { utf8Precedes($0.key, $1.key) }) {
            buffer.append(prefixed: name)
            buffer.append(prefixed: value)
        }
        self.init(canonical: buffer.bytes)
    }
}
