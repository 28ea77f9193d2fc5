import Bedrock

/// Functions with regular expressions (RE2).
enum RegexFunctions {
    static let all: [TemplateFunction] = [
        TemplateFunction("count", 2) { call throws(TemplateFailure) in
            var count: Int64 = 0
            try forEachMatch(call, try call.text(0), in: try call.text(1)) { _, _ in count += 1 }
            return .integer(count)
        },
        TemplateFunction("regexReplaceAll", 3) { call throws(TemplateFailure) in
            let replacement = Array(try call.text(2))
            return try replaced(call, try call.text(0), try call.text(1)) { regex, offsets, text, out in
                expand(replacement, regex, offsets, text, &out)
            }
        },
        TemplateFunction("regexReplaceAllLiteral", 3) { call throws(TemplateFailure) in
            let replacement = try call.text(2)
            return try replaced(call, try call.text(0), try call.text(1)) { _, _, _, out in out.append(replacement) }
        },
    ]

    /// Matches from left to right that don't overlap; an empty one doesn't count right behind the last match.
    private static func forEachMatch(
        _ call: TemplateCall, _ pattern: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer,
        _ body: (RegularExpression, [Int64]) throws(TemplateFailure) -> Void
    ) throws(TemplateFailure) {
        let regex = try call.context.regex(pattern)
        var offsets = [Int64](repeating: -1, count: 2 * (regex.groupCount + 1))
        var from = 0
        var lastEnd = -1
        while from <= text.count, regex.captures(text, from: from, into: &offsets) {
            let start = Int(offsets[0])
            let end = Int(offsets[1])
            let isEmptyBehindMatch = start == end && start == lastEnd
            if !isEmptyBehindMatch { try body(regex, offsets) }
            lastEnd = end
            from = end > start ? end : end + max(end < text.count ? UTF8Text.sequenceLength(text, at: end) : 1, 1)
        }
    }

    private static func replaced(
        _ call: TemplateCall, _ pattern: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer,
        _ body: (RegularExpression, [Int64], UnsafeRawBufferPointer, inout ByteBuffer) -> Void
    ) throws(TemplateFailure) -> TemplateValue {
        try call.make { out throws(TemplateFailure) in
            var at = 0
            // The closure must not hold the buffer that it is given, so the pieces are gathered by offset first.
            var pieces: [[Int64]] = []
            var found: RegularExpression?
            try forEachMatch(call, pattern, in: text) { regex, offsets throws(TemplateFailure) in
                guard pieces.count < TemplateLimits.stepsMax else { throw TemplateFailure("too many matches") }
                found = regex
                pieces.append(offsets)
            }
            for offsets in pieces {
                guard let found else { break }
                out.append(UnsafeRawBufferPointer(rebasing: text[at..<Int(offsets[0])]))
                body(found, offsets, text, &out)
                at = Int(offsets[1])
                guard out.count <= TemplateLimits.outputBytesMax else {
                    throw TemplateFailure("the text gets too long")
                }
            }
            out.append(UnsafeRawBufferPointer(rebasing: text[at...]))
        }
    }

    /// `$1`, `${1}`, `$name`, `$$`, as Go's `Expand` has them.
    private static func expand(
        _ template: [UInt8], _ regex: RegularExpression, _ offsets: [Int64], _ text: UnsafeRawBufferPointer,
        _ out: inout ByteBuffer
    ) {
        let dollar = UInt8(ascii: "$")
        var i = 0
        while i < template.count {
            guard template[i] == dollar, i + 1 < template.count else {
                out.append(template[i])
                i += 1
                continue
            }
            if template[i + 1] == dollar {
                out.append(dollar)
                i += 2
                continue
            }
            let isBraced = template[i + 1] == UInt8(ascii: "{")
            let start = isBraced ? i + 2 : i + 1
            var end = start
            while end < template.count, LabelNameSanitizer.isWord(template[end]) { end += 1 }
            guard end > start, !isBraced || (end < template.count && template[end] == UInt8(ascii: "}")) else {
                // No reference, so it stays as it is.
                out.append(dollar)
                i += 1
                continue
            }
            let name = String(decoding: template[start..<end], as: UTF8.self)
            if let group = Int(name) ?? regex.groupIndex(name), group >= 0, group * 2 + 1 < offsets.count,
                offsets[group * 2] >= 0
            {
                out.append(
                    UnsafeRawBufferPointer(rebasing: text[Int(offsets[group * 2])..<Int(offsets[group * 2 + 1])]))
            }
            i = isBraced ? end + 1 : end
        }
    }
}
