extension LogQLExpr {
    /// The form for people: what fits into `lineMax` characters stays on one line; longer queries have a stage a line, and operators and
    /// arguments are broken, each level indented by two spaces.
    public func pretty(lineMax: Int = 100) -> String {
        switch self {
        case .log(let query): query.pretty(level: 0, lineMax: lineMax)
        case .metric(let metric): metric.pretty(level: 0, lineMax: lineMax)
        }
    }
}

private func indent(_ level: Int) -> String { String(repeating: " ", count: 2 * level) }

extension LogQuery {
    fileprivate func pretty(level: Int, lineMax: Int) -> String {
        let line = indent(level) + description
        if line.utf8.count <= lineMax || stages.isEmpty { return line }
        return indent(level) + selector + stages.map { "\n" + indent(level + 1) + $0.description }.joined()
    }
}

extension MetricExpr {
    fileprivate func pretty(level: Int, lineMax: Int) -> String {
        let line = description
        // A long text needs no exact look: it doesn't fit at any level.
        if line.utf8.count + 2 * level <= lineMax { return indent(level) + line }
        let start = indent(level)
        switch self {
        case .literal, .constant: return start + line
        case .range(let node):
            let query = node.query.pretty(level: level + 1, lineMax: lineMax - node.window.utf8.count)
            return start + node.head + "\n" + query + node.window + "\n" + start + node.tail
        case .vector(let node):
            let operand = node.operand.pretty(level: level + 1, lineMax: lineMax)
            let parameter = node.parameterText.isEmpty ? "" : indent(level + 1) + node.parameterText.dropLast() + "\n"
            return start + node.head + "(\n" + parameter + operand + "\n" + start + ")"
        case .labelReplace(let node):
            let operand = node.operand.pretty(level: level + 1, lineMax: lineMax)
            return start + "label_replace(\n" + operand + ",\n" + indent(level + 1) + node.texts + "\n" + start + ")"
        case .binary(let node):
            let left = node.side(node.lhs, isRight: false, level: level, lineMax: lineMax)
            let right = node.side(node.rhs, isRight: true, level: level, lineMax: lineMax)
            return left + "\n" + start + node.printedOperator + "\n" + right
        }
    }
}

extension MetricBinary {
    fileprivate func side(_ side: MetricExpr, isRight: Bool, level: Int, lineMax: Int) -> String {
        guard needsParens(side, isRight: isRight) else { return side.pretty(level: level + 1, lineMax: lineMax) }
        let outer = indent(level + 1)
        return outer + "(\n" + side.pretty(level: level + 2, lineMax: lineMax) + "\n" + outer + ")"
    }
}
