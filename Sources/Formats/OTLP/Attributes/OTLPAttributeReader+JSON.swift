import Bedrock
import Model

/// Attributes of OTLP/JSON: `[{"key": "…", "value": {"stringValue": "…"}}]`, key and value in either order.
extension OTLPAttributeReader {
    /// The list that is next as attributes in the batch's arena, and how many were too many.
    func read(
        _ cursor: inout JSONCursor, into batch: SpanBatch
    ) throws(DecodeError) -> (range: ByteRange, dropped: Int) {
        var dropped = 0
        let range = try batch.write { (arena) throws(DecodeError) in dropped = try append(&cursor, to: &arena) }
        return (range, dropped)
    }

    /// Appends the list that is next; gives how many were too many.
    func append(_ cursor: inout JSONCursor, to target: inout ByteBuffer, depth: Int = 0) throws(DecodeError) -> Int {
        try checkDepth(depth, cursor)
        var count = 0
        try cursor.elements { (cursor) throws(DecodeError) in
            count += 1
            guard count <= attributesMax else {
                _ = try cursor.skip()
                return
            }
            try appendAttribute(&cursor, to: &target, depth: depth)
        }
        return max(0, count - attributesMax)
    }

    private func appendAttribute(
        _ cursor: inout JSONCursor, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) {
        let start = target.count
        var hasName = false
        var isWritten = false
        var early: JSONCursor?
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("key"), !hasName {
                hasName = true
                try cursor.text { target.append(attributeKey: $0) }
                return true
            }
            guard key.spells("value"), cursor.isAtObject, !isWritten else { return false }
            guard hasName else {
                early = cursor
                return false
            }
            isWritten = true
            try appendValue(&cursor, to: &target, depth: depth)
            return true
        }
        if target.count == start { target.append(attributeKey: .nothing) }
        if isWritten { return }
        guard var early else { return target.appendEmptyAttribute() }
        try appendValue(&early, to: &target, depth: depth)
    }

    /// An object of one field; without one that is known, an empty value.
    private func appendValue(
        _ cursor: inout JSONCursor, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) {
        let start = target.count
        try cursor.members { (key, cursor) throws(DecodeError) in
            guard target.count == start else { return false }
            if key.spells("stringValue") {
                try cursor.text { target.append(attributeString: $0) }
            } else if key.spells("intValue") {
                target.append(attributeInt: try cursor.signed())
            } else if key.spells("boolValue") {
                target.append(attributeBool: try cursor.boolean())
            } else if key.spells("doubleValue") {
                target.append(attributeDouble: try cursor.double())
            } else if key.spells("bytesValue") {
                try appendBytes(&cursor, to: &target)
            } else if key.spells("arrayValue"), cursor.isAtObject {
                try appendArray(&cursor, to: &target, depth: depth + 1)
            } else if key.spells("kvlistValue"), cursor.isAtObject {
                var content = ByteBuffer(capacity: 64)
                try eachValues(&cursor) { (cursor) throws(DecodeError) in
                    _ = try append(&cursor, to: &content, depth: depth + 1)
                }
                target.append(attribute: .map, content: content.bytes)
            } else {
                return false
            }
            return true
        }
        if target.count == start { target.appendEmptyAttribute() }
    }

    private func appendBytes(_ cursor: inout JSONCursor, to target: inout ByteBuffer) throws(DecodeError) {
        let isGood = try cursor.text { text in
            withUnsafeTemporaryAllocation(byteCount: max(text.count, 1), alignment: 1) { room in
                guard let count = Base64.decode(text, into: room) else { return false }
                target.append(attributeBytes: UnsafeRawBufferPointer(rebasing: room[..<count]))
                return true
            }
        }
        guard isGood else { throw cursor.error("bytesValue is no base64") }
    }

    private func appendArray(
        _ cursor: inout JSONCursor, to target: inout ByteBuffer, depth: Int
    ) throws(DecodeError) {
        try checkDepth(depth, cursor)
        var content = ByteBuffer(capacity: 64)
        try eachValues(&cursor) { (cursor) throws(DecodeError) in
            try cursor.elements { (cursor) throws(DecodeError) in
                guard cursor.isAtObject else {
                    _ = try cursor.skip()
                    return content.appendEmptyAttribute()
                }
                try appendValue(&cursor, to: &content, depth: depth)
            }
        }
        target.append(attribute: .array, content: content.bytes)
    }

    /// Calls `body` at the member `values` of an object, if it has one.
    private func eachValues(
        _ cursor: inout JSONCursor, _ body: (inout JSONCursor) throws(DecodeError) -> Void
    ) throws(DecodeError) {
        try cursor.members { (key, cursor) throws(DecodeError) in
            guard key.spells("values") else { return false }
            try body(&cursor)
            return true
        }
    }

    private func checkDepth(_ depth: Int, _ cursor: JSONCursor) throws(DecodeError) {
        if depth > depthMax { throw cursor.error("values are nested over \(depthMax) deep") }
    }
}
