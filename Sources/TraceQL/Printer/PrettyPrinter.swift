import Model

extension TraceQLQuery {
    /// The form for people: what fits into `lineMax` characters stays on one line; longer queries have a stage a line, and chains of conditions and
    /// operators are broken, each level indented by two spaces.
    public func pretty(lineMax: Int = 100) -> String {
        let line = description
        if line.utf8.count <= lineMax { return line }
        let hints = hintText.isEmpty ? "" : "\n" + hintText.dropFirst()
        switch expression {
        case .spans(let pipeline): return pipeline.pretty(level: 0, lineMax: lineMax) + hints
        case .metrics(let metrics): return metrics.pretty(level: 0, lineMax: lineMax) + hints
        }
    }
}

private func indent(_ level: Int) -> String { String(repeating: " ", count: 2 * level) }

extension SpansetPipeline {
    fileprivate func pretty(level: Int, lineMax: Int) -> String {
        stages.enumerated().map { index, stage in
            let text = stage.pretty(level: index == 0 ? level : level + 1, lineMax: lineMax)
            if index == 0 { return text }
            return indent(level + 1) + "| " + text.drop { $0 == " " }
        }.joined(separator: "\n")
    }
}

extension SpansetStage {
    fileprivate func pretty(level: Int, lineMax: Int) -> String {
        if case .spanset(let expr) = self { return expr.pretty(level: level, lineMax: lineMax) }
        return indent(level) + description
    }
}

extension SpansetExpr {
    fileprivate func pretty(level: Int, lineMax: Int) -> String {
        let line = description
        if line.utf8.count + 2 * level <= lineMax { return indent(level) + line }
        switch self {
        case .filter(nil): return indent(level) + line
        case .filter(let expr?):
            guard case .all(let operands) = expr else {
                guard case .any(let operands) = expr else { return indent(level) + line }
                return Self.braces(FieldExpr.lines(operands, " ||"), level)
            }
            return Self.braces(FieldExpr.lines(operands, " &&"), level)
        case .pipeline(let pipeline):
            return Self.parens(pipeline.pretty(level: level + 1, lineMax: lineMax), level)
        case .binary(let op, let a, let b):
            return side(a, isRight: false, level, lineMax) + "\n" + indent(level) + op.text + "\n"
                + side(b, isRight: true, level, lineMax)
        }
    }

    private func side(_ side: SpansetExpr, isRight: Bool, _ level: Int, _ lineMax: Int) -> String {
        guard needsParens(side, isRight: isRight) else { return side.pretty(level: level, lineMax: lineMax) }
        return Self.parens(side.pretty(level: level + 1, lineMax: lineMax), level)
    }

    private static func braces(_ lines: [String], _ level: Int) -> String {
        indent(level) + "{\n" + lines.map { indent(level + 1) + $0 + "\n" }.joined() + indent(level) + "}"
    }

    fileprivate static func parens(_ text: String, _ level: Int) -> String {
        indent(level) + "(\n" + text + "\n" + indent(level) + ")"
    }
}

extension FieldExpr {
    /// One operand a line, each but the last with the operator behind it.
    fileprivate static func lines(_ operands: [FieldExpr], _ separator: String) -> [String] {
        operands.enumerated().map { index, operand in
            var text = operand.description
            switch operand {
            case .all, .any: if index > 0 { text = "(" + text + ")" }
            default: break
            }
            return text + (index + 1 < operands.count ? separator : "")
        }
    }
}

extension MetricsExpr {
    fileprivate func pretty(level: Int, lineMax: Int) -> String {
        let line = description
        if line.utf8.count + 2 * level <= lineMax { return indent(level) + line }
        switch self {
        case .number: return indent(level) + line
        case .query(let query):
            return query.pipeline.pretty(level: level, lineMax: lineMax) + "\n" + indent(level + 1) + "| " + query.call
        case .binary(let op, let a, let b):
            return side(a, op, isRight: false, level, lineMax) + "\n" + indent(level) + op.rawValue + "\n"
                + side(b, op, isRight: true, level, lineMax)
        case .filter(let operand, let comparison, let value):
            var text = operand.pretty(level: level, lineMax: lineMax)
            if case .filter = operand {
                text = SpansetExpr.parens(operand.pretty(level: level + 1, lineMax: lineMax), level)
            }
            return text + " " + comparison.text + " " + filterText(value)
        case .rank(let operand, let isTop, let count):
            return operand.pretty(level: level, lineMax: lineMax) + "\n" + indent(level + 1)
                + (isTop ? "| topk(" : "| bottomk(") + String(count) + ")"
        }
    }

    private func side(
        _ side: MetricsExpr, _ op: ArithmeticOperator, isRight: Bool, _ level: Int, _ lineMax: Int
    ) -> String {
        if isBare(side, of: op, isRight: isRight) { return side.pretty(level: level, lineMax: lineMax) }
        return SpansetExpr.parens(side.pretty(level: level + 1, lineMax: lineMax), level)
    }
}
