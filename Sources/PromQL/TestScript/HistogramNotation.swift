import Bedrock
import Model

/// A native histogram in a script: `{{schema:1 count:12 sum:18.4 buckets:[1 2 0 1] offset:-1}}`.
struct HistogramNotation {
    private let bytes: [UInt8]
    /// Behind the literal after a successful parse.
    private(set) var position: Int

    /// - Precondition: two braces stand at `start`.
    init(_ bytes: [UInt8], from start: Int) {
        self.bytes = bytes
        position = start + 2
    }

    mutating func parse() throws(NotationError) -> (NativeHistogram, statesHint: Bool) {
        var histogram = NativeHistogram()
        var statesHint = false
        var offsets: (positive: Int32, negative: Int32) = (0, 0)
        while true {
            skipSpace()
            guard position < bytes.count else { throw NotationError("unclosed histogram") }
            if bytes[position...].starts(with: "}}".utf8) {
                position += 2
                break
            }
            let field = word()
            guard take(UInt8(ascii: ":")) else {
                throw NotationError("histogram field \(quoted(field)) without a value")
            }
            switch field {
            case "schema": histogram.schema = try integer(field)
            case "sum": histogram.sum = try number(field)
            case "count": histogram.count = try number(field)
            case "z_bucket": histogram.zeroCount = try number(field)
            case "z_bucket_w": histogram.zeroThreshold = try number(field)
            case "buckets": histogram.positiveBuckets = try list(field)
            case "n_buckets": histogram.negativeBuckets = try list(field)
            case "offset": offsets.positive = try integer(field)
            case "n_offset": offsets.negative = try integer(field)
            case "custom_values": histogram.customValues = try list(field)
            case "counter_reset_hint":
                statesHint = true
                histogram.resetHint = try hint()
            default: throw NotationError("unknown histogram field \(quoted(field))")
            }
        }
        histogram.positiveSpans = Self.spans(offsets.positive, histogram.positiveBuckets.count)
        histogram.negativeSpans = Self.spans(offsets.negative, histogram.negativeBuckets.count)
        guard (-4...8).contains(histogram.schema) || histogram.hasCustomBuckets else {
            throw NotationError("histogram schema \(histogram.schema) doesn't exist")
        }
        return (histogram, statesHint)
    }

    private static func spans(_ offset: Int32, _ count: Int) -> [NativeHistogram.Span] {
        count == 0 ? [] : [NativeHistogram.Span(offset: offset, length: UInt32(count))]
    }

    private mutating func hint() throws(NotationError) -> NativeHistogram.ResetHint {
        let word = word()
        switch word {
        case "unknown": return .unknown
        case "reset": return .reset
        case "not_reset": return .notReset
        case "gauge": return .gauge
        default: throw NotationError("unknown counter reset hint \(quoted(word))")
        }
    }

    private mutating func integer(_ field: String) throws(NotationError) -> Int32 {
        let text = word()
        // Bucket indexes far beyond what a double can hold make no sense, and would overflow later.
        guard let value = Int32(text), abs(value) <= 1 << 20 else {
            throw NotationError("\(field) of a histogram is a small integer, not \(quoted(text))")
        }
        return value
    }

    private mutating func number(_ field: String) throws(NotationError) -> Double {
        let text = word()
        guard let value = NumberText.parseFloat(text) else {
            throw NotationError("\(field) of a histogram is a number, not \(quoted(text))")
        }
        return value
    }

    private mutating func list(_ field: String) throws(NotationError) -> [Double] {
        guard take(UInt8(ascii: "[")) else { throw NotationError("\(field) of a histogram is a list in brackets") }
        var values: [Double] = []
        while true {
            skipSpace()
            if take(UInt8(ascii: "]")) { return values }
            values.append(try number(field))
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, Characters.isSpace(bytes[position]) { position += 1 }
    }

    /// Everything up to white space or punctuation.
    private mutating func word() -> String {
        let start = position
        let ends: [UInt8] = Array(" \t:[]{}".utf8)
        while position < bytes.count, !ends.contains(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func take(_ c: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == c else { return false }
        position += 1
        return true
    }
}
