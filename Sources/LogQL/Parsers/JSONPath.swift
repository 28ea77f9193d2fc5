import Bedrock
import Model

/// Where in a JSON document a value stands: `a.b`, `a["k"]`, `[0]`, as `| json name="path"` has it.
public struct JSONPath: Equatable, Sendable {
    enum Step: Equatable, Sendable {
        case key([UInt8])
        case index(Int)
    }

    let steps: [Step]

    /// - Throws: `cannot parse expression [...]: unexpected ...`.
    public init(_ text: String) throws(PipelineError) {
        var parser = Parser(text: text, bytes: Array(text.utf8))
        steps = try parser.run()
    }

    private struct Parser {
        let text: String
        let bytes: [UInt8]
        var at = 0

        mutating func run() throws(PipelineError) -> [Step] {
            var steps: [Step] = []
            guard !bytes.isEmpty else { throw failure("unexpected $end, expecting LSB or FIELD") }
            while at < bytes.count {
                if bytes[at] == UInt8(ascii: "[") {
                    steps.append(try bracket())
                } else if steps.isEmpty {
                    steps.append(try field())
                } else if bytes[at] == UInt8(ascii: ".") {
                    at += 1
                    guard at < bytes.count, bytes[at] != UInt8(ascii: ".") else {
                        throw failure(
                            at < bytes.count ? "unexpected DOT, expecting FIELD" : "unexpected $end, expecting FIELD")
                    }
                    steps.append(try field())
                } else {
                    throw failure("unexpected \(name(bytes[at]))")
                }
            }
            return steps
        }

        private mutating func field() throws(PipelineError) -> Step {
            let start = at
            while at < bytes.count, LabelNameSanitizer.isWord(bytes[at]) { at += 1 }
            guard at > start, bytes[start] &- 48 >= 10 else {
                throw failure("unexpected \(start < bytes.count ? name(bytes[start]) : "$end"), expecting LSB or FIELD")
            }
            return .key(Array(bytes[start..<at]))
        }

        private mutating func bracket() throws(PipelineError) -> Step {
            at += 1
            guard at < bytes.count else { throw failure("unexpected $end, expecting STRING or INDEX") }
            let step: Step
            if bytes[at] == UInt8(ascii: "\"") {
                step = .key(try string())
            } else {
                let start = at
                while at < bytes.count, bytes[at] &- 48 < 10 { at += 1 }
                guard let index = Int(String(decoding: bytes[start..<at], as: UTF8.self)) else {
                    throw failure(
                        "unexpected \(start < bytes.count ? name(bytes[start]) : "$end"), expecting STRING or INDEX")
                }
                step = .index(index)
            }
            guard at < bytes.count, bytes[at] == UInt8(ascii: "]") else {
                throw failure("unexpected \(at < bytes.count ? name(bytes[at]) : "$end"), expecting RSB")
            }
            at += 1
            return step
        }

        private mutating func string() throws(PipelineError) -> [UInt8] {
            at += 1
            var out: [UInt8] = []
            while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                if bytes[at] == UInt8(ascii: "\\"), at + 1 < bytes.count { at += 1 }
                out.append(bytes[at])
                at += 1
            }
            guard at < bytes.count else { throw failure("string is not terminated") }
            at += 1
            return out
        }

        private func name(_ c: UInt8) -> String {
            switch c {
            case UInt8(ascii: "."): "DOT"
            case UInt8(ascii: "["): "LSB"
            case UInt8(ascii: "]"): "RSB"
            case UInt8(ascii: "\""): "STRING"
            case 48...57: "INDEX"
            default: LabelNameSanitizer.isWord(c) ? "FIELD" : quoted(String(UnicodeScalar(c)))
            }
        }

        private func failure(_ reason: String) -> PipelineError {
            PipelineError("cannot parse expression [\(text)]: \(reason) at position \(at)")
        }
    }
}

extension JSONScanner {
    /// Goes to the value at `path` and reads it: objects and arrays as their text. nil when there is none, and with `damage`.
    mutating func value(at path: JSONPath, _ arena: ScratchArena) -> Token? {
        for step in path.steps {
            switch step {
            case .key(let wanted):
                guard peek() == UInt8(ascii: "{") else { return nil }
                at += 1
                guard seek(wanted, arena) else { return nil }
            case .index(let index):
                guard peek() == UInt8(ascii: "[") else { return nil }
                at += 1
                guard seek(index) else { return nil }
            }
        }
        guard let kind = valueKind() else { return nil }
        switch kind {
        case .string:
            at += 1
            return string()
        case .object, .array: return skipNested().map { Token(text: $0, kind: kind) }
        case .number, .bool, .null: return literal(kind)
        }
    }

    private mutating func seek(_ wanted: [UInt8], _ arena: ScratchArena) -> Bool {
        var isFirst = true
        while let found = key(isFirst: isFirst) {
            isFirst = false
            let text = found.hasEscapes ? TextRepair.unescapeJSON(found.text, arena) ?? found.text : found.text
            if wanted.withUnsafeBytes({ equalBytes($0, text) }) { return true }
            guard skipValue() else { return false }
        }
        return false
    }

    private mutating func seek(_ index: Int) -> Bool {
        var number = 0
        if peek() == UInt8(ascii: "]") { return false }
        while number < index {
            guard skipValue() else { return false }
            guard peek() == UInt8(ascii: ",") else {
                if peek() != UInt8(ascii: "]") { damage = .array }
                return false
            }
            at += 1
            number += 1
        }
        return true
    }
}

/// `| json a="path", b`: the named values only. Not thread-safe.
struct JSONPathExtractor {
    let paths: [(id: Int32, path: JSONPath)]

    func extract(_ line: UnsafeRawBufferPointer, _ row: RowLabels, _ arena: ScratchArena) {
        guard line.count > 0 else { return }
        var probe = JSONScanner(line)
        let first = probe.peek()
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            return row.setError(.json, details: (first == 0 ? JSONDamage.malformed : JSONDamage.object).text)
        }
        for (id, path) in paths {
            var scanner = JSONScanner(line)
            if let token = scanner.value(at: path, arena) {
                guard let target = row.target(id) else { continue }
                row.setExtracted(
                    target,
                    token.kind == .null ? UnsafeRawBufferPointer(start: nil, count: 0) : JSONText.value(token, arena))
            } else if let damage = scanner.damage {
                return row.setError(.json, details: damage.text)
            } else if !row.has(id) {
                row.setExtracted(id, UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }
    }
}
