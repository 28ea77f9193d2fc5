import Bedrock
import Model

/// Names, quoted strings and label sets, which both formats share.
extension ExpositionParser {
    @inline(__always)
    static func isNameStart(_ c: UInt8) -> Bool { (c | 0x20) &- 97 < 26 || c == UInt8(ascii: "_") }

    @inline(__always)
    static func isDigit(_ c: UInt8) -> Bool { c &- 48 < 10 }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    mutating func metricName() throws(ExpositionError) -> UnsafeRawBufferPointer {
        let start = offset
        guard Self.isNameStart(current) || current == UInt8(ascii: ":") else { throw error("expected a metric name") }
        offset += 1
        while offset < bytes.count {
            let c = bytes[offset]
            guard Self.isNameStart(c) || Self.isDigit(c) || c == UInt8(ascii: ":") else { break }
            offset += 1
        }
        return slice(start, offset)
    }

    /// The family of a metadata line, quoted or bare.
    mutating func familyName(behind word: String) throws(ExpositionError) {
        if current == UInt8(ascii: "\"") {
            var hasEscapes = false
            hasQuotedName = true
            rawFamily = try quotedString(&hasEscapes)
        } else {
            guard Self.isNameStart(current) || current == UInt8(ascii: ":") else {
                throw error("expected a metric name behind \(word)")
            }
            rawFamily = try metricName()
        }
    }

    /// The inside of a string in double quotes, valid UTF-8; sets `hasEscapes` when it holds backslashes.
    mutating func quotedString(_ hasEscapes: inout Bool) throws(ExpositionError) -> UnsafeRawBufferPointer {
        let opening = offset
        offset += 1
        var seen: UInt8 = 0
        while offset < bytes.count {
            let c = bytes[offset]
            seen |= c
            if c == UInt8(ascii: "\"") {
                let inside = slice(opening + 1, offset)
                if seen >= 0x80, let bad = UTF8Text.firstInvalid(inside) {
                    throw error("invalid UTF-8", at: opening + 1 + bad)
                }
                offset += 1
                return inside
            }
            if c == UInt8(ascii: "\\") {
                hasEscapes = true
                offset += 1
                guard current != UInt8(ascii: "\n") else { break }
            } else if c == UInt8(ascii: "\n"), format == .openMetrics {
                break
            }
            offset += 1
        }
        offset = min(offset, bytes.count)
        throw error("string is not closed", at: opening)
    }

    @inline(__always)
    mutating func skipBlanks() {
        while offset < bytes.count, bytes[offset] == UInt8(ascii: " ") || bytes[offset] == UInt8(ascii: "\t") {
            offset += 1
        }
    }

    /// Everything between the braces and the closing one; `offset` stands behind the opening one.
    ///
    /// A bare quoted string among the labels is the metric name. Prometheus tolerates blanks and missing commas in the classic format.
    mutating func labels(isExemplar: Bool) throws(ExpositionError) {
        let isLax = format == .classic
        var isBehindComma = false
        while true {
            if isLax { skipBlanks() }
            let nameStart = offset
            let first = current
            if first == UInt8(ascii: "}") {
                offset += 1
                if isBehindComma { hasTrailingComma = true }
                return
            }
            var hasEscapes = false
            let isQuoted = first == UInt8(ascii: "\"")
            let name = isQuoted ? try quotedString(&hasEscapes) : try labelName()
            if isLax { skipBlanks() }
            if isQuoted {
                hasQuotedName = true
                if !isExemplar, current == UInt8(ascii: ",") || current == UInt8(ascii: "}") {
                    guard !hasName else { throw error("the metric name is given twice", at: nameStart) }
                    guard !name.isEmpty else { throw error("the metric name is empty", at: nameStart) }
                    rawName = name
                    nameHasEscapes = hasEscapes
                    hasName = true
                    isBehindComma = current == UInt8(ascii: ",")
                    if isBehindComma { offset += 1 }
                    continue
                }
            }
            guard current == UInt8(ascii: "=") else { throw error("expected '=' behind the label name") }
            offset += 1
            if isLax { skipBlanks() }
            guard current == UInt8(ascii: "\"") else { throw error("expected a label value in double quotes") }
            let value = try quotedString(&hasEscapes)
            if isExemplar {
                rawExemplarLabels.append(RawLabel(name: name, value: value, hasEscapes: hasEscapes))
            } else {
                rawLabels.append(RawLabel(name: name, value: value, hasEscapes: hasEscapes))
            }
            if isLax { skipBlanks() }
            isBehindComma = current == UInt8(ascii: ",")
            if isBehindComma {
                offset += 1
            } else if !isLax, current != UInt8(ascii: "}") {
                throw error("expected ',' or '}'")
            }
        }
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    private mutating func labelName() throws(ExpositionError) -> UnsafeRawBufferPointer {
        let start = offset
        guard Self.isNameStart(current) else { throw error("expected a label name") }
        offset += 1
        while offset < bytes.count, Self.isNameStart(bytes[offset]) || Self.isDigit(bytes[offset]) { offset += 1 }
        return slice(start, offset)
    }

    /// Name and label set at the start of a sample line.
    mutating func seriesName() throws(ExpositionError) {
        rawLabels.removeAll(keepingCapacity: true)
        nameHasEscapes = false
        if current == UInt8(ascii: "{") {
            hasName = false
            offset += 1
            try labels(isExemplar: false)
            guard hasName else { throw error("the label set has no metric name", at: entryStart) }
        } else {
            rawName = try metricName()
            hasName = true
            seriesEnd = offset
            if format == .classic { skipBlanks() }
            guard current == UInt8(ascii: "{") else { return }
            offset += 1
            try labels(isExemplar: false)
        }
        seriesEnd = offset
    }
}
