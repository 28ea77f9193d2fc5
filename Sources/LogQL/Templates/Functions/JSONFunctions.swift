import Bedrock

/// `fromJson`.
enum JSONFunctions {
    static let all: [TemplateFunction] = [
        TemplateFunction("fromJson", 1) { call throws(TemplateFailure) in
            let text = try call.text(0)
            try call.context.charge(text.count)
            var reader = JSONReader(text, call.context.arena)
            return reader.document() ?? .none
        }
    ]
}

/// JSON as template values. What isn't JSON gives nothing.
private struct JSONReader {
    private var scanner: JSONScanner
    private let arena: ScratchArena
    private var depth = 0

    init(_ text: UnsafeRawBufferPointer, _ arena: ScratchArena) {
        scanner = JSONScanner(text)
        self.arena = arena
    }

    mutating func document() -> TemplateValue? {
        guard let value = value(), scanner.peek() == 0, scanner.at == scanner.bytes.count else { return nil }
        return value
    }

    private mutating func value() -> TemplateValue? {
        guard let kind = scanner.valueKind() else { return nil }
        switch kind {
        case .string:
            scanner.at += 1
            guard let token = scanner.string() else { return nil }
            return text(token).map { .text($0) }
        case .number: return word().flatMap { NumberText.parseFloat($0) }.map { .number($0) }
        case .bool:
            guard let text = word() else { return nil }
            return text.elementsEqual("true".utf8) ? .bool(true) : text.elementsEqual("false".utf8) ? .bool(false) : nil
        case .null: return word()?.elementsEqual("null".utf8) == true ? TemplateValue.none : nil
        case .array: return nested { $0.array() }
        case .object: return nested { $0.object() }
        }
    }

    /// A document may be nothing but a number, so the end of the text ends a word, too.
    private mutating func word() -> UnsafeRawBufferPointer? {
        let start = scanner.at
        while scanner.at < scanner.bytes.count {
            let c = scanner.bytes[scanner.at]
            if c == UInt8(ascii: ",") || c == UInt8(ascii: "}") || c == UInt8(ascii: "]") || c <= 32 { break }
            scanner.at += 1
        }
        return UnsafeRawBufferPointer(rebasing: scanner.bytes[start..<scanner.at])
    }

    private func text(_ token: JSONScanner.Token) -> UnsafeRawBufferPointer? {
        token.hasEscapes ? TextRepair.unescapeJSON(token.text, arena) : token.text
    }

    private mutating func nested(_ body: (inout JSONReader) -> TemplateValue?) -> TemplateValue? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateLimits.depthMax else { return nil }
        return body(&self)
    }

    private mutating func array() -> TemplateValue? {
        scanner.at += 1
        var values: [TemplateValue] = []
        if scanner.peek() == UInt8(ascii: "]") {
            scanner.at += 1
            return .list(values)
        }
        while true {
            guard let value = value() else { return nil }
            values.append(value)
            switch scanner.peek() {
            case UInt8(ascii: ","): scanner.at += 1
            case UInt8(ascii: "]"):
                scanner.at += 1
                return .list(values)
            default: return nil
            }
        }
    }

    private mutating func object() -> TemplateValue? {
        scanner.at += 1
        var members: [(key: UnsafeRawBufferPointer, value: TemplateValue)] = []
        var isFirst = true
        while let token = scanner.key(isFirst: isFirst) {
            isFirst = false
            guard let key = text(token), let value = value() else { return nil }
            members.append((key, value))
        }
        return scanner.damage == nil ? .map(TemplateMap(members)) : nil
    }
}
