import Bedrock

/// `literal <name> literal <_>`: what the `pattern` parser and the pattern line filters go by.
public struct PatternExpression: Equatable, Sendable {
    enum Part: Equatable, Sendable {
        case literal([UInt8])
        /// nil: `<_>`.
        case capture(String?)
    }

    let parts: [Part]

    /// For the parser: at least one named capture, none twice, and no two captures side by side.
    public static func parser(_ text: String) throws(PipelineError) -> PatternExpression {
        let expression = PatternExpression(text)
        try expression.requireSeparators(text)
        let names = expression.names
        guard !names.isEmpty else {
            throw PipelineError("at least one capture is required in pattern '\(text)': give it a <name>")
        }
        for (i, name) in names.enumerated() where names[..<i].contains(name) {
            throw PipelineError("duplicate capture name (\(name)) in pattern '\(text)'")
        }
        return expression
    }

    /// For `|>` and `!>`: no named capture, and no two captures side by side.
    public static func lineFilter(_ text: String) throws(PipelineError) -> PatternExpression {
        let expression = PatternExpression(text)
        try expression.requireSeparators(text)
        guard expression.names.isEmpty else {
            throw PipelineError("named captures are not allowed in the line filter pattern '\(text)': write <_>")
        }
        return expression
    }

    /// Names of the captures, in order.
    public var names: [String] {
        parts.compactMap { if case .capture(let name) = $0 { name } else { nil } }
    }

    /// Any text is a pattern; what doesn't look like a capture is literal.
    init(_ text: String) {
        let bytes = Array(text.utf8)
        var parts: [Part] = []
        var literal: [UInt8] = []
        var i = 0
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "<"), let end = Self.endOfName(bytes, i + 1) {
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = []
                let name = String(decoding: bytes[(i + 1)..<end], as: UTF8.self)
                parts.append(.capture(name == "_" ? nil : name))
                i = end + 1
            } else {
                literal.append(bytes[i])
                i += 1
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    private static func endOfName(_ bytes: [UInt8], _ start: Int) -> Int? {
        var end = start
        while end < bytes.count, LabelNameSanitizer.isWord(bytes[end]) { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: ">"), end > start, bytes[start] &- 48 >= 10 else {
            return nil
        }
        return end
    }

    private func requireSeparators(_ text: String) throws(PipelineError) {
        for i in parts.indices.dropFirst() {
            if case .capture = parts[i - 1], case .capture = parts[i] {
                throw PipelineError("found consecutive captures in pattern '\(text)': put text between them")
            }
        }
    }

    /// Calls `body` with the number of each named capture that `line` fills, and what it holds.
    ///
    /// Leading literals must begin the line. A capture reaches to the first occurrence of the literal behind it; when there is none, it takes the
    /// rest of the line, and the captures behind it stay unset.
    func forEachCapture(_ line: UnsafeRawBufferPointer, _ body: (Int, UnsafeRawBufferPointer) -> Void) {
        guard line.count > 0 else { return }
        var rest = line
        var number = 0
        var i = 0
        while i < parts.count {
            switch parts[i] {
            case .literal(let text):
                // Only the first part: the other literals go with the capture in front of them.
                guard rest.starts(with: text) else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[text.count...])
                i += 1
            case .capture(let name):
                var end = rest.count
                var next = rest.count
                if i + 1 < parts.count, case .literal(let text) = parts[i + 1],
                    let found = text.withUnsafeBytes({ rest.firstOffset(of: $0) })
                {
                    end = found
                    next = found + text.count
                    i += 2
                } else {
                    i = parts.count
                }
                if name != nil {
                    body(number, UnsafeRawBufferPointer(rebasing: rest[..<end]))
                    number += 1
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[next...])
            }
        }
    }

    /// Whether `line` as a whole goes by the pattern, as line filters ask.
    ///
    /// Literals are searched from left to right, each at its first occurrence. Every capture holds at least one byte; only a leading literal may
    /// have text before it that no capture takes.
    public func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        guard line.count > 0, let last = parts.last else { return line.count == 0 && parts.isEmpty }
        var at = 0
        for i in parts.indices {
            guard case .literal(let text) = parts[i] else { continue }
            let rest = UnsafeRawBufferPointer(rebasing: line[at...])
            guard let found = text.withUnsafeBytes({ rest.firstOffset(of: $0) }), i == 0 || found > 0 else {
                return false
            }
            at += found + text.count
        }
        if case .capture = last { return at < line.count }
        return at == line.count
    }
}
