import Bedrock

/// The functions of the language itself, which every template may call.
enum TemplateBuiltins {
    static let table = TemplateFunctions([
        // The runner evaluates these two by itself, as they stop early.
        TemplateFunction("and", 0...TemplateFunction.many) { call in call.arguments.last ?? .none },
        TemplateFunction("or", 0...TemplateFunction.many) { call in call.arguments.last ?? .none },
        TemplateFunction("not", 1) { call in .bool(!call[0].isTrue) },
        TemplateFunction("len", 1) { call throws(TemplateFailure) in .integer(Int64(try length(call[0]))) },
        TemplateFunction("index", 1...TemplateFunction.many, index),
        TemplateFunction("slice", 1...3, slice),
        TemplateFunction("print", 0...TemplateFunction.many) { call throws(TemplateFailure) in
            try print(call, spaced: false)
        },
        TemplateFunction("println", 0...TemplateFunction.many) { call throws(TemplateFailure) in
            try print(call, spaced: true)
        },
        TemplateFunction("printf", 1...TemplateFunction.many) { call throws(TemplateFailure) in
            let format = try call.text(0)
            return try call.make { out throws(TemplateFailure) in try GoFormat.append(format, call, &out) }
        },
        TemplateFunction("html", 1...TemplateFunction.many) { call throws(TemplateFailure) in try escape(call, html) },
        TemplateFunction("js", 1...TemplateFunction.many) { call throws(TemplateFailure) in try escape(call, script) },
        TemplateFunction("urlquery", 1...TemplateFunction.many) { call throws(TemplateFailure) in
            let joined = try print(call, spaced: false)
            guard case .text(let text) = joined else { return joined }
            return try call.make { URLText.encode(text, &$0) }
        },
        TemplateFunction("eq", 2...TemplateFunction.many) { call throws(TemplateFailure) in
            for i in 1..<call.count where try TemplateComparison.areEqual(call[0], call[i]) { return .bool(true) }
            return .bool(false)
        },
        TemplateFunction("ne", 2) { call throws(TemplateFailure) in
            .bool(try !TemplateComparison.areEqual(call[0], call[1]))
        },
        TemplateFunction("lt", 2) { call throws(TemplateFailure) in .bool(try TemplateComparison.order(call) < 0) },
        TemplateFunction("le", 2) { call throws(TemplateFailure) in .bool(try TemplateComparison.order(call) <= 0) },
        TemplateFunction("gt", 2) { call throws(TemplateFailure) in .bool(try TemplateComparison.order(call) > 0) },
        TemplateFunction("ge", 2) { call throws(TemplateFailure) in .bool(try TemplateComparison.order(call) >= 0) },
    ])

    private static func length(_ value: TemplateValue) throws(TemplateFailure) -> Int {
        switch value {
        case .text(let text): return text.count
        case .list(let values): return values.count
        case .map(let map): return map.count
        default: throw TemplateFailure("len of type \(value.typeName)")
        }
    }

    @Sendable
    private static func index(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        var value = call[0]
        for i in 1..<max(call.count, 1) {
            switch value {
            case .map(let map): value = map.value(try call.text(i))
            case .list(let values):
                let at = try call.integer(i)
                guard values.indices.contains(at) else { throw TemplateFailure("index out of range: \(at)") }
                value = values[at]
            case .text(let text):
                let at = try call.integer(i)
                guard text.indices.contains(at) else { throw TemplateFailure("index out of range: \(at)") }
                value = .integer(Int64(text[at]))
            case .none: throw TemplateFailure("index of untyped nil")
            default: throw TemplateFailure("can't index item of type \(value.typeName)")
            }
        }
        return value
    }

    @Sendable
    private static func slice(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let count = try length(call[0])
        let start = call.count > 1 ? try call.integer(1) : 0
        let end = call.count > 2 ? try call.integer(2) : count
        guard start >= 0, start <= end, end <= count else {
            throw TemplateFailure("slice index out of range: \(start):\(end) of \(count)")
        }
        switch call[0] {
        case .text(let text): return .text(UnsafeRawBufferPointer(rebasing: text[start..<end]))
        case .list(let values): return .list(Array(values[start..<end]))
        default: throw TemplateFailure("can't slice item of type \(call[0].typeName)")
        }
    }

    /// Go's `Sprint` puts blanks between neighbours that are both no text, `Sprintln` between all.
    private static func print(_ call: TemplateCall, spaced: Bool) throws(TemplateFailure) -> TemplateValue {
        try call.make { out in
            var lastWasText = true
            for (i, value) in call.arguments.enumerated() {
                var isText = false
                if case .text = value { isText = true }
                if i > 0, spaced || (!isText && !lastWasText) { out.append(UInt8(ascii: " ")) }
                if case .none = value {
                    out.append(utf8: "<nil>" as StaticString)
                } else {
                    TemplatePrinter.write(value, &out)
                }
                lastWasText = isText
            }
            if spaced { out.append(UInt8(ascii: "\n")) }
        }
    }

    private static func escape(
        _ call: TemplateCall, _ body: (UInt8, inout ByteBuffer) -> Void
    ) throws(TemplateFailure) -> TemplateValue {
        let joined = try print(call, spaced: false)
        guard case .text(let text) = joined else { return joined }
        return try call.make { out in for byte in text { body(byte, &out) } }
    }

    private static func html(_ byte: UInt8, _ out: inout ByteBuffer) {
        switch byte {
        case UInt8(ascii: "\""): out.append(utf8: "&#34;" as StaticString)
        case UInt8(ascii: "'"): out.append(utf8: "&#39;" as StaticString)
        case UInt8(ascii: "&"): out.append(utf8: "&amp;" as StaticString)
        case UInt8(ascii: "<"): out.append(utf8: "&lt;" as StaticString)
        case UInt8(ascii: ">"): out.append(utf8: "&gt;" as StaticString)
        case 0: out.append(utf8: "\u{FFFD}" as StaticString)
        default: out.append(byte)
        }
    }

    private static func script(_ byte: UInt8, _ out: inout ByteBuffer) {
        switch byte {
        case UInt8(ascii: "\\"): out.append(utf8: "\\\\" as StaticString)
        case UInt8(ascii: "'"): out.append(utf8: "\\'" as StaticString)
        case UInt8(ascii: "\""): out.append(utf8: "\\\"" as StaticString)
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "="), 0..<32:
            let digits: StaticString = "0123456789ABCDEF"
            out.append(utf8: "\\u00" as StaticString)
            out.append(digits.utf8Start[Int(byte >> 4)])
            out.append(digits.utf8Start[Int(byte & 15)])
        default: out.append(byte)
        }
    }
}

/// `eq`, `lt` and the like.
enum TemplateComparison {
    static func areEqual(_ a: TemplateValue, _ b: TemplateValue) throws(TemplateFailure) -> Bool {
        switch (a, b) {
        case (.none, .none): return true
        case (.none, _), (_, .none): return false
        case (.bool(let x), .bool(let y)): return x == y
        default: return try order(a, b) == 0
        }
    }

    static func order(_ call: TemplateCall) throws(TemplateFailure) -> Int { try order(call[0], call[1]) }

    /// Negative, zero or positive. Whole numbers and others compare by value, which Go refuses.
    private static func order(_ a: TemplateValue, _ b: TemplateValue) throws(TemplateFailure) -> Int {
        switch (a, b) {
        case (.text(let x), .text(let y)):
            for i in 0..<min(x.count, y.count) where x[i] != y[i] { return Int(x[i]) - Int(y[i]) }
            return x.count - y.count
        case (.integer(let x), .integer(let y)), (.duration(let x), .duration(let y)):
            return x < y ? -1 : x > y ? 1 : 0
        case (.integer(let x), .number(let y)): return compare(Double(x), y)
        case (.number(let x), .integer(let y)): return compare(x, Double(y))
        case (.number(let x), .number(let y)): return compare(x, y)
        case (.time(let x), .time(let y)):
            let difference = x.since(y)
            return difference < 0 ? -1 : difference > 0 ? 1 : 0
        default:
            throw TemplateFailure(
                "incompatible types for comparison: \(a.typeName) and \(b.typeName); convert with int or float64")
        }
    }

    private static func compare(_ x: Double, _ y: Double) -> Int { x < y ? -1 : x == y ? 0 : 1 }
}
