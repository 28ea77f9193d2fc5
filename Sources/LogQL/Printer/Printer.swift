import Bedrock
import Kernels
import Model

extension LogQLExpr: CustomStringConvertible {
    /// The canonical form on one line; parsing it gives an equal tree.
    public var description: String {
        switch self {
        case .log(let query): query.description
        case .metric(let metric): metric.description
        }
    }
}

extension LogQuery: CustomStringConvertible {
    public var description: String { ([selector] + stages.map(\.description)).joined(separator: " ") }

    /// The matchers in braces.
    var selector: String { "{" + matchers.map(\.description).joined(separator: ", ") + "}" }
}

extension MetricExpr: CustomStringConvertible {
    public var description: String {
        switch self {
        case .literal(let number): number.description
        case .constant(let number): "vector(" + number.description + ")"
        case .range(let node): node.head + node.operand + node.tail
        case .vector(let node): node.head + "(" + node.parameterText + node.operand.description + ")"
        case .labelReplace(let node): "label_replace(" + node.operand.description + ", " + node.texts + ")"
        case .binary(let node):
            node.printedLeft(node.lhs.description) + " " + node.printedOperator + " "
                + node.printedRight(node.rhs.description)
        }
    }
}

extension MetricNumber: CustomStringConvertible {
    public var description: String { NumberText.text(value, .general) }
}

extension MetricGrouping: CustomStringConvertible {
    public var description: String { (without ? "without (" : "by (") + labels.joined(separator: ", ") + ")" }
}

extension RangeAggregation {
    /// Up to the operand.
    var head: String { operation.rawValue + "(" + (parameter.map { $0.description + ", " } ?? "") }
    /// The query with its window.
    var operand: String { query.description + window }
    var window: String {
        let text = "[" + Literals.text(nanoseconds: range) + "]"
        return (query.stages.isEmpty ? "" : " ") + text
            + (offset == 0 ? "" : " offset " + Literals.text(nanoseconds: offset))
    }
    var tail: String { ")" + (grouping.map { " " + $0.description } ?? "") }
}

extension VectorAggregation {
    var head: String { operation.rawValue + (grouping.map { " " + $0.description + " " } ?? "") }
    var parameterText: String { parameter.map { String($0) + ", " } ?? "" }
}

extension LabelReplaceCall {
    var texts: String { [target, replacement, source, regex].map(quoted).joined(separator: ", ") }
}

extension MetricBinary {
    /// The operator with its modifiers.
    var printedOperator: String {
        var out = op.rawValue + (returnsBool ? " bool" : "")
        let isGrouped = matching.cardinality == .manyToOne || matching.cardinality == .oneToMany
        if matching.isOn || !matching.labels.isEmpty || isGrouped {
            out += (matching.isOn ? " on (" : " ignoring (") + matching.labels.joined(separator: ", ") + ")"
        }
        if isGrouped {
            out += matching.cardinality == .manyToOne ? " group_left (" : " group_right ("
            out += matching.include.joined(separator: ", ") + ")"
        }
        return out
    }

    /// Whether a side needs parentheses: it binds weaker, or as strong on the side where it would be read otherwise.
    func needsParens(_ side: MetricExpr, isRight: Bool) -> Bool {
        guard case .binary(let inner) = side else { return false }
        if inner.op.precedence != op.precedence { return inner.op.precedence < op.precedence }
        return op.isRightAssociative != isRight
    }

    func printedLeft(_ text: String) -> String { needsParens(lhs, isRight: false) ? "(" + text + ")" : text }
    func printedRight(_ text: String) -> String { needsParens(rhs, isRight: true) ? "(" + text + ")" : text }
}
