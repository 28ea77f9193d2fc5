import Bedrock
import Model

extension TestScript {
    /// Reads a script. - Throws: `TestScriptError` at the first line that makes no sense.
    public init(parsing text: String) throws(TestScriptError) {
        var parser = TestScriptParser(text)
        self.init(commands: try parser.parse())
    }
}

/// Goes through a script line by line. Empty lines and comment lines end blocks.
private struct TestScriptParser {
    private let lines: [String]
    /// Index of the next line.
    private var next = 0
    private var positions = 0

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let trimmed = trimmed(line)
            return trimmed.hasPrefix("#") ? "" : trimmed
        }
    }

    mutating func parse() throws(TestScriptError) -> [TestScript.Command] {
        var commands: [TestScript.Command] = []
        while next < lines.count {
            let line = lines[next]
            if line.isEmpty {
                next += 1
                continue
            }
            let (word, rest) = firstWord(line)
            let command = word.lowercased()
            if command == "clear" {
                next += 1
                commands.append(.clear)
            } else if command.hasPrefix("load") {
                commands.append(.load(try parseLoad(command, rest)))
            } else if command.hasPrefix("eval") {
                commands.append(.evaluate(try parseEvaluation(command, rest)))
            } else {
                throw error("unknown command \(quoted(word))")
            }
        }
        return commands
    }

    private func error(_ message: String, line: Int? = nil) -> TestScriptError {
        TestScriptError(line: line ?? next + 1, message: message)
    }

    // MARK: load

    private mutating func parseLoad(_ command: String, _ rest: String) throws(TestScriptError) -> TestScript.Load {
        guard command == "load" || command == "load_with_nhcb" else {
            throw error("unknown command \(quoted(command))")
        }
        var load = TestScript.Load(
            line: next + 1, interval: try duration(rest), convertsClassicHistograms: command == "load_with_nhcb",
            series: [])
        next += 1
        var pending: TestScript.Series?
        while next < lines.count, !lines[next].isEmpty {
            var (series, isStarts, starts) = try parseSeries(lines[next])
            next += 1
            if isStarts {
                series.startOffsets = starts
                pending = series
                continue
            }
            if let before = pending {
                guard before.labels == series.labels, before.startOffsets.count == series.values.count else {
                    throw error(
                        "start timestamps must stand above a series with equal labels and length", line: before.line)
                }
                series.startOffsets = before.startOffsets
                pending = nil
            }
            load.series.removeAll { $0.labels == series.labels }
            load.series.append(series)
        }
        if let pending { throw error("start timestamps without a series below", line: pending.line) }
        return load
    }

    /// `metric items` or `metric@st items`.
    private mutating func parseSeries(
        _ line: String
    ) throws(TestScriptError) -> (TestScript.Series, isStarts: Bool, starts: [Int64?]) {
        let number = next + 1
        do throws(NotationError) {
            let head = try SeriesHead(line)
            var series = TestScript.Series(line: number, labels: head.labels, values: [])
            var sequence = SequenceNotation(line, from: head.end)
            var starts: [Int64?] = []
            if head.isStartTimestamps {
                starts = try sequence.startOffsets()
            } else {
                series.values = try sequence.values()
            }
            positions += series.values.count + starts.count
            guard positions <= TestScriptLimits.positionsTotalMax else {
                throw NotationError("the script has more than \(TestScriptLimits.positionsTotalMax) positions")
            }
            return (series, head.isStartTimestamps, starts)
        } catch {
            throw self.error(error.message, line: number)
        }
    }

    // MARK: eval

    private mutating func parseEvaluation(_ command: String, _ rest: String) throws(TestScriptError)
        -> TestScript.Evaluation
    {
        let line = next + 1
        var (kind, text) = firstWord(rest)
        let times: TestScript.Times
        switch kind {
        case "instant":
            text = try expectWord("at", text)
            let (time, query) = firstWord(text)
            times = .instant(try duration(time))
            text = query
        case "range": (times, text) = try parseRange(text)
        default: throw error("eval is followed by instant or range, not by \(quoted(kind))")
        }
        guard !text.isEmpty else { throw error("no query") }
        var evaluation = TestScript.Evaluation(line: line, query: text, times: times)
        switch command {
        case "eval": break
        case "eval_fail": evaluation.expected.failure = .any
        case "eval_warn": evaluation.expected.warnings = [.any]
        case "eval_info": evaluation.expected.infos = [.any]
        case "eval_ordered": evaluation.expected.isOrdered = true
        default: throw error("unknown command \(quoted(command))")
        }
        next += 1
        while next < lines.count, !lines[next].isEmpty {
            let isLast = try parseExpectation(lines[next], into: &evaluation)
            next += 1
            if isLast { break }
        }
        return evaluation
    }

    /// `from <start> to <end> step <step>` and what follows.
    private func parseRange(_ text: String) throws(TestScriptError) -> (TestScript.Times, rest: String) {
        let (start, afterStart) = firstWord(try expectWord("from", text))
        let (end, afterEnd) = firstWord(try expectWord("to", afterStart))
        let (step, rest) = firstWord(try expectWord("step", afterEnd))
        let times = (start: try duration(start), end: try duration(end), step: try duration(step))
        guard times.step > 0, times.end >= times.start else { throw error("range without steps") }
        return (.range(start: times.start, end: times.end, step: times.step), rest)
    }

    /// Takes in one line of an eval block. - Returns: whether it ends the block.
    private mutating func parseExpectation(
        _ line: String, into evaluation: inout TestScript.Evaluation
    ) throws(TestScriptError) -> Bool {
        let (word, rest) = firstWord(line)
        if word == "expected_fail_message" || word == "expected_fail_regexp" {
            evaluation.expected.failure = word.hasSuffix("message") ? .exactly(rest) : .containing(try regex(rest))
            return true
        }
        if word == "expect" {
            try parseExpect(rest, into: &evaluation)
            return false
        }
        if let scalar = scalar(line) {
            evaluation.expected.scalar = scalar
            return true
        }
        let (series, isStarts, _) = try parseSeries(line)
        if isStarts { throw error("start timestamps can't be expected") }
        if evaluation.expected.series.contains(where: { $0.labels == series.labels }) {
            throw error("series \(series.labels) is expected twice")
        }
        evaluation.expected.series.append(series)
        return false
    }

    private func parseExpect(_ text: String, into evaluation: inout TestScript.Evaluation) throws(TestScriptError) {
        let (type, rest) = firstWord(text)
        if type == "range" {
            let times = try parseRange(try expectWord("vector", rest)).0
            guard case .range(_, let end, _) = times else { return }
            evaluation.expected.rangeVector = times
            evaluation.times = .instant(end)
            return
        }
        if type == "string" {
            guard case .string(let value)? = try? PromQLParser.parse(rest) else {
                throw error("no quoted string: \(rest)")
            }
            evaluation.expected.string = value.value
            return
        }
        let condition = try condition(rest)
        switch type {
        case "fail": evaluation.expected.failure = condition
        case "warn": evaluation.expected.warnings.append(condition)
        case "info": evaluation.expected.infos.append(condition)
        case "no_warn": evaluation.expected.forbidsWarnings = true
        case "no_info": evaluation.expected.forbidsInfos = true
        case "ordered":
            guard case .instant = evaluation.times else { throw error("only instant queries can be ordered") }
            evaluation.expected.isOrdered = true
        default: throw error("unknown expectation \(quoted(type))")
        }
    }

    private func condition(_ text: String) throws(TestScriptError) -> TestScript.TextCondition {
        if text.isEmpty { return .any }
        if text.hasPrefix("msg:") { return .exactly(trimmed(text.dropFirst(4))) }
        if text.hasPrefix("regex:") { return .containing(try regex(trimmed(text.dropFirst(6)))) }
        throw error("an expected text begins with msg: or regex:, not \(quoted(text))")
    }

    private func regex(_ pattern: String) throws(TestScriptError) -> RegularExpression {
        do { return try RegularExpression(pattern, anchored: false) } catch { throw self.error(error.description) }
    }

    // MARK: Words

    private func expectWord(_ wanted: String, _ text: String) throws(TestScriptError) -> String {
        let (word, rest) = firstWord(text)
        guard word == wanted else { throw error("expected \(quoted(wanted)), got \(quoted(word))") }
        return rest
    }

    private func duration(_ text: String) throws(TestScriptError) -> Int64 {
        do { return try PrometheusDuration.parse(text) } catch { throw self.error(error.description) }
    }

    private func scalar(_ line: String) -> Double? {
        let isNegative = line.hasPrefix("-")
        let digits = isNegative || line.hasPrefix("+") ? String(line.dropFirst()) : line
        guard digits.utf8.first != UInt8(ascii: "-"), let value = try? NumberScanner.value(of: digits) else {
            return nil
        }
        return isNegative ? -value : value
    }
}

/// The text up to the first space or tab, and what follows.
private func firstWord(_ text: String) -> (word: String, rest: String) {
    let word = text.prefix { $0 != " " && $0 != "\t" }
    return (String(word), trimmed(text.dropFirst(word.count)))
}

/// Without white space at both ends.
private func trimmed(_ text: some StringProtocol) -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\r\n" }
    let start = text.drop(while: isSpace)
    let tail = start.reversed().prefix(while: isSpace).count
    return String(start.dropLast(tail))
}
