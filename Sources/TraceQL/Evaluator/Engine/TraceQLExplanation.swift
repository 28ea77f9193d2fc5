import Model

/// How a query would be answered, for people: what goes down to the store and what is left to do.
public struct TraceQLExplanation: Sendable, CustomStringConvertible {
    /// One step a line.
    public var lines: [String] = []

    public var description: String { lines.joined(separator: "\n") }
}

extension TraceQLEngine {
    /// Tells how `query` would be answered, without reading anything.
    /// - Throws: `TraceQLQueryError` for what can't be answered.
    public func explain(_ query: TraceQLQuery) throws(TraceQLQueryError) -> TraceQLExplanation {
        var explanation = TraceQLExplanation()
        switch query.expression {
        case .spans(let pipeline):
            let plan = try SpansetPlan(pipeline)
            explanation.add("search" + (query.hint("most_recent") == .bool(true) ? ", every part of the range" : ""), 0)
            explanation.add(plan, level: 1, countsSpans: false)
        case .metrics(let metrics): try explanation.add(metrics, level: 0)
        }
        return explanation
    }
}

extension TraceQLExplanation {
    fileprivate mutating func add(_ text: String, _ level: Int) {
        lines.append(String(repeating: "  ", count: level) + text)
    }

    fileprivate mutating func add(_ expr: MetricsExpr, level: Int) throws(TraceQLQueryError) {
        switch expr {
        case .number(let number): add("number \(MetricsExpr.number(number))", level)
        case .binary(let op, let a, let b):
            add("arithmetic \(op.rawValue)", level)
            try add(a, level: level + 1)
            try add(b, level: level + 1)
        case .filter(let operand, let comparison, let value):
            add("keep samples \(comparison.text) \(expr.filterText(value))", level)
            try add(operand, level: level + 1)
        case .rank(let operand, let isTop, let count):
            add((isTop ? "topk " : "bottomk ") + "\(count), at each time", level)
            try add(operand, level: level + 1)
        case .query(let query):
            let plan = try SpansetPlan(query.pipeline)
            add(query.call, level)
            add(plan, level: level + 1, countsSpans: true)
        }
    }

    fileprivate mutating func add(_ plan: SpansetPlan, level: Int, countsSpans: Bool) {
        let grouping =
            countsSpans && plan.singleHead != nil
            ? "single spans" : plan.needsStructure ? "whole traces of matching spans" : "matching spans by trace"
        add("read \(grouping)", level)
        for filter in plan.filters { add("store filter: \(describe(filter))", level + 1) }
        if !plan.computed.isEmpty {
            add("columns: " + plan.computed.map(\.text).joined(separator: ", "), level + 1)
        }
        for stage in plan.stages { if let text = describe(stage) { add(text, level) } }
    }

    private func describe(_ stage: SpansetPlan.Stage) -> String? {
        switch stage {
        case .expr(.head(_, rest: nil)): nil
        case .expr(let expr): "find " + describe(expr)
        case .scalar(let filter): "keep sets with " + SpansetStage.scalarFilter(filter).description
        case .by(_, let name): "split " + name
        case .coalesce: "coalesce"
        }
    }

    private func describe(_ expr: SpansetPlan.Expr) -> String {
        switch expr {
        case .head(let index, rest: nil): return "filter \(index + 1)"
        case .head(let index, let rest?): return "filter \(index + 1) with \(SpansetExpr.filter(rest))"
        case .local(let condition): return SpansetExpr.filter(condition).description
        case .binary(let op, let a, let b): return "(\(describe(a)) \(op.text) \(describe(b)))"
        case .pipeline(let stages): return "(" + stages.compactMap { describe($0) }.joined(separator: ", ") + ")"
        }
    }

    private func describe(_ filter: SpanFilter) -> String {
        switch filter {
        case .everything: return "everything"
        case .nothing: return "nothing"
        case .all(let parts): return "all(" + parts.map { describe($0) }.joined(separator: ", ") + ")"
        case .any(let parts): return "any(" + parts.map { describe($0) }.joined(separator: ", ") + ")"
        case .not(let part): return "not(" + describe(part) + ")"
        case .condition(let condition):
            let field = condition.field.text
            switch condition.test {
            case .compare(let op, let value): return field + " " + op.text + " " + literalText(value)
            case .matches(let regex, let isNegated):
                return field + (isNegated ? " !~ " : " =~ ") + quoted(regex.pattern)
            case .isTrue: return field
            case .isNil: return field + " = nil"
            case .isNotNil: return field + " != nil"
            }
        }
    }
}
