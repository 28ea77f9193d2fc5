import Bedrock

/// Plain values of OTLP/JSON: proto3's own JSON, with identifiers in hexadecimal digits.
extension JSONCursor {
    /// Calls `body` with the bytes of the string that is next, without escapes; with none for null.
    @inline(__always)
    mutating func text<R>(_ body: (UnsafeRawBufferPointer) -> R) throws(DecodeError) -> R {
        guard peek() == UInt8(ascii: "\"") else {
            guard try bareword().spells("null") else { throw error("expected a string") }
            return body(.nothing)
        }
        let string = try string()
        guard string.isEscaped else { return body(string.raw) }
        let result: R? = withUnsafeTemporaryAllocation(byteCount: max(string.raw.count, 1), alignment: 1) { room in
            guard let base = room.baseAddress, let count = string.write(to: base) else { return nil }
            return body(UnsafeRawBufferPointer(start: base, count: count))
        }
        guard let result else { throw error("bad escape in a string") }
        return result
    }

    /// Hexadecimal digits; an empty string and null are no identifier.
    mutating func identifier() throws(DecodeError) -> WireIdentifier { try text { WireIdentifier(hex: $0) } }

    private mutating func word() throws(DecodeError) -> UnsafeRawBufferPointer {
        peek() == UInt8(ascii: "\"") ? try string().raw : try bareword()
    }

    /// A whole number, quoted or not; null is 0.
    mutating func unsigned() throws(DecodeError) -> UInt64 {
        let word = try word()
        if word.spells("null") { return 0 }
        var value: UInt64 = 0
        guard !word.isEmpty else { throw error("expected a whole number") }
        for c in word {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, late) = scaled.addingReportingOverflow(UInt64(c &- 48))
            guard c &- 48 < 10, !overflow, !late else { throw error("expected a whole number") }
            value = sum
        }
        return value
    }

    /// The same with a sign.
    mutating func signed() throws(DecodeError) -> Int64 {
        let word = try word()
        if word.spells("null") { return 0 }
        guard let value = NumberText.parseInteger(word) else { throw error("expected a whole number") }
        return value
    }

    /// A number, quoted or not, or one of proto3's words for those that JSON has none for.
    mutating func double() throws(DecodeError) -> Double {
        let word = try word()
        if word.spells("null") { return 0 }
        if word.spells("NaN") { return .nan }
        if word.spells("Infinity") { return .infinity }
        if word.spells("-Infinity") { return -.infinity }
        guard let value = NumberText.parseFloat(word), value.isFinite else { throw error("expected a number") }
        return value
    }

    mutating func boolean() throws(DecodeError) -> Bool {
        let word = try bareword()
        guard word.spells("true") || word.spells("false") || word.spells("null") else {
            throw error("expected true or false")
        }
        return word.spells("true")
    }

    /// A number, or a name out of `names`, whose places are their numbers.
    mutating func enumeration(_ names: [StaticString]) throws(DecodeError) -> UInt64 {
        if peek() == UInt8(ascii: "\"") {
            var copy = self
            let name = try copy.string().raw
            if let number = names.firstIndex(where: { name.spells($0) }) {
                self = copy
                return UInt64(number)
            }
        }
        return try unsigned()
    }

    /// Whether an object is next; null and others are passed over by whoever asks.
    var isAtObject: Bool {
        mutating get { peek() == UInt8(ascii: "{") }
    }

    /// Calls `body` with each key of the object that is next, and the cursor at its value, which `body` consumes; where it returns false, the value is
    /// passed over, from where it began.
    mutating func members(
        _ body: (UnsafeRawBufferPointer, inout JSONCursor) throws(DecodeError) -> Bool
    ) throws(DecodeError) {
        try expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try nextKey(&isFirst) {
            var at = self
            if try body(key.raw, &at) {
                self = at
            } else {
                _ = try skip()
            }
        }
    }

    /// Calls `body` at each element of the array that is next; null is one without any.
    mutating func elements(_ body: (inout JSONCursor) throws(DecodeError) -> Void) throws(DecodeError) {
        if peek() == UInt8(ascii: "n") {
            guard try bareword().spells("null") else { throw error("expected a list") }
            return
        }
        try expect(UInt8(ascii: "["))
        var isFirst = true
        while try nextElement(&isFirst) { try body(&self) }
    }
}
