import Bedrock
import Model

extension Expr: CustomStringConvertible {
    /// The canonical form on one line; parsing it gives an expression of the same meaning.
    public var description: String { printed(children: children.map(\.description)) }

    /// This node around the texts of its `children`.
    func printed(children texts: [String]) -> String {
        switch self {
        case .number(let node): node.printed
        case .string(let node): node.printed
        case .vectorSelector(let node): node.printed
        case .matrixSelector(let node): node.printed
        case .subquery(let node): texts[0] + node.printedSuffix
        case .call(let node): node.function.name + "(" + texts.joined(separator: ", ") + ")"
        case .aggregate(let node): node.printedOperator + "(" + texts.joined(separator: ", ") + ")"
        case .binary(let node): node.printedBase(texts[0]) + " " + node.printedOperator + " " + texts[1]
        case .unary(let node): node.printedSign + texts[0]
        case .paren: "(" + texts[0] + ")"
        }
    }
}

extension NumberLiteral {
    var printed: String {
        guard isDuration, let milliseconds = DurationExpr.milliseconds(seconds: value),
            Double(milliseconds) / 1000 == value
        else { return NumberText.text(value, .general) }
        return PrometheusDuration.format(milliseconds: milliseconds)
    }
}

extension VectorSelector {
    /// Name and matchers; the matchers are sorted by their text.
    fileprivate var printedCore: String {
        let shown = matchers.filter { !($0.name == Labels.metricName && $0.operation == .equal && $0.value == name) }
        let texts = shown.map(\.description).sorted(by: utf8Precedes)
        if texts.isEmpty, let name { return name }
        return (name ?? "") + "{" + texts.joined(separator: ",") + "}"
    }

    fileprivate var printedModifiers: String { (extended.map { " " + $0.rawValue } ?? "") + modifiers.printed }

    var printed: String { printedCore + printedModifiers }
}

extension MatrixSelector {
    var printed: String { selector.printedCore + "[" + range.printed + "]" + selector.printedModifiers }
}

extension Subquery {
    /// Range, step and modifiers.
    var printedSuffix: String { "[" + range.printed + ":" + (step?.printed ?? "") + "]" + modifiers.printed }
}

extension TimeModifiers {
    fileprivate var printed: String {
        var out = ""
        switch pin {
        case .at(let milliseconds): out += " @ " + Self.seconds(milliseconds)
        case .start: out += " @ start()"
        case .end: out += " @ end()"
        case nil: break
        }
        if offset != .fixed(0) { out += " offset " + offset.printed }
        return out
    }

    /// Seconds with three decimals.
    private static func seconds(_ milliseconds: Int64) -> String {
        let fraction = String(milliseconds.magnitude % 1000)
        let padding = String(repeating: "0", count: 3 - fraction.utf8.count)
        return "\(milliseconds < 0 ? "-" : "")\(milliseconds.magnitude / 1000).\(padding)\(fraction)"
    }
}

extension Aggregate {
    /// The operator with its grouping, and a space behind that.
    var printedOperator: String {
        if !without && grouping.isEmpty { return op.rawValue }
        return "\(op.rawValue) \(without ? "without" : "by") (\(printedLabels(grouping))) "
    }
}

extension Binary {
    /// The left side. A plus sign in front of a power would read as one of the whole power.
    fileprivate func printedBase(_ text: String) -> String { op == .power && text == "+Inf" ? "Inf" : text }

    /// The operator with its modifiers.
    var printedOperator: String {
        op.rawValue + (returnsBool ? " bool" : "") + (matching?.printed ?? "")
    }
}

extension VectorMatching {
    fileprivate var printed: String {
        var out = ""
        let isGrouped = cardinality == .manyToOne || cardinality == .oneToMany
        if isOn || !labels.isEmpty || isGrouped { out += (isOn ? " on" : " ignoring") + " (\(printedLabels(labels)))" }
        if isGrouped {
            out += (cardinality == .manyToOne ? " group_left" : " group_right") + " (\(printedLabels(include)))"
        }
        if let fillLeft, let fillRight, fillLeft.bitPattern == fillRight.bitPattern {
            return out + " fill (\(NumberText.text(fillLeft, .general)))"
        }
        if let fillLeft { out += " fill_left (\(NumberText.text(fillLeft, .general)))" }
        if let fillRight { out += " fill_right (\(NumberText.text(fillRight, .general)))" }
        return out
    }
}

extension Unary {
    var printedSign: String { isNegation ? "-" : "+" }
}

/// Label names separated by commas, quoted where they are no plain names.
private func printedLabels(_ labels: [String]) -> String {
    labels.map { isLegacyLabelName($0) ? $0 : quoted($0) }.joined(separator: ", ")
}

extension DurationValue {
    var printed: String {
        switch self {
        case .fixed(let milliseconds): PrometheusDuration.format(milliseconds: milliseconds)
        case .computed(let expr): expr.printed
        }
    }
}

extension DurationExpr {
    fileprivate var printed: String {
        switch self {
        case .number(let number): number.printed
        case .call(let function, let arguments, _):
            function.rawValue + "(" + arguments.map(\.printed).joined(separator: ", ") + ")"
        case .unary(let isNegation, let operand, _): (isNegation ? "-" : "+") + operand.printed
        case .binary(let op, let lhs, let rhs, _): "\(lhs.printed) \(op.rawValue) \(rhs.printed)"
        case .paren(let inner, _): "(\(inner.printed))"
        }
    }
}
