import Bedrock
import Model

/// Prometheus' text format 0.0.4, as `promlex.l` and its parser take it: blanks between tokens are free.
extension ExpositionParser {
    mutating func nextClassic() throws(ExpositionError) -> Entry {
        while true {
            skipBlanks()
            guard offset < bytes.count else { return .end }
            beginEntry()
            switch bytes[offset] {
            case UInt8(ascii: "\n"): offset += 1
            case UInt8(ascii: "#"): return try classicHash()
            case let c where Self.isNameStart(c) || c == UInt8(ascii: ":") || c == UInt8(ascii: "{"):
                try classicSample()
                return .sample
            default: throw error("expected a metric name, '{' or '#'")
            }
        }
    }

    private mutating func classicSample() throws(ExpositionError) {
        try seriesName()
        skipBlanks()
        let valueStart = offset
        while offset < bytes.count {
            let c = bytes[offset]
            if c <= UInt8(ascii: " "), c == UInt8(ascii: " ") || c == UInt8(ascii: "\n") || c == UInt8(ascii: "\t") {
                break
            }
            if c == UInt8(ascii: "{") { break }
            offset += 1
        }
        guard offset > valueStart else { throw error("expected a value behind the metric") }
        value = try float(from: valueStart)
        skipBlanks()
        if current == UInt8(ascii: "\n") {
            offset = min(offset + 1, bytes.count)
            return
        }
        let start = offset
        while Self.isDigit(current) { offset += 1 }
        guard offset > start else { throw error("expected a timestamp or the end of the line") }
        guard let milliseconds = NumberText.parseInteger(slice(start, offset)) else {
            throw error("timestamp is out of range", at: start)
        }
        timestamp = milliseconds
        rawTimestamp = slice(start, offset)
        skipBlanks()
        guard current == UInt8(ascii: "\n") else { throw error("expected the end of the line behind the timestamp") }
        offset = min(offset + 1, bytes.count)
    }

    /// A line that begins with `#`: metadata or a comment.
    private mutating func classicHash() throws(ExpositionError) -> Entry {
        offset += 1
        skipBlanks()
        let isSpaced = offset > entryStart + 1
        let isHelp = isSpaced && takeWord("HELP")
        guard isHelp || (isSpaced && takeWord("TYPE")) else {
            skipToLineEnd()
            rawText = slice(entryStart, offset)
            offset = min(offset + 1, bytes.count)
            return .comment
        }
        skipBlanks()
        try familyName(behind: isHelp ? "HELP" : "TYPE")
        // One byte separates the name from the text, whatever it is; Prometheus doesn't look at it.
        let textStart = min(offset + 1, bytes.count)
        skipToLineEnd()
        rawText = offset > textStart ? slice(textStart, offset) : slice(offset, offset)
        if isHelp {
            if let bad = UTF8Text.firstInvalid(rawText) {
                throw error("invalid UTF-8 in the help text", at: textStart + bad)
            }
        } else {
            kind = try classicKind(at: textStart)
            kindFamily = rawFamily
        }
        offset = min(offset + 1, bytes.count)
        return isHelp ? .help : .type
    }

    private func classicKind(at start: Int) throws(ExpositionError) -> MetricMetadata.Kind {
        switch text {
        case "counter": return .counter
        case "gauge": return .gauge
        case "histogram": return .histogram
        case "summary": return .summary
        case "untyped": return .unknown
        case let other:
            let known = ["counter", "gauge", "histogram", "summary", "untyped"]
            throw error(
                "invalid metric type \(quoted(other))\(Suggestion.hint(other, in: known))", at: min(start, bytes.count))
        }
    }

    /// Whether `word` and a blank stand here; goes behind the word when they do.
    private mutating func takeWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard offset + count < bytes.count else { return false }
        for i in 0..<count where bytes[offset + i] != word.utf8Start[i] { return false }
        let blank = bytes[offset + count]
        guard blank == UInt8(ascii: " ") || blank == UInt8(ascii: "\t") else { return false }
        offset += count
        return true
    }

    mutating func skipToLineEnd() {
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
    }
}
