import Bedrock
import Model

/// Pipelines: line filters and everything behind `|`.
extension QueryParser {
    /// Whether a stage begins here.
    var isAtStage: Bool {
        guard case .symbol(let symbol) = token.kind else { return false }
        switch symbol {
        case .pipe, .pipeContains, .pipeMatches, .pipePattern, .notPattern, .notMatches, .notEqual: return true
        default: return false
        }
    }

    /// One stage; appended to `stages` and checked.
    mutating func parseStage(into stages: inout [PipelineStage]) throws(LogQLError) {
        guard stages.count < LogQLLimits.stagesMax else {
            throw error("pipeline of more than \(LogQLLimits.stagesMax) stages", token.source)
        }
        let start = token.source.start
        let stage = isNext(.pipe) ? try parseNamedStage() : .lineFilter(try parseLineFilter())
        let source = SourceRange(start, lastEnd)
        if stages.contains(where: { if case .unwrap = $0 { true } else { false } }) {
            guard case .labelFilter = stage else {
                throw error("syntax error: only label filters may follow unwrap", source)
            }
        }
        do throws(PipelineError) { _ = try PlannedStage(stage) } catch {
            throw self.error(error.message, source)
        }
        stages.append(stage)
    }

    // MARK: Line filters

    private mutating func parseLineFilter() throws(LogQLError) -> LineFilterStage {
        guard case .symbol(let symbol) = token.kind else { throw unexpected() }
        try advance()
        let isNegated = symbol == .notEqual || symbol == .notMatches || symbol == .notPattern
        var alternatives = [try parseLineOperand(symbol)]
        while isNext(word: "or") {
            try advance()
            alternatives.append(try parseLineOperand(symbol))
        }
        return LineFilterStage(alternatives, isNegated: isNegated)
    }

    private mutating func parseLineOperand(_ symbol: Token.Symbol) throws(LogQLError) -> LineFilterStage.Operand {
        let isLiteral = symbol == .pipeContains || symbol == .notEqual
        if isNext(word: "ip") {
            let start = token.source
            let pattern = try parseIPCall()
            guard isLiteral else {
                throw error(
                    "ip: invalid operation", SourceRange(start.start, lastEnd),
                    hint: "addresses are matched with |= and !=")
            }
            return .ip(pattern)
        }
        guard case .string(let content) = token.kind else { throw unexpected("expecting STRING or ip") }
        if isLiteral {
            try advance()
            return .literal(content)
        }
        let text = try expectString()
        return symbol == .pipeMatches || symbol == .notMatches ? .regex(text) : .pattern(text)
    }

    /// `ip("…")`
    mutating func parseIPCall() throws(LogQLError) -> String {
        try advance()
        try expect(.leftParen)
        let pattern = try expectString()
        try expect(.rightParen)
        return pattern
    }

    // MARK: Named stages

    private mutating func parseNamedStage() throws(LogQLError) -> PipelineStage {
        try advance()
        if isNext(.leftParen) { return .labelFilter(try parseLabelFilter()) }
        guard token.kind == .identifier else { throw unexpected("expecting a stage", hint: stageHint()) }
        let word = text.lowercased()
        guard LogQLWords.stages.contains(word), !isConditionBehind() else {
            return .labelFilter(try parseLabelFilter())
        }
        try advance()
        switch word {
        case "json": return .json(token.kind == .identifier ? try parseExtractions() : [])
        case "logfmt": return .logfmt(try parseLogfmt())
        case "regexp": return .regexp(try expectString())
        case "pattern": return .pattern(try expectString())
        case "unpack": return .unpack
        case "line_format": return .lineFormat(try expectString())
        case "label_format": return .labelFormat(try parseLabelFormats())
        case "drop": return .drop(try parseSelections())
        case "keep": return .keep(try parseSelections())
        case "unwrap": return .unwrap(try parseUnwrap())
        default: return .decolorize
        }
    }

    private func stageHint() -> String? {
        if case .string = token.kind { return "line filters are |= |~ |> != !~ !>" }
        return nil
    }

    /// Whether a comparison stands behind the current word, so that it is a label's name.
    private func isConditionBehind() -> Bool {
        guard case .symbol(let symbol)? = peekBehind()?.kind else { return false }
        switch symbol {
        // `json != "x"` is the parser and a line filter.
        case .equal, .matches, .doubleEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: return true
        default: return false
        }
    }

    /// `a="expression", b`
    private mutating func parseExtractions() throws(LogQLError) -> [LabelExtraction] {
        var extractions: [LabelExtraction] = []
        repeat {
            let label = try expectIdentifier()
            extractions.append(LabelExtraction(label, try take(.equal) ? try expectString() : label))
        } while try take(.comma)
        return extractions
    }

    private mutating func parseLogfmt() throws(LogQLError) -> LogfmtStage {
        var stage = LogfmtStage()
        while isNext(.subtract) {
            let start = token.source.start
            try advance()
            try expect(.subtract)
            // `keep-empty` is two words with a minus between them.
            var name = try expectIdentifier()
            if isNext(.subtract), token.source.start == lastEnd {
                try advance()
                name += "-" + (try expectIdentifier())
            }
            switch name {
            case "strict": stage.isStrict = true
            case "keep-empty": stage.keepsEmpty = true
            default:
                throw error(
                    "unknown flag --\(name) of logfmt", SourceRange(start, lastEnd),
                    hint: "there are --strict and --keep-empty")
            }
        }
        if token.kind == .identifier { stage.extractions = try parseExtractions() }
        return stage
    }

    private mutating func parseLabelFormats() throws(LogQLError) -> [LabelFormat] {
        var formats: [LabelFormat] = []
        repeat {
            let start = token.source
            let target = try expectIdentifier()
            try expect(.equal)
            if case .string = token.kind {
                formats.append(.template(target: target, try expectString()))
            } else {
                formats.append(.rename(target: target, source: try expectIdentifier()))
            }
            if target.hasPrefix("__error") {
                throw error("'\(target)' cannot be formatted", start)
            }
            if formats.dropLast().contains(where: { $0.target == target }) {
                throw error(
                    "multiple label name '\(target)' not allowed in a single format operation", start,
                    hint: "a second label_format stage may set it again")
            }
        } while try take(.comma)
        return formats
    }

    private mutating func parseSelections() throws(LogQLError) -> [LabelSelection] {
        var selections: [LabelSelection] = []
        repeat {
            let start = token.source
            let name = try expectIdentifier()
            switch token.kind {
            case .symbol(.equal), .symbol(.matches): selections.append(.matcher(try parseTextCondition(name, start)))
            case .symbol(.notEqual), .symbol(.notMatches):
                selections.append(.matcher(try parseTextCondition(name, start)))
            default: selections.append(.name(name))
            }
        } while try take(.comma)
        return selections
    }

    private mutating func parseUnwrap() throws(LogQLError) -> UnwrapStage {
        let start = token.source
        let name = try expectIdentifier()
        guard try take(.leftParen) else { return UnwrapStage(name) }
        guard let conversion = UnwrapStage.Conversion(rawValue: name.lowercased()) else {
            let known = UnwrapStage.Conversion.allCases.map(\.rawValue)
            throw error(
                "unknown conversion \(quoted(name))", start,
                hint: Suggestion.nearest(name, in: known).map { "did you mean \($0)?" }
                    ?? "there are " + known.joined(separator: ", "))
        }
        let label = try expectIdentifier()
        try expect(.rightParen)
        return UnwrapStage(label, conversion: conversion)
    }
}
