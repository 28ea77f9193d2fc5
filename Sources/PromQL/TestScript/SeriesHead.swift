import Model

/// Why a piece of a series line makes no sense.
struct NotationError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

/// The metric at the start of a series line: `name`, `name{a="b"}`, `{"utf8 name", a="b"}`, each perhaps with `@st` behind it.
struct SeriesHead {
    let labels: Labels
    /// The line gives start timestamps.
    let isStartTimestamps: Bool
    /// Offset of what follows.
    let end: Int

    init(_ line: String) throws(NotationError) {
        let bytes = Array(line.utf8)
        var end = bytes.prefix { Characters.isAlphanumeric($0) || $0 == UInt8(ascii: ":") }.count
        let opening = bytes[end...].first { !Characters.isSpace($0) }
        let open = bytes[end...].firstIndex { !Characters.isSpace($0) } ?? bytes.count
        // Two braces begin a native histogram, not labels.
        if opening == UInt8(ascii: "{"), open + 1 >= bytes.count || bytes[open + 1] != UInt8(ascii: "{") {
            guard let close = Self.closingBrace(bytes, open) else { throw NotationError("unclosed braces: \(line)") }
            end = close + 1
        }
        guard end > 0 else { throw NotationError("no metric: \(line)") }
        labels = try Self.labels(Array(bytes[..<end]))
        isStartTimestamps = bytes[end...].starts(with: "@st".utf8)
        if isStartTimestamps { end += 3 }
        guard end == bytes.count || Characters.isSpace(bytes[end]) else {
            throw NotationError("white space missing behind the metric: \(line)")
        }
        self.end = end
    }

    private static func closingBrace(_ bytes: [UInt8], _ open: Int) -> Int? {
        var quote: UInt8?
        var at = open + 1
        while at < bytes.count {
            let c = bytes[at]
            if let open = quote {
                if c == UInt8(ascii: "\\") && open != UInt8(ascii: "`") { at += 1 } else if c == open { quote = nil }
            } else if c == UInt8(ascii: "\"") || c == UInt8(ascii: "'") || c == UInt8(ascii: "`") {
                quote = c
            } else if c == UInt8(ascii: "}") {
                return at
            }
            at += 1
        }
        return nil
    }

    private static func labels(_ text: [UInt8]) throws(NotationError) -> Labels {
        do {
            var parser = try ExpressionParser(text, ParserOptions())
            let selector = try parser.parseBareSelector()
            for matcher in selector.matchers where matcher.operation != .equal {
                throw NotationError("a series has labels, not conditions: \(matcher)")
            }
            return Labels(selector.matchers.map { Label($0.name, $0.value) })
        } catch let error as ParseError {
            throw NotationError(error.description)
        } catch let error as NotationError {
            throw error
        } catch {
            throw NotationError("\(error)")
        }
    }
}
