import Bedrock
import Model

extension MetricsExpr: CustomStringConvertible {
    public var description: String {
        switch self {
        case .query(let query): query.description
        case .number(let number): NumberText.text(number, .general)
        case .binary(let op, let a, let b):
            printed(a, of: op, isRight: false) + " " + op.rawValue + " " + printed(b, of: op, isRight: true)
        case .filter(let operand, let comparison, let value):
            operand.filterOperand + " " + comparison.text + " " + filterText(value)
        case .rank(let operand, let isTop, let count):
            operand.description + " | " + (isTop ? "topk(" : "bottomk(") + String(count) + ")"
        }
    }

    private func printed(_ side: MetricsExpr, of op: ArithmeticOperator, isRight: Bool) -> String {
        isBare(side, of: op, isRight: isRight) ? side.description : "(" + side.description + ")"
    }

    func isBare(_ side: MetricsExpr, of op: ArithmeticOperator, isRight: Bool) -> Bool {
        switch side {
        case .number: true
        case .binary(let inner, _, _): !op.wantsParens(around: inner, isRight: isRight)
        default: false
        }
    }

    /// A condition on a condition needs parentheses.
    var filterOperand: String {
        if case .filter = self { return "(" + description + ")" }
        return description
    }

    func filterText(_ value: SpanValue) -> String {
        if case .float(let number) = value { return NumberText.text(number, .general) }
        return literalText(value)
    }
}

extension MetricsQuery: CustomStringConvertible {
    public var description: String { pipeline.description + " | " + call }

    /// The function with its groups.
    var call: String {
        let groups = by.isEmpty ? "" : " by (" + by.map(\.text).joined(separator: ", ") + ")"
        return function.name + "(" + function.arguments + ")" + groups
    }
}

extension MetricsFunction {
    fileprivate var arguments: String {
        switch self {
        case .rate, .count: return ""
        case .min(let field), .max(let field), .avg(let field), .sum(let field), .histogram(let field):
            return field.text
        case .quantile(let field, let quantiles):
            return ([field.text] + quantiles.map { NumberText.text($0, .general) }).joined(separator: ", ")
        case .compare(let comparison):
            var parts = [SpansetExpr.filter(comparison.selection).description]
            if let top = comparison.top { parts.append(String(top)) }
            if let window = comparison.window { parts += [String(window.start), String(window.end)] }
            return parts.joined(separator: ", ")
        }
    }
}
