import Bedrock

/// Functions on texts. Those of newer names take what they work on last, so that pipes read well; the old ones have Go's order.
enum TextFunctions {
    static let all: [TemplateFunction] = [
        mapped("lower", upper: false), mapped("upper", upper: true), mapped("ToLower", upper: false),
        mapped("ToUpper", upper: true),
        TemplateFunction("title", 1) { call throws(TemplateFailure) in try title(call) },
        TemplateFunction("trim", 1) { call throws(TemplateFailure) in .text(trimmed(try call.text(0), nil, .both)) },
        TemplateFunction("TrimSpace", 1) { call throws(TemplateFailure) in .text(trimmed(try call.text(0), nil, .both))
        },
        TemplateFunction("trimAll", 2) { call throws(TemplateFailure) in
            .text(trimmed(try call.text(1), try call.text(0), .both))
        },
        TemplateFunction("Trim", 2) { call throws(TemplateFailure) in
            .text(trimmed(try call.text(0), try call.text(1), .both))
        },
        TemplateFunction("TrimLeft", 2) { call throws(TemplateFailure) in
            .text(trimmed(try call.text(0), try call.text(1), .left))
        },
        TemplateFunction("TrimRight", 2) { call throws(TemplateFailure) in
            .text(trimmed(try call.text(0), try call.text(1), .right))
        },
        TemplateFunction("trimPrefix", 2) { call throws(TemplateFailure) in
            .text(withoutPrefix(try call.text(1), try call.text(0)))
        },
        TemplateFunction("TrimPrefix", 2) { call throws(TemplateFailure) in
            .text(withoutPrefix(try call.text(0), try call.text(1)))
        },
        TemplateFunction("trimSuffix", 2) { call throws(TemplateFailure) in
            .text(withoutSuffix(try call.text(1), try call.text(0)))
        },
        TemplateFunction("TrimSuffix", 2) { call throws(TemplateFailure) in
            .text(withoutSuffix(try call.text(0), try call.text(1)))
        },
        TemplateFunction("contains", 2) { call throws(TemplateFailure) in
            .bool(try call.text(1).firstOffset(of: call.text(0)) != nil)
        },
        TemplateFunction("hasPrefix", 2) { call throws(TemplateFailure) in
            .bool(try call.text(1).starts(with: call.text(0)))
        },
        TemplateFunction("hasSuffix", 2) { call throws(TemplateFailure) in
            .bool(endsWith(try call.text(1), try call.text(0)))
        },
        TemplateFunction("replace", 3) { call throws(TemplateFailure) in
            try replaced(call, try call.text(2), try call.text(0), try call.text(1), -1)
        },
        TemplateFunction("Replace", 4) { call throws(TemplateFailure) in
            try replaced(call, try call.text(0), try call.text(1), try call.text(2), try call.integer(3))
        },
        TemplateFunction("trunc", 2, truncated), TemplateFunction("substr", 3, part),
        TemplateFunction("repeat", 2, repeated), TemplateFunction("alignLeft", 2, alignedLeft),
        TemplateFunction("alignRight", 2, alignedRight),
        TemplateFunction("indent", 2) { call throws(TemplateFailure) in try indented(call, newline: false) },
        TemplateFunction("nindent", 2) { call throws(TemplateFailure) in try indented(call, newline: true) },
        TemplateFunction("b64enc", 1) { call throws(TemplateFailure) in
            let text = try call.text(0)
            return try call.make { Base64Text.encode(text, &$0) }
        },
        TemplateFunction("b64dec", 1) { call throws(TemplateFailure) in
            let text = try call.text(0)
            return try call.make { out throws(TemplateFailure) in try Base64Text.decode(text, &out) }
        },
        TemplateFunction("urlencode", 1) { call throws(TemplateFailure) in
            let text = try call.text(0)
            return try call.make { URLText.encode(text, &$0) }
        },
        TemplateFunction("urldecode", 1) { call throws(TemplateFailure) in
            let text = try call.text(0)
            return try call.make { out throws(TemplateFailure) in try URLText.decode(text, &out) }
        },
        TemplateFunction("default", 1...2) { call in call.count > 1 && call[1].isTrue ? call[1] : call[0] },
    ]

    private static func mapped(_ name: String, upper: Bool) -> TemplateFunction {
        TemplateFunction(name, 1) { call throws(TemplateFailure) in
            let text = try call.text(0)
            return try call.make { out in
                RuneText.forEach(text) { RuneText.append($0, $1, upper: upper, &out) }
            }
        }
    }

    /// The first letter of each word as a capital. Letters, digits, `_` and apostrophes make words.
    private static func title(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let text = try call.text(0)
        return try call.make { out in
            var inWord = false
            RuneText.forEach(text) { bytes, scalar in
                if inWord { out.append(bytes) } else { RuneText.append(bytes, scalar, upper: true, &out) }
                inWord =
                    scalar.map {
                        $0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_" || $0 == "'"
                    } ?? true
            }
        }
    }

    // MARK: Trimming

    private enum Side { case left, right, both }

    /// Without characters of `set` (blanks, when nil) at the sides.
    private static func trimmed(
        _ text: UnsafeRawBufferPointer, _ set: UnsafeRawBufferPointer?, _ side: Side
    ) -> UnsafeRawBufferPointer {
        func isCut(_ from: Int, _ to: Int) -> Bool {
            let character = UnsafeRawBufferPointer(rebasing: text[from..<to])
            guard let set else { return isBlank(character) }
            var i = 0
            while i < set.count {
                let length = max(UTF8Text.sequenceLength(set, at: i), 1)
                if equalBytes(UnsafeRawBufferPointer(rebasing: set[i..<i + length]), character) { return true }
                i += length
            }
            return false
        }
        var start = 0
        var end = text.count
        while side != .right, start < end {
            let next = start + max(UTF8Text.sequenceLength(text, at: start), 1)
            guard isCut(start, next) else { break }
            start = next
        }
        while side != .left, end > start {
            var previous = end - 1
            while previous > start, end - previous < 4, text[previous] & 0xC0 == 0x80 { previous -= 1 }
            if UTF8Text.sequenceLength(text, at: previous) != end - previous { previous = end - 1 }
            guard isCut(previous, end) else { break }
            end = previous
        }
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }

    private static func isBlank(_ character: UnsafeRawBufferPointer) -> Bool {
        if character.count == 1 { return LabelNameSanitizer.isBlank(character[0]) }
        return String(decoding: character, as: UTF8.self).unicodeScalars.allSatisfy { $0.properties.isWhitespace }
    }

    private static func withoutPrefix(
        _ text: UnsafeRawBufferPointer, _ prefix: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        text.starts(with: prefix) ? UnsafeRawBufferPointer(rebasing: text[prefix.count...]) : text
    }

    private static func withoutSuffix(
        _ text: UnsafeRawBufferPointer, _ suffix: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        endsWith(text, suffix) ? UnsafeRawBufferPointer(rebasing: text[..<(text.count - suffix.count)]) : text
    }

    private static func endsWith(_ text: UnsafeRawBufferPointer, _ suffix: UnsafeRawBufferPointer) -> Bool {
        text.count >= suffix.count
            && equalBytes(UnsafeRawBufferPointer(rebasing: text[(text.count - suffix.count)...]), suffix)
    }

    // MARK: Replacing and cutting

    /// The first `limit` occurrences, or all when it is negative. An empty `old` stands before each character and at the end.
    private static func replaced(
        _ call: TemplateCall, _ text: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer,
        _ new: UnsafeRawBufferPointer, _ limit: Int
    ) throws(TemplateFailure) -> TemplateValue {
        try call.make { out throws(TemplateFailure) in
            var left = limit < 0 ? Int.max : limit
            var at = 0
            if old.count == 0 {
                while left > 0 {
                    out.append(new)
                    left -= 1
                    guard at < text.count else { break }
                    let next = at + max(UTF8Text.sequenceLength(text, at: at), 1)
                    out.append(UnsafeRawBufferPointer(rebasing: text[at..<next]))
                    at = next
                    try checkLength(out.count)
                }
            }
            while left > 0, old.count > 0,
                let found = UnsafeRawBufferPointer(rebasing: text[at...]).firstOffset(of: old)
            {
                out.append(UnsafeRawBufferPointer(rebasing: text[at..<at + found]))
                out.append(new)
                at += found + old.count
                left -= 1
                try checkLength(out.count)
            }
            out.append(UnsafeRawBufferPointer(rebasing: text[at...]))
        }
    }

    private static func checkLength(_ count: Int) throws(TemplateFailure) {
        guard count <= TemplateLimits.outputBytesMax else {
            throw TemplateFailure("a text would have more than \(TemplateLimits.outputBytesMax) bytes")
        }
    }

    /// `trunc 5`: the first five characters, `trunc -5`: the last five.
    @Sendable
    private static func truncated(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let count = try call.integer(0)
        let text = try call.text(1)
        if count >= 0 { return .text(UnsafeRawBufferPointer(rebasing: text[..<RuneText.offset(text, count)])) }
        let all = RuneText.count(text)
        guard count.magnitude < UInt(all) else { return call[1] }
        return .text(UnsafeRawBufferPointer(rebasing: text[RuneText.offset(text, all + count)...]))
    }

    /// `substr start end`: a negative start is the beginning, a negative end the end.
    @Sendable
    private static func part(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let text = try call.text(2)
        let start = RuneText.offset(text, max(try call.integer(0), 0))
        let last = try call.integer(1)
        let end = last < 0 ? text.count : RuneText.offset(text, last)
        return .text(UnsafeRawBufferPointer(rebasing: text[min(start, end)..<end]))
    }

    @Sendable
    private static func repeated(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let count = try call.integer(0)
        let text = try call.text(1)
        guard count >= 0 else { throw TemplateFailure("negative repeat count") }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: text.count)
        guard !overflow else { throw TemplateFailure("repeated too often") }
        try checkLength(bytes)
        return try call.make { out in if bytes > 0 { for _ in 0..<count { out.append(text) } } }
    }

    /// The first characters, or blanks behind them.
    @Sendable
    private static func alignedLeft(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let (width, text, count) = try alignment(call)
        if count >= width { return .text(UnsafeRawBufferPointer(rebasing: text[..<RuneText.offset(text, width)])) }
        return try call.make { out in
            out.append(text)
            for _ in count..<width { out.append(UInt8(ascii: " ")) }
        }
    }

    /// The last characters, or blanks before them.
    @Sendable
    private static func alignedRight(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let (width, text, count) = try alignment(call)
        if count >= width {
            return .text(UnsafeRawBufferPointer(rebasing: text[RuneText.offset(text, count - width)...]))
        }
        return try call.make { out in
            for _ in count..<width { out.append(UInt8(ascii: " ")) }
            out.append(text)
        }
    }

    private static func alignment(_ call: TemplateCall) throws(TemplateFailure) -> (Int, UnsafeRawBufferPointer, Int) {
        let width = try call.integer(0)
        let text = try call.text(1)
        try checkLength(width)
        // A negative width aligns nothing.
        let count = RuneText.count(text)
        return (width < 0 ? count : width, text, count)
    }

    private static func indented(_ call: TemplateCall, newline: Bool) throws(TemplateFailure) -> TemplateValue {
        let count = max(try call.integer(0), 0)
        let text = try call.text(1)
        try checkLength(count)
        return try call.make { out throws(TemplateFailure) in
            if newline { out.append(UInt8(ascii: "\n")) }
            for _ in 0..<count { out.append(UInt8(ascii: " ")) }
            for byte in text {
                out.append(byte)
                guard byte == UInt8(ascii: "\n") else { continue }
                for _ in 0..<count { out.append(UInt8(ascii: " ")) }
                try checkLength(out.count)
            }
        }
    }
}
