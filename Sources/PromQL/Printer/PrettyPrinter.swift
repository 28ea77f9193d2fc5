extension Expr {
    /// The form for people: what fits into `lineMax` characters stays on one line, longer expressions are broken at operators,
    /// parentheses and arguments, each level indented by two spaces. Selectors are never broken.
    public func pretty(lineMax: Int = 100) -> String { Layout(self, lineMax: lineMax).text(level: 0) }
}

/// An expression laid out: on one line where that is short enough, else in parts. Made from the leaves up, so that every node is
/// printed once.
private indirect enum Layout {
    case line(String)
    case broken(Expr, [Layout])

    init(_ expr: Expr, lineMax: Int) {
        let parts = expr.children.map { Layout($0, lineMax: lineMax) }
        var lines: [String] = []
        for case .line(let line) in parts { lines.append(line) }
        if lines.count == parts.count {
            let line = expr.printed(children: lines)
            if parts.isEmpty || line.utf8.count <= lineMax {
                self = .line(line)
                return
            }
        }
        self = .broken(expr, parts)
    }

    func text(level: Int) -> String {
        let indent = String(repeating: " ", count: 2 * level)
        switch self {
        case .line(let line): return indent + line
        case .broken(let expr, let parts):
            switch expr {
            // Leaves are always lines.
            case .number, .string, .vectorSelector, .matrixSelector: return indent + expr.description
            case .subquery(let node): return parts[0].text(level: level) + node.printedSuffix
            case .call(let node): return indent + node.function.name + enclosed(parts, level)
            case .aggregate(let node): return indent + node.printedOperator + enclosed(parts, level)
            case .binary(let node):
                let sides = parts.map { $0.text(level: level + 1) }
                return sides[0] + "\n" + indent + node.printedOperator + "\n" + sides[1]
            case .unary(let node): return indent + node.printedSign + parts[0].text(level: level).drop { $0 == " " }
            case .paren: return indent + enclosed(parts, level)
            }
        }
    }

    private func enclosed(_ parts: [Layout], _ level: Int) -> String {
        let inner = parts.map { $0.text(level: level + 1) }.joined(separator: ",\n")
        return "(\n" + inner + "\n" + String(repeating: " ", count: 2 * level) + ")"
    }
}
