import Bedrock
import Model

/// OTLP/JSON: lowerCamelCase keys, identifiers in hex, 64-bit integers as strings or numbers, unknown fields ignored.
extension OTLPLogsDecoder {
    /// Appends the records of a JSON request to `batch`.
    /// - Parameter arrival: time of records that have none, in nanoseconds.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        json request: UnsafeRawBufferPointer, arrival: Int64, into batch: LogBatch
    ) throws(LogDecodeError) -> LogDecodeReport {
        writer.beginRequest(arrival: arrival)
        do throws(DecodeError) {
            var cursor = JSONCursor(request)
            try decodeDocument(&cursor, into: batch)
        } catch { throw .malformed(error) }
        try writer.rows.checkLimits()
        return writer.rows.report
    }

    private mutating func decodeDocument(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            guard key.raw.spells("resourceLogs"), cursor.peek() == UInt8(ascii: "[") else {
                _ = try cursor.skip()
                continue
            }
            try cursor.expect(UInt8(ascii: "["))
            var isFirstResource = true
            while try cursor.nextElement(&isFirstResource) {
                try decodeResource(&cursor, into: batch)
                if writer.rows.isOverLimit { return }
            }
        }
        guard cursor.isAtEnd else { throw cursor.error("unexpected text behind the document") }
    }

    /// `{"resource": {"attributes": […]}, "scopeLogs": […]}`, in either order.
    private mutating func decodeResource(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        writer.beginResource()
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        var isBegun = false
        var early: JSONCursor?
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("resource"), !isBegun, cursor.peek() == UInt8(ascii: "{") {
                try decodeResourceFields(&cursor)
                writer.finishResource(in: batch)
                isBegun = true
            } else if key.raw.spells("scopeLogs"), cursor.peek() == UInt8(ascii: "[") {
                if isBegun {
                    try decodeScopes(&cursor, into: batch)
                } else {
                    early = cursor
                    _ = try cursor.skip()
                }
            } else {
                _ = try cursor.skip()
            }
        }
        if !isBegun { writer.finishResource(in: batch) }
        if var early { try decodeScopes(&early, into: batch) }
        if writer.rows.streamFlaw == nil { batch.dropLastStreamIfEmpty() }
    }

    private mutating func decodeResourceFields(_ cursor: inout JSONCursor) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("attributes"), cursor.peek() == UInt8(ascii: "[") {
                try decodeAttributes(&cursor, of: .resource)
            } else {
                _ = try cursor.skip()
            }
        }
    }

    private mutating func decodeScopes(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "["))
        var isFirst = true
        while try cursor.nextElement(&isFirst) {
            try decodeScope(&cursor, into: batch)
            if writer.rows.isOverLimit { return }
        }
    }

    /// `{"scope": {…}, "logRecords": […]}`, in either order.
    private mutating func decodeScope(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        writer.beginScope()
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        var isBegun = false
        var early: JSONCursor?
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("scope"), !isBegun, cursor.peek() == UInt8(ascii: "{") {
                try decodeScopeFields(&cursor)
                writer.finishScope()
                isBegun = true
            } else if key.raw.spells("logRecords"), cursor.peek() == UInt8(ascii: "[") {
                if isBegun {
                    try decodeRecords(&cursor, into: batch)
                } else {
                    early = cursor
                    _ = try cursor.skip()
                }
            } else {
                _ = try cursor.skip()
            }
        }
        if !isBegun { writer.finishScope() }
        if var early { try decodeRecords(&early, into: batch) }
    }

    private mutating func decodeScopeFields(_ cursor: inout JSONCursor) throws(DecodeError) {
        var name = UnsafeRawBufferPointer.nothing
        var version = name
        var dropped: UInt64 = 0
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("name") {
                name = try text(&cursor, of: .scope)
            } else if key.raw.spells("version") {
                version = try text(&cursor, of: .scope)
            } else if key.raw.spells("droppedAttributesCount") {
                dropped = try unsigned(&cursor)
            } else if key.raw.spells("attributes"), cursor.peek() == UInt8(ascii: "[") {
                try decodeAttributes(&cursor, of: .scope)
            } else {
                _ = try cursor.skip()
            }
        }
        writer.scope(name: name, version: version, dropped: dropped)
    }

    private mutating func decodeRecords(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "["))
        var isFirst = true
        while try cursor.nextElement(&isFirst) {
            try decodeRecord(&cursor, into: batch)
            if writer.rows.isOverLimit { return }
        }
    }

    private mutating func decodeRecord(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        var record = OTLPRecord()
        writer.beginRecord()
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            let name = key.raw
            if name.spells("body"), cursor.peek() == UInt8(ascii: "{") {
                record.body = try decodeBody(&cursor)
            } else if name.spells("timeUnixNano") {
                record.time = try unsigned(&cursor)
            } else if name.spells("attributes"), cursor.peek() == UInt8(ascii: "[") {
                try decodeAttributes(&cursor, of: .record)
            } else if name.spells("severityNumber") {
                record.severityNumber = Int64(clamping: try unsigned(&cursor))
            } else if name.spells("severityText") {
                record.severityText = try text(&cursor, of: .record)
            } else if name.spells("observedTimeUnixNano") {
                record.observedTime = try unsigned(&cursor)
            } else if name.spells("traceId") {
                record.traceID = try identifier(&cursor)
            } else if name.spells("spanId") {
                record.spanID = try identifier(&cursor)
            } else if name.spells("flags") {
                record.flags = try unsigned(&cursor)
            } else if name.spells("droppedAttributesCount") {
                record.droppedAttributes = try unsigned(&cursor)
            } else if name.spells("eventName") {
                record.eventName = try text(&cursor, of: .record)
            } else {
                _ = try cursor.skip()
            }
        }
        guard writer.finish(record, in: batch) else { throw cursor.error("bad escape in a body") }
    }

    /// Hexadecimal digits in lower case; nothing for an identifier of zeros, which means none.
    private mutating func identifier(_ cursor: inout JSONCursor) throws(DecodeError) -> UnsafeRawBufferPointer {
        let text = try text(&cursor, of: .record)
        for byte in text where byte != UInt8(ascii: "0") { return writer.rows.scratch.lowercased(text) }
        return .nothing
    }

    /// A string, or nothing for null.
    func nothing(_ cursor: inout JSONCursor) throws(DecodeError) -> UnsafeRawBufferPointer {
        guard try cursor.bareword().spells("null") else { throw cursor.error("expected a string") }
        return .nothing
    }

    mutating func text(
        _ cursor: inout JSONCursor, of place: OTLPLogWriter.Place
    ) throws(DecodeError) -> UnsafeRawBufferPointer {
        guard cursor.peek() == UInt8(ascii: "\"") else { return try nothing(&cursor) }
        let string = try cursor.string()
        let plain =
            place == .record ? string.plain(&writer.rows.scratch) : string.plain(&writer.rows.labelScratch)
        guard let plain else { throw cursor.error("bad escape in a string") }
        return plain
    }

    /// A whole number, quoted or not; null is 0.
    private func unsigned(_ cursor: inout JSONCursor) throws(DecodeError) -> UInt64 {
        let word = cursor.peek() == UInt8(ascii: "\"") ? try cursor.string().raw : try cursor.bareword()
        if word.spells("null") { return 0 }
        var value: UInt64 = 0
        guard !word.isEmpty else { throw cursor.error("expected a whole number") }
        for c in word {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, late) = scaled.addingReportingOverflow(UInt64(c &- 48))
            guard c &- 48 < 10, !overflow, !late else { throw cursor.error("expected a whole number") }
            value = sum
        }
        return value
    }
}
