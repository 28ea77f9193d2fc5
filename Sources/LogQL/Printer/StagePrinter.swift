import Bedrock
import Kernels
import Model

extension PipelineStage: CustomStringConvertible {
    public var description: String {
        switch self {
        case .lineFilter(let stage): stage.description
        case .json(let extractions): "| json" + Self.printed(extractions)
        case .logfmt(let stage):
            "| logfmt" + (stage.isStrict ? " --strict" : "") + (stage.keepsEmpty ? " --keep-empty" : "")
                + Self.printed(stage.extractions)
        case .regexp(let text): "| regexp " + quoted(text)
        case .pattern(let text): "| pattern " + quoted(text)
        case .unpack: "| unpack"
        case .labelFilter(let filter): "| " + (filter.beginsLikeStage ? "(\(filter))" : filter.description)
        case .lineFormat(let text): "| line_format " + quoted(text)
        case .labelFormat(let formats): "| label_format " + formats.map(\.description).joined(separator: ", ")
        case .decolorize: "| decolorize"
        case .drop(let selections): "| drop " + selections.map(\.description).joined(separator: ", ")
        case .keep(let selections): "| keep " + selections.map(\.description).joined(separator: ", ")
        case .unwrap(let stage):
            "| unwrap " + (stage.conversion.map { $0.rawValue + "(" + stage.label + ")" } ?? stage.label)
        }
    }

    private static func printed(_ extractions: [LabelExtraction]) -> String {
        extractions.isEmpty ? "" : " " + extractions.map(\.description).joined(separator: ", ")
    }
}

extension LabelExtraction: CustomStringConvertible {
    public var description: String { label == expression ? label : label + "=" + quoted(expression) }
}

extension LabelFormat: CustomStringConvertible {
    public var description: String {
        switch self {
        case .rename(let target, let source): target + "=" + source
        case .template(let target, let text): target + "=" + quoted(text)
        }
    }
}

extension LabelSelection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .name(let name): name
        case .matcher(let matcher): matcher.description
        }
    }
}

extension LineFilterStage: CustomStringConvertible {
    public var description: String {
        let symbol: String =
            switch alternatives.first {
            case .regex: isNegated ? "!~" : "|~"
            case .pattern: isNegated ? "!>" : "|>"
            default: isNegated ? "!=" : "|="
            }
        return symbol + " " + alternatives.map(\.description).joined(separator: " or ")
    }
}

extension LineFilterStage.Operand: CustomStringConvertible {
    public var description: String {
        switch self {
        case .literal(let bytes): quotedBytes(bytes)
        case .ip(let pattern): "ip(" + quoted(pattern) + ")"
        case .regex(let text), .pattern(let text): quoted(text)
        }
    }
}

extension LabelFilter: CustomStringConvertible {
    public var description: String {
        switch self {
        case .text(let matcher): matcher.description
        case .number(let name, let comparison, let value):
            name + " " + comparison.text + " " + NumberText.text(value, .general)
        case .duration(let name, let comparison, let value):
            name + " " + comparison.text + " " + Literals.text(nanoseconds: value)
        case .bytes(let name, let comparison, let value):
            name + " " + comparison.text + " " + Literals.text(bytes: value)
        case .ip(let name, let isNegated, let pattern): name + (isNegated ? "!=" : "=") + "ip(" + quoted(pattern) + ")"
        case .and(let a, let b): a.operand(of: self, isRight: false) + " and " + b.operand(of: self, isRight: true)
        case .or(let a, let b): a.operand(of: self, isRight: false) + " or " + b.operand(of: self, isRight: true)
        }
    }

    /// Whether the first label is called like a stage, so that `!=` behind it would be read as a line filter.
    fileprivate var beginsLikeStage: Bool {
        switch self {
        case .text(let matcher): LogQLWords.stages.contains(matcher.name.lowercased())
        case .number(let name, _, _), .duration(let name, _, _), .bytes(let name, _, _), .ip(let name, _, _):
            LogQLWords.stages.contains(name.lowercased())
        case .and(.or, _): false
        case .and(let first, _), .or(let first, _): first.beginsLikeStage
        }
    }

    /// In parentheses where it would be read otherwise.
    private func operand(of parent: LabelFilter, isRight: Bool) -> String {
        switch (parent, self) {
        case (.and, .or): "(" + description + ")"
        case (.and, .and) where isRight, (.or, .or) where isRight: "(" + description + ")"
        default: description
        }
    }
}

extension ArithmeticKernels.Comparison {
    /// As queries write it.
    var text: String {
        switch self {
        case .equal: "=="
        case .notEqual: "!="
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }
}

/// In double quotes, bytes that are no UTF-8 as `\x..`.
private func quotedBytes(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return quoted(text) }
    var rest = bytes[...]
    var out = "\""
    while let byte = rest.first {
        let length = (1...4).first { String(validating: rest.prefix($0), as: UTF8.self) != nil }
        if let length {
            out += quoted(String(decoding: rest.prefix(length), as: UTF8.self)).dropFirst().dropLast()
        } else {
            out += "\\x" + String(byte, radix: 16)
        }
        rest = rest.dropFirst(length ?? 1)
    }
    return out + "\""
}
