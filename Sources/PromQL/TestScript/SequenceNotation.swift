import Bedrock
import Kernels
import Model

/// The items behind the metric of a series line: `1 2+3x4 _ stale {{schema:0 count:1}}x3`.
struct SequenceNotation {
    private let bytes: [UInt8]
    private var position: Int

    init(_ line: String, from start: Int) {
        bytes = Array(line.utf8)
        position = start
    }

    /// Samples, one element a position.
    mutating func values() throws(NotationError) -> [TestScript.Value] {
        var values: [TestScript.Value] = []
        while skipSpace() {
            let room = TestScriptLimits.positionsMax - values.count
            if starts(with: "{{") {
                try histograms(into: &values, room)
            } else if take("_") {
                let count = try times().map { $0 } ?? 1
                try check(count, room)
                values.append(contentsOf: repeatElement(.missing, count: count))
            } else if take("stale") {
                let count = try times().map { $0 + 1 } ?? 1
                try check(count, room)
                values.append(contentsOf: repeatElement(.float(StaleMarker.value), count: count))
            } else {
                try floats(into: &values, room)
            }
            try expectEnd()
        }
        return values
    }

    /// Offsets of start timestamps, in milliseconds; nil where there is none.
    mutating func startOffsets() throws(NotationError) -> [Int64?] {
        var offsets: [Int64?] = []
        while skipSpace() {
            let room = TestScriptLimits.positionsMax - offsets.count
            if take("_") {
                let count = try times() ?? 1
                try check(count, room)
                offsets.append(contentsOf: repeatElement(nil, count: count))
            } else {
                let isNegative = take("-")
                if !isNegative { _ = take("+") }
                let first = try duration() * (isNegative ? -1 : 1)
                let isFalling = peek() == UInt8(ascii: "-")
                var step: Int64 = 0
                if take("+") || take("-") { step = try duration() * (isFalling ? -1 : 1) }
                let count = try times().map { $0 + 1 } ?? 1
                try check(count, room)
                for index in 0..<count { offsets.append(first &+ step &* Int64(index)) }
            }
            try expectEnd()
        }
        return offsets
    }

    // MARK: Items

    /// `a`, `axN`, `a+bxN`, `a-bxN`
    private mutating func floats(into values: inout [TestScript.Value], _ room: Int) throws(NotationError) {
        var value = try number(allowsSign: true)
        var step = 0.0
        let isFalling = peek() == UInt8(ascii: "-")
        let hasStep = take("+") || take("-")
        if hasStep { step = try number(allowsSign: false) * (isFalling ? -1 : 1) }
        let repeats = try times()
        if hasStep && repeats == nil { throw failure("a step needs a number of repetitions") }
        let count = repeats.map { $0 + 1 } ?? 1
        try check(count, room)
        for index in 0..<count {
            if index > 0 && hasStep { value += step }
            values.append(.float(value))
        }
    }

    /// `{{A}}`, `{{A}}xN`, `{{A}}+{{B}}xN`, `{{A}}-{{B}}xN`
    private mutating func histograms(into values: inout [TestScript.Value], _ room: Int) throws(NotationError) {
        var (histogram, statesHint) = try histogram()
        var step: NativeHistogram?
        let isFalling = peek() == UInt8(ascii: "-")
        if take("+") || take("-") {
            guard starts(with: "{{") else { throw failure("a histogram can only be stepped by a histogram") }
            let literal = try self.histogram()
            step = literal.0
            statesHint = literal.statesHint
            if !histogram.hasCustomBuckets && histogram.schema > literal.0.schema {
                throw failure("a histogram can't be stepped by one of a lower resolution")
            }
        }
        let repeats = try times()
        if step != nil && repeats == nil { throw failure("a step needs a number of repetitions") }
        let count = repeats.map { $0 + 1 } ?? 1
        try check(count, room)
        for index in 0..<count {
            if index > 0, let step {
                guard let next = isFalling ? histogram.subtracting(step) : histogram.adding(step) else {
                    throw failure("these histograms can't be added")
                }
                histogram = next.histogram
            }
            values.append(.histogram(histogram, statesHint: statesHint))
        }
    }

    private mutating func histogram() throws(NotationError) -> (NativeHistogram, statesHint: Bool) {
        var literal = HistogramNotation(bytes, from: position)
        let result = try literal.parse()
        position = literal.position
        return result
    }

    /// A decimal or, where its digits show it, hexadecimal number. `0x5` is a repetition.
    private mutating func number(allowsSign: Bool) throws(NotationError) -> Double {
        let start = position
        if allowsSign, let c = peek(), c == UInt8(ascii: "-") || c == UInt8(ascii: "+") { position += 1 }
        if starts(with: "0x") {
            let digits = bytes[(position + 2)...].prefix(while: Characters.isHexDigit)
            if digits.contains(where: { !Characters.isDigit($0) }) {
                position += 2 + digits.count
                let value = Int64(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0
                return bytes[start] == UInt8(ascii: "-") ? -Double(value) : Double(value)
            }
        }
        for word in ["NaN", "Inf"] where starts(with: word, ignoringCase: true) {
            position += 3
            return try parsed(start)
        }
        scan(Characters.isDigit)
        if take(".") { scan(Characters.isDigit) }
        if let e = peek(), e | 32 == UInt8(ascii: "e") {
            position += 1
            if let sign = peek(), sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { position += 1 }
            scan(Characters.isDigit)
        }
        return try parsed(start)
    }

    private func parsed(_ start: Int) throws(NotationError) -> Double {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = NumberText.parseFloat(text) else { throw failure("no number") }
        return value
    }

    private mutating func duration() throws(NotationError) -> Int64 {
        let start = position
        scan { Characters.isDigit($0) || ["y", "w", "d", "h", "m", "s"].contains(Unicode.Scalar($0)) }
        do { return try PrometheusDuration.parse(String(decoding: bytes[start..<position], as: UTF8.self)) } catch {
            throw NotationError(error.description)
        }
    }

    /// `xN`, nil without.
    private mutating func times() throws(NotationError) -> Int? {
        guard take("x") else { return nil }
        let start = position
        scan(Characters.isDigit)
        guard let count = Int(String(decoding: bytes[start..<position], as: UTF8.self)), count < Int.max else {
            throw failure("no number of repetitions")
        }
        return count
    }

    private func check(_ count: Int, _ room: Int) throws(NotationError) {
        guard count <= room else {
            throw NotationError("series of more than \(TestScriptLimits.positionsMax) positions")
        }
    }

    private func failure(_ message: String) -> NotationError {
        NotationError("\(message) at column \(position + 1): \(String(decoding: bytes, as: UTF8.self))")
    }

    // MARK: Cursor

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    /// To the next item; false at the end.
    private mutating func skipSpace() -> Bool {
        scan(Characters.isSpace)
        return position < bytes.count
    }

    private mutating func scan(_ isWanted: (UInt8) -> Bool) { while let c = peek(), isWanted(c) { position += 1 } }

    private func starts(with word: String, ignoringCase: Bool = false) -> Bool {
        let word = Array(word.utf8)
        guard position + word.count <= bytes.count else { return false }
        return zip(bytes[position...], word).allSatisfy { ignoringCase ? $0 | 32 == $1 | 32 : $0 == $1 }
    }

    private mutating func take(_ word: String) -> Bool {
        guard starts(with: word) else { return false }
        position += word.utf8.count
        return true
    }

    private func expectEnd() throws(NotationError) {
        if let c = peek(), !Characters.isSpace(c) { throw failure("unexpected character") }
    }
}
