extension Expr {
    /// The form for people: what fits into `lineMax` characters stays on one line, longer expressions are broken at operators,
    /// parentheses and arguments, each level indented by two spaces. Selectors are never broken.
    public func pretty(lineMax: Int = 100) -> String { PrettyPrinter(lineMax: lineMax).print(self, level: 0) }
}

private struct PrettyPrinter {
    let lineMax: Int

    func print(_ expr: Expr, level: Int) -> String {
        let indent = String(repeating: " ", count: 2 * level)
        let line = expr.description
        if line.utf8.count <= lineMax { return indent + line }
        switch expr {
        case .number, .string, .vectorSelector, .matrixSelector: return indent + line
        case .subquery(let node): return print(node.inner, level: level) + node.printedSuffix
        case .call(let node):
            if node.arguments.isEmpty { return indent + line }
            return indent + node.function.name + "(\n" + print(node.arguments, level: level + 1) + "\n" + indent + ")"
        case .aggregate(let node):
            let arguments = node.parameter.map { [$0, node.operand] } ?? [node.operand]
            return indent + node.printedOperator + "(\n" + print(arguments, level: level + 1) + "\n" + indent + ")"
        case .binary(let node):
            let sides = (print(node.lhs, level: level + 1), print(node.rhs, level: level + 1))
            return sides.0 + "\n" + indent + node.printedOperator + "\n" + sides.1
        case .unary(let node):
            return indent + node.printedSign + print(node.operand, level: level).drop { $0 == " " }
        case .paren(let node):
            return indent + "(\n" + print(node.inner, level: level + 1) + "\n" + indent + ")"
        }
    }

    private func print(_ arguments: [Expr], level: Int) -> String {
        arguments.map { print($0, level: level) }.joined(separator: ",\n")
    }
}
