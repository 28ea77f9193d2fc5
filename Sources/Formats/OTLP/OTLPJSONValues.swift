import Bedrock
import Model

/// `AnyValue` in JSON: an object of one field, such as `{"stringValue": "…"}`.
extension OTLPLogsDecoder {
    /// `[{"key": "…", "value": {…}}]`
    mutating func decodeAttributes(
        _ cursor: inout JSONCursor, of place: OTLPLogWriter.Place
    ) throws(DecodeError) {
        try decodeMembers(&cursor, within: nil, of: place, depth: 0)
    }

    private mutating func decodeMembers(
        _ cursor: inout JSONCursor, within outer: UnsafeRawBufferPointer?, of place: OTLPLogWriter.Place, depth: Int
    ) throws(DecodeError) {
        try checkDepth(depth, cursor)
        try cursor.expect(UInt8(ascii: "["))
        var isFirst = true
        while try cursor.nextElement(&isFirst) {
            try decodeMember(&cursor, within: outer, of: place, depth: depth)
        }
    }

    /// `{"key": "…", "value": {…}}`, in either order.
    @inline(__always)
    private mutating func decodeMember(
        _ cursor: inout JSONCursor, within outer: UnsafeRawBufferPointer?, of place: OTLPLogWriter.Place, depth: Int
    ) throws(DecodeError) {
        var name: UnsafeRawBufferPointer?
        var early: JSONCursor?
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("key"), name == nil {
                let own = try text(&cursor, of: place)
                name = outer.map { writer.rows.joined($0, own, place) } ?? own
            } else if key.raw.spells("value"), cursor.peek() == UInt8(ascii: "{") {
                if let name {
                    try decodeAttribute(name, &cursor, of: place, depth: depth)
                } else {
                    early = cursor
                    _ = try cursor.skip()
                }
            } else {
                _ = try cursor.skip()
            }
        }
        if var early { try decodeAttribute(name ?? .nothing, &early, of: place, depth: depth) }
    }

    /// A key, and where its value stands.
    private mutating func keyValue(
        _ cursor: inout JSONCursor, of place: OTLPLogWriter.Place
    ) throws(DecodeError) -> (key: UnsafeRawBufferPointer, value: JSONCursor?) {
        var name = UnsafeRawBufferPointer.nothing
        var value: JSONCursor?
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("key") {
                name = try text(&cursor, of: place)
            } else {
                if key.raw.spells("value"), cursor.peek() == UInt8(ascii: "{") { value = cursor }
                _ = try cursor.skip()
            }
        }
        return (name, value)
    }

    private mutating func decodeAttribute(
        _ name: UnsafeRawBufferPointer, _ cursor: inout JSONCursor, of place: OTLPLogWriter.Place, depth: Int
    ) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let kind = try cursor.nextKey(&isFirst) {
            if kind.raw.spells("kvlistValue"), cursor.peek() == UInt8(ascii: "{") {
                try eachValues(&cursor) { (decoder, list) throws(DecodeError) in
                    try decoder.decodeMembers(&list, within: name, of: place, depth: depth + 1)
                }
            } else if kind.raw.spells("arrayValue"), cursor.peek() == UInt8(ascii: "{") {
                try writeArray(&cursor, depth: depth + 1)
                writer.attribute(name, writer.jsonText(place), of: place)
            } else if cursor.peek() == UInt8(ascii: "\"") {
                // Strings, base64 of bytes, and quoted 64-bit integers are the text that is wanted.
                writer.attribute(name, try text(&cursor, of: place), of: place)
            } else if cursor.peek() == UInt8(ascii: "{") || cursor.peek() == UInt8(ascii: "[") {
                _ = try cursor.skip()
            } else {
                let word = try cursor.bareword()
                if !word.spells("null") { writer.attribute(name, word, of: place) }
            }
        }
    }

    /// Calls `body` at the array `values` of an object, if it has one.
    private mutating func eachValues(
        _ cursor: inout JSONCursor,
        _ body: (inout OTLPLogsDecoder, inout JSONCursor) throws(DecodeError) -> Void
    ) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("values"), cursor.peek() == UInt8(ascii: "[") {
                try body(&self, &cursor)
            } else {
                _ = try cursor.skip()
            }
        }
    }

    private func checkDepth(_ depth: Int, _ cursor: JSONCursor) throws(DecodeError) {
        let most = writer.rows.options.limits.depthMax
        if depth > most { throw cursor.error("values are nested over \(most) deep") }
    }

    /// The line of a body: a string as it is, bytes decoded, anything else as JSON.
    mutating func decodeBody(_ cursor: inout JSONCursor) throws(DecodeError) -> OTLPRecord.Body {
        var fields = cursor
        try fields.expect(UInt8(ascii: "{"))
        var isFirst = true
        guard let kind = try fields.nextKey(&isFirst) else {
            cursor = fields
            return .bytes(.nothing)
        }
        if fields.peek() == UInt8(ascii: "\""), kind.raw.spells("stringValue") || kind.raw.spells("bytesValue") {
            let string = try fields.string()
            try fields.expect(UInt8(ascii: "}"))
            cursor = fields
            guard kind.raw.spells("bytesValue") else { return .text(string) }
            let size = string.raw.count
            let decoded = writer.rows.scratch.text(bytesMax: size) {
                Base64.decode(string.raw, into: UnsafeMutableRawBufferPointer(start: $0, count: size))
            }
            guard let bytes = decoded else {
                throw cursor.error("bytesValue is no base64")
            }
            return .bytes(bytes)
        }
        try writeValue(&cursor, depth: 0)
        return .bytes(writer.jsonText(.record))
    }

    private mutating func writeValue(_ cursor: inout JSONCursor, depth: Int) throws(DecodeError) {
        try checkDepth(depth, cursor)
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        var isWritten = false
        while let kind = try cursor.nextKey(&isFirst) {
            guard !isWritten else {
                _ = try cursor.skip()
                continue
            }
            isWritten = true
            if kind.raw.spells("kvlistValue"), cursor.peek() == UInt8(ascii: "{") {
                try writeMap(&cursor, depth: depth + 1)
            } else if kind.raw.spells("arrayValue"), cursor.peek() == UInt8(ascii: "{") {
                try writeArray(&cursor, depth: depth + 1)
            } else if cursor.peek() == UInt8(ascii: "\"") {
                let text = try text(&cursor, of: .record)
                if kind.raw.spells("intValue"), NumberText.parseInteger(text) != nil {
                    writer.json.raw(text)
                } else {
                    writer.json.string(text)
                }
            } else {
                writer.json.raw(try cursor.skip())
            }
        }
        if !isWritten { writer.json.null() }
    }

    private mutating func writeArray(_ cursor: inout JSONCursor, depth: Int) throws(DecodeError) {
        writer.json.beginArray()
        try eachValues(&cursor) { (decoder, list) throws(DecodeError) in
            try list.expect(UInt8(ascii: "["))
            var isFirst = true
            while try list.nextElement(&isFirst) { try decoder.writeValue(&list, depth: depth) }
        }
        writer.json.endArray()
    }

    private mutating func writeMap(_ cursor: inout JSONCursor, depth: Int) throws(DecodeError) {
        writer.json.beginObject()
        try eachValues(&cursor) { (decoder, list) throws(DecodeError) in
            try list.expect(UInt8(ascii: "["))
            var isFirst = true
            while try list.nextElement(&isFirst) {
                let (key, value) = try decoder.keyValue(&list, of: .record)
                decoder.writer.json.key(key)
                if var value {
                    try decoder.writeValue(&value, depth: depth)
                } else {
                    decoder.writer.json.null()
                }
            }
        }
        writer.json.endObject()
    }
}
