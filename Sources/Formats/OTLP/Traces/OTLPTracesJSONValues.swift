import Bedrock
import Model

/// Attributes and plain values of OTLP/JSON.
extension OTLPTracesDecoder {
    mutating func attributes(
        _ cursor: inout JSONCursor, into batch: SpanBatch
    ) throws(DecodeError) -> (range: ByteRange, dropped: Int) {
        var encoded = ByteBuffer(capacity: 256)
        let dropped = try appendAttributes(&cursor, to: &encoded, depth: 0)
        return (batch.write(encoded.bytes), dropped)
    }

    /// `[{"key": "…", "value": {…}}]`; gives how many were too many.
    mutating func appendAttributes(
        _ cursor: inout JSONCursor, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) -> Int {
        try checkDepth(depth, cursor)
        var count = 0
        try cursor.elements { (cursor) throws(DecodeError) in
            count += 1
            guard count <= limits.attributesMax else {
                _ = try cursor.skip()
                return
            }
            var name: [UInt8] = []
            var value: JSONCursor?
            try cursor.members { (key, cursor) throws(DecodeError) in
                if key.spells("key") {
                    name = try bytes(&cursor)
                    return true
                }
                if key.spells("value"), cursor.peek() == UInt8(ascii: "{") { value = cursor }
                return false
            }
            name.withUnsafeBytes { target.append(attributeKey: $0) }
            if var value {
                try appendValue(&value, to: &target, depth: depth)
            } else {
                target.appendEmptyAttribute()
            }
        }
        return max(0, count - limits.attributesMax)
    }

    /// An object of one field, such as `{"stringValue": "…"}`; without one that is known, an empty value.
    private mutating func appendValue(
        _ cursor: inout JSONCursor, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) {
        let start = target.count
        try cursor.members { (key, cursor) throws(DecodeError) in
            guard target.count == start else { return false }
            if key.spells("stringValue") {
                let text = try bytes(&cursor)
                text.withUnsafeBytes { target.append(attributeString: $0) }
            } else if key.spells("boolValue") {
                target.append(attributeBool: try cursor.bareword().spells("true"))
            } else if key.spells("intValue") {
                target.append(attributeInt: try signed(&cursor))
            } else if key.spells("doubleValue") {
                target.append(attributeDouble: try double(&cursor))
            } else if key.spells("bytesValue") {
                let text = try bytes(&cursor)
                var decoded = [UInt8](repeating: 0, count: text.count)
                let count = text.withUnsafeBytes { source in
                    decoded.withUnsafeMutableBytes { Base64.decode(source, into: $0) }
                }
                guard let count else { throw cursor.error("bytesValue is no base64") }
                decoded.withUnsafeBytes {
                    target.append(attributeBytes: UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
            } else if key.spells("arrayValue"), cursor.peek() == UInt8(ascii: "{") {
                var content = ByteBuffer(capacity: 64)
                try checkDepth(depth + 1, cursor)
                try cursor.members { (key, cursor) throws(DecodeError) in
                    guard key.spells("values") else { return false }
                    try cursor.elements { (cursor) throws(DecodeError) in
                        try appendValue(&cursor, to: &content, depth: depth + 1)
                    }
                    return true
                }
                target.append(attribute: .array, content: content.bytes)
            } else if key.spells("kvlistValue"), cursor.peek() == UInt8(ascii: "{") {
                var content = ByteBuffer(capacity: 64)
                try cursor.members { (key, cursor) throws(DecodeError) in
                    guard key.spells("values") else { return false }
                    _ = try appendAttributes(&cursor, to: &content, depth: depth + 1)
                    return true
                }
                target.append(attribute: .map, content: content.bytes)
            } else {
                return false
            }
            return true
        }
        if target.count == start { target.appendEmptyAttribute() }
    }

    private func checkDepth(_ depth: Int, _ cursor: JSONCursor) throws(DecodeError) {
        if depth > limits.depthMax { throw cursor.error("values are nested over \(limits.depthMax) deep") }
    }

    // MARK: Plain values

    /// A string's bytes without escapes; none for null.
    func bytes(_ cursor: inout JSONCursor) throws(DecodeError) -> [UInt8] {
        guard cursor.peek() == UInt8(ascii: "\"") else {
            guard try cursor.bareword().spells("null") else { throw cursor.error("expected a string") }
            return []
        }
        let string = try cursor.string()
        guard string.isEscaped else { return Array(string.raw) }
        var isGood = true
        let plain = [UInt8](unsafeUninitializedCapacity: string.raw.count) { room, count in
            guard let base = room.baseAddress, let written = string.write(to: UnsafeMutableRawPointer(base)) else {
                isGood = false
                count = 0
                return
            }
            count = written
        }
        guard isGood else { throw cursor.error("bad escape in a string") }
        return plain
    }

    func text(_ cursor: inout JSONCursor, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        let text = try bytes(&cursor)
        return text.withUnsafeBytes { batch.write($0) }
    }

    /// Bytes out of hexadecimal digits; those of another kind give none, which no id is.
    func hex(_ cursor: inout JSONCursor) throws(DecodeError) -> [UInt8] {
        let text = try bytes(&cursor)
        guard text.count % 2 == 0 else { return [0] }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count / 2)
        for pair in 0..<text.count / 2 {
            guard let high = Self.digit(text[2 * pair]), let low = Self.digit(text[2 * pair + 1]) else { return [0] }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private func word(_ cursor: inout JSONCursor) throws(DecodeError) -> UnsafeRawBufferPointer {
        cursor.peek() == UInt8(ascii: "\"") ? try cursor.string().raw : try cursor.bareword()
    }

    /// A whole number, quoted or not; null is 0.
    func unsigned(_ cursor: inout JSONCursor) throws(DecodeError) -> UInt64 {
        let word = try word(&cursor)
        if word.spells("null") { return 0 }
        guard let value = UInt64(String(decoding: word, as: UTF8.self)) else {
            throw cursor.error("expected a whole number")
        }
        return value
    }

    func signed(_ cursor: inout JSONCursor) throws(DecodeError) -> Int64 {
        let word = try word(&cursor)
        if word.spells("null") { return 0 }
        guard let value = Int64(String(decoding: word, as: UTF8.self)) else {
            throw cursor.error("expected a whole number")
        }
        return value
    }

    /// A number, or one of proto3's words for those that JSON has none for.
    func double(_ cursor: inout JSONCursor) throws(DecodeError) -> Double {
        let word = try word(&cursor)
        if word.spells("null") { return 0 }
        if word.spells("NaN") { return .nan }
        if word.spells("Infinity") { return .infinity }
        if word.spells("-Infinity") { return -.infinity }
        guard let value = NumberText.parseFloat(word) else { throw cursor.error("expected a number") }
        return value
    }

    /// A number, or a name out of `names`, whose places are their numbers.
    func enumeration(_ cursor: inout JSONCursor, _ names: [StaticString]) throws(DecodeError) -> UInt64 {
        if cursor.peek() == UInt8(ascii: "\"") {
            var copy = cursor
            let name = try copy.string().raw
            if let number = names.firstIndex(where: { name.spells($0) }) {
                cursor = copy
                return UInt64(number)
            }
        }
        return try unsigned(&cursor)
    }
}

extension JSONCursor {
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
