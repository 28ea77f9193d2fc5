import Bedrock
import LogQL
import Model

/// `json`, `logfmt`, `regex`: take values out of the line, or of a value taken out before.
final class ExtractionStage: LogStage {
    private let program: QueryProgram
    private let source: String?
    private let dropsDamaged: Bool

    init(_ plan: LogPipelinePlan, source: String?, dropsDamaged: Bool) {
        program = QueryProgram(plan)
        self.source = source
        self.dropsDamaged = dropsDamaged
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        var text = entry.line
        if let source {
            guard let value = entry.extracted[source] else { return .pass }
            text = Array(value.utf8)
        }
        guard let found = program.extract(text) else { return dropsDamaged ? .drop("malformed") : .pass }
        entry.extracted.merge(found) { $1 }
        return .pass
    }
}

/// `replace`: rewrites what groups of an expression match, with a template whose `.Value` is the match.
final class ReplaceStage: LogStage {
    private let expression: RegularExpression
    private let template: QueryProgram
    private let source: String?

    init(_ expression: RegularExpression, _ template: LogPipelinePlan, source: String?) {
        self.expression = expression
        self.template = QueryProgram(template)
        self.source = source
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        let text: [UInt8]
        if let source {
            guard let value = entry.extracted[source] else { return .pass }
            text = Array(value.utf8)
        } else {
            text = entry.line
        }
        let result = replace(text, &entry)
        if let source {
            entry.extracted[source] = String(decoding: result, as: UTF8.self)
        } else {
            entry.line = result
        }
        return .pass
    }

    private func replace(_ text: [UInt8], _ entry: inout LogEntry) -> [UInt8] {
        var result: [UInt8] = []
        var done = 0
        var from = 0
        text.withUnsafeBytes { raw in
            while from <= raw.count, let groups = expression.captures(raw, from: from), let whole = groups[0] {
                // Without groups the whole match is replaced.
                let targets = groups.count > 1 ? groups.dropFirst().compactMap { $0 } : [whole]
                for target in targets where target.lowerBound >= done {
                    var values = entry.extracted
                    values["Value"] = String(decoding: raw[target], as: UTF8.self)
                    result += raw[done..<target.lowerBound]
                    result += template.format(values) ?? Array(raw[target])
                    done = target.upperBound
                }
                for (index, group) in groups.enumerated().dropFirst() {
                    guard let group, let name = expression.groupName(index) else { continue }
                    entry.extracted[name] = String(decoding: raw[group], as: UTF8.self)
                }
                from = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
            }
            result += raw[done...]
        }
        return result
    }
}

/// `template`: sets a value by a template; `.Value` is what it was, `.Entry` the line.
final class TemplateStage: LogStage {
    private let program: QueryProgram
    private let source: String

    init(_ plan: LogPipelinePlan, source: String) {
        program = QueryProgram(plan)
        self.source = source
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        var values = entry.extracted
        values["Value"] = values[source] ?? ""
        values["Entry"] = entry.text
        guard let made = program.format(values, timestamp: entry.timestamp) else { return .pass }
        entry.extracted[source] = made.isEmpty ? nil : String(decoding: made, as: UTF8.self)
        return .pass
    }
}
