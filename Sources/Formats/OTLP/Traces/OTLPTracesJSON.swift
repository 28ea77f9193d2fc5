import Bedrock
import Model

/// OTLP/JSON: lowerCamelCase keys, identifiers in hex, 64-bit integers as strings or numbers, enumerations as numbers or names, unknown fields ignored.
extension OTLPTracesDecoder {
    /// Appends the spans of a JSON request to `batch`.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        json request: UnsafeRawBufferPointer, into batch: SpanBatch
    ) throws(SpanDecodeError) -> SpanDecodeReport {
        report = SpanDecodeReport()
        do throws(DecodeError) {
            var cursor = JSONCursor(request)
            try cursor.members { (key, cursor) throws(DecodeError) in
                guard key.spells("resourceSpans") else { return false }
                try cursor.elements { (cursor) throws(DecodeError) in try decodeResource(&cursor, into: batch) }
                return true
            }
            guard cursor.isAtEnd else { throw cursor.error("unexpected text behind the document") }
        } catch { throw .malformed(error) }
        try checkLimits()
        return report
    }

    /// `{"resource": {…}, "scopeSpans": […], "schemaUrl": "…"}`, in any order.
    private mutating func decodeResource(_ cursor: inout JSONCursor, into batch: SpanBatch) throws(DecodeError) {
        var resource = SpanBatch.Resource()
        var scopes: JSONCursor?
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("resource"), cursor.isAtObject {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("attributes") {
                        let (range, dropped) = try reader.read(&cursor, into: batch)
                        resource.attributes = range
                        resource.droppedAttributes = resource.droppedAttributes.clampedSum(dropped)
                    } else if key.spells("droppedAttributesCount") {
                        resource.droppedAttributes = UInt32(clamping: try cursor.unsigned())
                    } else {
                        return false
                    }
                    return true
                }
            } else if key.spells("schemaUrl") {
                resource.schemaURL = try cursor.text { batch.write($0) }
            } else if key.spells("scopeSpans") {
                scopes = cursor
                return false
            } else {
                return false
            }
            return true
        }
        let number = batch.append(resource)
        guard var scopes, !isOverLimit else { return }
        try scopes.elements { (cursor) throws(DecodeError) in
            try decodeScope(&cursor, resource: number, into: batch)
        }
    }

    /// `{"scope": {…}, "spans": […], "schemaUrl": "…"}`, in any order.
    private mutating func decodeScope(
        _ cursor: inout JSONCursor, resource: Int32, into batch: SpanBatch
    ) throws(DecodeError) {
        var scope = SpanBatch.Scope()
        var spans: JSONCursor?
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("scope"), cursor.isAtObject {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("name") {
                        scope.name = try cursor.text { batch.write($0) }
                    } else if key.spells("version") {
                        scope.version = try cursor.text { batch.write($0) }
                    } else if key.spells("attributes") {
                        let (range, dropped) = try reader.read(&cursor, into: batch)
                        scope.attributes = range
                        scope.droppedAttributes = scope.droppedAttributes.clampedSum(dropped)
                    } else if key.spells("droppedAttributesCount") {
                        scope.droppedAttributes = UInt32(clamping: try cursor.unsigned())
                    } else {
                        return false
                    }
                    return true
                }
            } else if key.spells("schemaUrl") {
                scope.schemaURL = try cursor.text { batch.write($0) }
            } else if key.spells("spans") {
                spans = cursor
                return false
            } else {
                return false
            }
            return true
        }
        let number = batch.append(scope)
        guard var spans else { return }
        try spans.elements { (cursor) throws(DecodeError) in
            guard !isOverLimit else {
                _ = try cursor.skip()
                return
            }
            try decodeSpan(&cursor, resource: resource, scope: number, into: batch)
        }
    }

    private mutating func decodeSpan(
        _ cursor: inout JSONCursor, resource: Int32, scope: Int32, into batch: SpanBatch
    ) throws(DecodeError) {
        // Everything is written as it comes; a span that turns out to be none leaves its bytes in the arena behind.
        var draft = SpanDraft()
        var row = SpanBatch.Row(
            traceID: TraceID(high: 0, low: 0), spanID: .none, start: 0, end: 0, resource: resource, scope: scope)
        let before = batch.arenaByteCount
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("traceId") {
                draft.trace = try cursor.identifier()
            } else if key.spells("spanId") {
                draft.span = try cursor.identifier()
            } else if key.spells("parentSpanId") {
                draft.parent = try cursor.identifier()
            } else if key.spells("name") {
                row.name = try cursor.text { batch.write($0) }
            } else if key.spells("kind") {
                row.kind = SpanKind(wire: try cursor.enumeration(Self.kindNames))
            } else if key.spells("startTimeUnixNano") {
                draft.start = try cursor.unsigned()
            } else if key.spells("endTimeUnixNano") {
                draft.end = try cursor.unsigned()
            } else if key.spells("traceState") {
                row.traceState = try cursor.text { batch.write($0) }
            } else if key.spells("flags") {
                row.flags = UInt32(clamping: try cursor.unsigned())
            } else if key.spells("attributes") {
                let (range, dropped) = try reader.read(&cursor, into: batch)
                row.attributes = range
                row.droppedAttributes = row.droppedAttributes.clampedSum(dropped)
            } else if key.spells("droppedAttributesCount") {
                row.droppedAttributes = UInt32(clamping: try cursor.unsigned())
            } else if key.spells("events") {
                row.events = try events(&cursor, into: batch)
            } else if key.spells("droppedEventsCount") {
                row.droppedEvents = UInt32(clamping: try cursor.unsigned())
            } else if key.spells("links") {
                row.links = try links(&cursor, into: batch)
            } else if key.spells("droppedLinksCount") {
                row.droppedLinks = UInt32(clamping: try cursor.unsigned())
            } else if key.spells("status"), cursor.isAtObject {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("message") {
                        row.statusMessage = try cursor.text { batch.write($0) }
                    } else if key.spells("code") {
                        row.status = SpanStatus(wire: try cursor.enumeration(Self.statusNames))
                    } else {
                        return false
                    }
                    return true
                }
            } else {
                return false
            }
            return true
        }
        let bytes = batch.arenaByteCount - before
        guard bytes <= limits.spanBytesMax else {
            return report.reject(.tooLarge, "a span of \(bytes) bytes (limit \(limits.spanBytesMax))")
        }
        if let flaw = draft.flaw { return report.reject(flaw.reason, flaw.text) }
        let made = draft.row(resource: resource, scope: scope)
        row.traceID = made.traceID
        row.spanID = made.spanID
        row.parentID = made.parentID
        row.start = made.start
        row.end = made.end
        batch.append(row)
        report.spans += 1
    }

    private static let kindNames: [StaticString] = [
        "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER",
        "SPAN_KIND_CONSUMER",
    ]
    private static let statusNames: [StaticString] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]

    // MARK: Events and links

    private func events(_ cursor: inout JSONCursor, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        var all = ByteBuffer(capacity: 256)
        var name = ByteBuffer(capacity: 64)
        var encoded = ByteBuffer(capacity: 256)
        try cursor.elements { (cursor) throws(DecodeError) in
            var time: UInt64 = 0
            name.clear()
            encoded.clear()
            var dropped: UInt32 = 0
            try cursor.members { (key, cursor) throws(DecodeError) in
                if key.spells("timeUnixNano") {
                    time = try cursor.unsigned()
                } else if key.spells("name") {
                    name.clear()
                    try cursor.text { name.append($0) }
                } else if key.spells("attributes") {
                    dropped = dropped.clampedSum(try reader.append(&cursor, to: &encoded))
                } else if key.spells("droppedAttributesCount") {
                    dropped = UInt32(clamping: try cursor.unsigned())
                } else {
                    return false
                }
                return true
            }
            all.append(
                eventAt: Int64(clamping: time), name: name.bytes, droppedAttributes: dropped, attributes: encoded.bytes)
        }
        return batch.write(all.bytes)
    }

    private func links(_ cursor: inout JSONCursor, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        var all = ByteBuffer(capacity: 256)
        var state = ByteBuffer(capacity: 64)
        var encoded = ByteBuffer(capacity: 64)
        try cursor.elements { (cursor) throws(DecodeError) in
            var trace = WireIdentifier()
            var span = WireIdentifier()
            state.clear()
            encoded.clear()
            var dropped: UInt32 = 0
            var flags: UInt64 = 0
            try cursor.members { (key, cursor) throws(DecodeError) in
                if key.spells("traceId") {
                    trace = try cursor.identifier()
                } else if key.spells("spanId") {
                    span = try cursor.identifier()
                } else if key.spells("traceState") {
                    state.clear()
                    try cursor.text { state.append($0) }
                } else if key.spells("attributes") {
                    dropped = dropped.clampedSum(try reader.append(&cursor, to: &encoded))
                } else if key.spells("droppedAttributesCount") {
                    dropped = UInt32(clamping: try cursor.unsigned())
                } else if key.spells("flags") {
                    flags = try cursor.unsigned()
                } else {
                    return false
                }
                return true
            }
            guard let trace = trace.traceID, let span = span.spanID else { return }
            all.append(
                linkTo: trace, span, flags: UInt32(clamping: flags), traceState: state.bytes,
                droppedAttributes: dropped, attributes: encoded.bytes)
        }
        return batch.write(all.bytes)
    }
}

extension UInt32 {
    func clampedSum(_ more: Int) -> UInt32 { UInt64(self).clampedSum(more) }
}
