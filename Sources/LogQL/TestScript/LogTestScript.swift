import Bedrock
import Model

/// A LogQL test script: commands that load streams, evaluate metric queries, and state what must come out.
public struct LogTestScript: Sendable {
    /// Why a text is no script.
    public struct ScriptError: Error, Equatable, Sendable, CustomStringConvertible {
        /// From 1.
        public let line: Int
        public let message: String

        public var description: String { "line \(line): \(message)" }
    }

    enum Command: Sendable {
        case clear
        case load([Entry])
        case evaluate(Evaluation)
    }

    /// A generated row; nanoseconds behind the script's epoch.
    struct Entry: Sendable {
        var stream: Labels
        var time: Int64
        var line: String
        var metadata: Labels
    }

    enum Times: Sendable {
        case instant(Int64)
        case range(start: Int64, end: Int64, step: Int64)
    }

    struct Series: Sendable {
        var labels: Labels
        /// nil: no point.
        var values: [Double?]
    }

    enum Condition: Sendable {
        case any
        case containing(String)
        case matching(RegularExpression)
    }

    struct Evaluation: Sendable {
        var line: Int
        var query: String
        var times: Times
        var failure: Condition?
        var isOrdered = false
        var scalar: Double?
        var series: [Series] = []
        var isEmpty = false
    }

    let commands: [Command]

    /// Rows that one script may generate.
    public static let rowsMax = 5_000_000

    /// - Throws: at the first line that makes no sense.
    public init(parsing text: String) throws(ScriptError) {
        var parser = LogTestScriptParser(text)
        commands = try parser.parse()
    }
}

/// Goes through a script line by line.
private struct LogTestScriptParser {
    typealias ScriptError = LogTestScript.ScriptError

    /// With the indentation, without comments.
    private let lines: [String]
    private var next = 0
    private var rows = 0

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(Self.withoutComment)
    }

    /// A `#` outside of quotes begins a comment. In queries quotes can be escaped, in loaded lines they can't.
    private static func withoutComment(_ line: Substring) -> String {
        let isQuery = line.hasPrefix("eval")
        var quote: Character?
        var isEscaped = false
        var end = line.endIndex
        for index in line.indices {
            let character = line[index]
            if let open = quote {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" && open == "\"" && isQuery {
                    isEscaped = true
                } else if character == open {
                    quote = nil
                }
            } else if character == "\"" || character == "`" {
                quote = character
            } else if character == "#" {
                end = index
                break
            }
        }
        var text = line[..<end]
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        // An indented comment stands within its block and doesn't end it.
        return text.isEmpty && end < line.endIndex && line.first != "#" ? " " : String(text)
    }

    private func error(_ message: String, at line: Int? = nil) -> ScriptError {
        ScriptError(line: (line ?? next) + 1, message: message)
    }

    mutating func parse() throws(ScriptError) -> [LogTestScript.Command] {
        var commands: [LogTestScript.Command] = []
        while next < lines.count {
            let line = lines[next]
            if line.isEmpty || line == " " {
                next += 1
                continue
            }
            guard !Self.isIndented(line) else { throw error("an indented line without a command above it") }
            if line == "clear" {
                next += 1
                commands.append(.clear)
            } else if line == "load" {
                next += 1
                var entries: [LogTestScript.Entry] = []
                while let line = blockLine() { if !line.isEmpty { entries += try parseLoad(line) } }
                commands.append(.load(entries))
            } else if line.hasPrefix("eval ") {
                commands.append(.evaluate(try parseEvaluation(line)))
            } else {
                throw error("unknown command: \(line)")
            }
        }
        return commands
    }

    private static func isIndented(_ line: String) -> Bool { line.first == " " || line.first == "\t" }

    /// The next line of the block, without indentation; lines that were only a comment are left out.
    private mutating func blockLine() -> String? {
        guard next < lines.count, Self.isIndented(lines[next]) else { return nil }
        next += 1
        return String(lines[next - 1].drop { $0 == " " || $0 == "\t" })
    }

    // MARK: load

    /// `{labels} "line" @ <start> [repeat every <step> for <count>] [metadata k="v"]`
    private mutating func parseLoad(_ text: String) throws(ScriptError) -> [LogTestScript.Entry] {
        let line = next - 1
        var words = LogTestWords(text)
        guard let stream = words.labels(), let content = words.rawString(), words.take("@"),
            let start = words.duration()
        else { throw error("expected {labels} \"line\" @ time: \(text)", at: line) }
        // A stream has no empty labels, whatever its sender wrote.
        let labels = Labels(stream.list)
        var step: Int64 = 0
        var count = 1
        var metadata = Labels.empty
        while words.take("[") {
            if words.take("repeat"), words.take("every"), let every = words.duration(), words.take("for"),
                let times = words.integer(), words.take("]")
            {
                (step, count) = (every, times)
            } else if words.take("metadata"), let pairs = words.pairs(), words.take("]") {
                metadata = pairs
            } else {
                throw error("expected [repeat every … for …] or [metadata …]: \(text)", at: line)
            }
        }
        guard words.isAtEnd else { throw error("unexpected end of the line: \(text)", at: line) }
        rows += count
        guard count >= 0, rows <= LogTestScript.rowsMax else {
            throw error("the script loads more than \(LogTestScript.rowsMax) rows", at: line)
        }
        return (0..<count).map { index in
            LogTestScript.Entry(
                stream: labels, time: start &+ Int64(index) &* step,
                line: content.replacingAll("{{.i}}", with: String(index)), metadata: metadata)
        }
    }

    // MARK: eval

    private mutating func parseEvaluation(_ text: String) throws(ScriptError) -> LogTestScript.Evaluation {
        var words = LogTestWords(text)
        var evaluation = LogTestScript.Evaluation(line: next + 1, query: "", times: .instant(0))
        if words.take("eval"), words.take("instant"), words.take("at"), let time = words.duration() {
            evaluation.times = .instant(time)
        } else {
            words = LogTestWords(text)
            guard words.take("eval"), words.take("range"), words.take("from"), let start = words.duration(),
                words.take("to"), let end = words.duration(), words.take("step"), let step = words.duration(), step > 0
            else { throw error("expected eval instant at … or eval range from … to … step …") }
            evaluation.times = .range(start: start, end: end, step: step)
        }
        evaluation.query = words.rest
        next += 1
        while let line = blockLine() { try parseExpectation(line, &evaluation) }
        return evaluation
    }

    private func parseExpectation(
        _ line: String, _ evaluation: inout LogTestScript.Evaluation
    ) throws(ScriptError) {
        var words = LogTestWords(line)
        if line.isEmpty || words.take("skip") { return }
        if words.take("expect") {
            if words.take("empty") {
                evaluation.isEmpty = true
            } else if words.take("ordered") {
                evaluation.isOrdered = true
            } else if words.take("fail") {
                evaluation.failure = try condition(words.rest)
            } else {
                throw error("unknown expectation: \(line)", at: next - 1)
            }
            return
        }
        if line.hasPrefix("{") {
            guard let labels = words.labels(), let values = words.values() else {
                throw error("expected {labels} values: \(line)", at: next - 1)
            }
            evaluation.series.append(LogTestScript.Series(labels: labels, values: values))
        } else if let values = words.values(), values.count == 1, let scalar = values[0] {
            evaluation.scalar = scalar
        } else {
            throw error("expected series, a number or expect: \(line)", at: next - 1)
        }
    }

    private func condition(_ text: String) throws(ScriptError) -> LogTestScript.Condition {
        if text.isEmpty { return .any }
        if text.hasPrefix("msg:") { return .containing(LogTestWords(String(text.dropFirst(4))).rest) }
        guard text.hasPrefix("regex:") else { throw error("expected msg: or regex:, got \(text)", at: next - 1) }
        do {
            return .matching(
                try RegularExpression(LogTestWords(String(text.dropFirst(6))).rest, anchored: false))
        } catch {
            throw self.error(error.description, at: next - 1)
        }
    }
}

extension String {
    /// Every occurrence of `text` replaced.
    fileprivate func replacingAll(_ text: String, with other: String) -> String {
        var out = ""
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            out += rest[..<range.lowerBound] + other
            rest = rest[range.upperBound...]
        }
        return out + rest
    }
}
