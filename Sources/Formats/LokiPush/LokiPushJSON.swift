import Bedrock
import Model

/// `{"streams": [{"stream": {"l": "v"}, "values": [["<ns>", "line", {"meta": "v"}]]}]}`
extension LokiPushDecoder {
    /// Appends the entries of a JSON request to `batch`.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        json request: UnsafeRawBufferPointer, into batch: LogBatch
    ) throws(LogDecodeError) -> LogDecodeReport {
        writer.beginRequest()
        do throws(DecodeError) {
            var cursor = JSONCursor(request)
            try decodeDocument(&cursor, into: batch)
        } catch { throw .malformed(error) }
        try writer.checkLimits()
        return writer.report
    }

    private mutating func decodeDocument(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            guard key.raw.spells("streams") else {
                _ = try cursor.skip()
                continue
            }
            try cursor.expect(UInt8(ascii: "["))
            var isFirstStream = true
            while try cursor.nextElement(&isFirstStream) {
                try decodeStream(&cursor, into: batch)
                if writer.isOverLimit { return }
            }
        }
        guard cursor.isAtEnd else { throw cursor.error("unexpected text behind the document") }
    }

    private mutating func decodeStream(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        var isBegun = false
        /// Where values stand that came before their labels.
        var early: JSONCursor?
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("stream"), !isBegun {
                try beginStream(&cursor, in: batch)
                isBegun = true
            } else if key.raw.spells("values") {
                if isBegun {
                    try decodeValues(&cursor, into: batch)
                } else {
                    early = cursor
                    _ = try cursor.skip()
                }
            } else {
                _ = try cursor.skip()
            }
        }
        if var early {
            if !isBegun {
                writer.labels.clear()
                writer.beginFlawedStream(.noLabels)
            }
            try decodeValues(&early, into: batch)
        }
        if isBegun { batch.dropLastStreamIfEmpty() }
    }

    private mutating func beginStream(_ cursor: inout JSONCursor, in batch: LogBatch) throws(DecodeError) {
        writer.labelScratch.clear()
        writer.labels.clear()
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            let value = try cursor.string()
            guard let name = key.plain(&writer.labelScratch), let text = value.plain(&writer.labelScratch) else {
                throw cursor.error("bad escape in a label")
            }
            writer.labels.add(name, text)
        }
        writer.beginStream(in: batch)
    }

    private mutating func decodeValues(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "["))
        var isFirst = true
        while try cursor.nextElement(&isFirst) {
            try decodeEntry(&cursor, into: batch)
            if writer.isOverLimit { return }
        }
    }

    @inline(__always)
    private mutating func decodeEntry(_ cursor: inout JSONCursor, into batch: LogBatch) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "["))
        // Loki wants the time as a string; bare integers are clear as well.
        let time = cursor.peek() == UInt8(ascii: "\"") ? try cursor.string().raw : try cursor.bareword()
        try cursor.expect(UInt8(ascii: ","))
        let line = try cursor.string()
        if !writer.metadata.pairs.isEmpty { writer.metadata.clear() }
        if cursor.take(UInt8(ascii: ",")) { try gatherMetadata(&cursor) }
        try cursor.expect(UInt8(ascii: "]"))
        guard let timestamp = NumberText.parseInteger(time) else {
            return writer.refuse(
                .badTimestamp,
                "\(quoted(String(decoding: time.prefix(40), as: UTF8.self))) is no time in nanoseconds")
        }
        guard writer.add(timestamp, line: line, to: batch) else { throw cursor.error("bad escape in a line") }
    }

    private mutating func gatherMetadata(_ cursor: inout JSONCursor) throws(DecodeError) {
        writer.scratch.clear()
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            let value: UnsafeRawBufferPointer?
            if cursor.peek() == UInt8(ascii: "\"") {
                value = try cursor.string().plain(&writer.scratch)
            } else {
                value = try cursor.bareword()
            }
            guard let name = key.plain(&writer.scratch), let value else {
                throw cursor.error("bad escape in structured metadata")
            }
            writer.metadata.add(FieldNames.plain(name, &writer.scratch), value)
        }
    }
}
