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
            if key.spells("resource"), cursor.peek() == UInt8(ascii: "{") {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("attributes") {
                        let (range, dropped) = try attributes(&cursor, into: batch)
                        resource.attributes = range
                        resource.droppedAttributes = resource.droppedAttributes.clampedSum(dropped)
                    } else if key.spells("droppedAttributesCount") {
                        resource.droppedAttributes = UInt32(clamping: try unsigned(&cursor))
                    } else {
                        return false
                    }
                    return true
                }
            } else if key.spells("schemaUrl") {
                resource.schemaURL = try text(&cursor, into: batch)
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
            if key.spells("scope"), cursor.peek() == UInt8(ascii: "{") {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("name") {
                        scope.name = try text(&cursor, into: batch)
                    } else if key.spells("version") {
                        scope.version = try text(&cursor, into: batch)
                    } else if key.spells("attributes") {
                        let (range, dropped) = try attributes(&cursor, into: batch)
                        scope.attributes = range
                        scope.droppedAttributes = scope.droppedAttributes.clampedSum(dropped)
                    } else if key.spells("droppedAttributesCount") {
                        scope.droppedAttributes = UInt32(clamping: try unsigned(&cursor))
                    } else {
                        return false
                    }
                    return true
                }
            } else if key.spells("schemaUrl") {
                scope.schemaURL = try text(&cursor, into: batch)
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
        var ids = JSONIdentifiers()
        var draft = SpanDraft()
        var row = SpanBatch.Row(
            traceID: TraceID(high: 0, low: 0), spanID: .none, start: 0, end: 0, resource: resource, scope: scope)
        let before = batch.arenaByteCount
        try cursor.members { (key, cursor) throws(DecodeError) in
            if key.spells("traceId") {
                ids.trace = try hex(&cursor)
            } else if key.spells("spanId") {
                ids.span = try hex(&cursor)
            } else if key.spells("parentSpanId") {
                ids.parent = try hex(&cursor)
            } else if key.spells("name") {
                row.name = try text(&cursor, into: batch)
            } else if key.spells("kind") {
                row.kind = SpanKind(wire: try enumeration(&cursor, Self.kindNames))
            } else if key.spells("startTimeUnixNano") {
                draft.start = try unsigned(&cursor)
            } else if key.spells("endTimeUnixNano") {
                draft.end = try unsigned(&cursor)
            } else if key.spells("traceState") {
                row.traceState = try text(&cursor, into: batch)
            } else if key.spells("flags") {
                row.flags = UInt32(clamping: try unsigned(&cursor))
            } else if key.spells("attributes") {
                let (range, dropped) = try attributes(&cursor, into: batch)
                row.attributes = range
                row.droppedAttributes = row.droppedAttributes.clampedSum(dropped)
            } else if key.spells("droppedAttributesCount") {
                row.droppedAttributes = UInt32(clamping: try unsigned(&cursor))
            } else if key.spells("events") {
                row.events = try events(&cursor, into: batch)
            } else if key.spells("droppedEventsCount") {
                row.droppedEvents = UInt32(clamping: try unsigned(&cursor))
            } else if key.spells("links") {
                row.links = try links(&cursor, into: batch)
            } else if key.spells("droppedLinksCount") {
                row.droppedLinks = UInt32(clamping: try unsigned(&cursor))
            } else if key.spells("status"), cursor.peek() == UInt8(ascii: "{") {
                try cursor.members { (key, cursor) throws(DecodeError) in
                    if key.spells("message") {
                        row.statusMessage = try text(&cursor, into: batch)
                    } else if key.spells("code") {
                        row.status = SpanStatus(wire: try enumeration(&cursor, Self.statusNames))
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
        let made = ids.withBytes { trace, span, parent in
            draft.traceID = trace
            draft.spanID = span
            draft.parentID = parent
            return draft.row(resource: resource, scope: scope)
        }
        switch made {
        case .success(let found):
            row.traceID = found.traceID
            row.spanID = found.spanID
            row.parentID = found.parentID
            row.start = found.start
            row.end = found.end
            batch.append(row)
            report.spans += 1
        case .failure(let flaw): report.reject(flaw.reason, flaw.text)
        }
    }

    private static let kindNames: [StaticString] = [
        "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER",
        "SPAN_KIND_CONSUMER",
    ]
    private static let statusNames: [StaticString] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]

    // MARK: Events and links

    private mutating func events(_ cursor: inout JSONCursor, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        var all = ByteBuffer(capacity: 256)
        try cursor.elements { (cursor) throws(DecodeError) in
            var time: UInt64 = 0
            var name: [UInt8] = []
            var encoded = ByteBuffer(capacity: 64)
            var dropped: UInt32 = 0
            try cursor.members { (key, cursor) throws(DecodeError) in
                if key.spells("timeUnixNano") {
                    time = try unsigned(&cursor)
                } else if key.spells("name") {
                    name = try bytes(&cursor)
                } else if key.spells("attributes") {
                    dropped = dropped.clampedSum(try appendAttributes(&cursor, to: &encoded, depth: 0))
                } else if key.spells("droppedAttributesCount") {
                    dropped = UInt32(clamping: try unsigned(&cursor))
                } else {
                    return false
                }
                return true
            }
            name.withUnsafeBytes {
                all.append(
                    eventAt: Int64(clamping: time), name: $0, droppedAttributes: dropped, attributes: encoded.bytes)
            }
        }
        return batch.write(all.bytes)
    }

    private mutating func links(_ cursor: inout JSONCursor, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        var all = ByteBuffer(capacity: 256)
        try cursor.elements { (cursor) throws(DecodeError) in
            var ids = JSONIdentifiers()
            var state: [UInt8] = []
            var encoded = ByteBuffer(capacity: 64)
            var dropped: UInt32 = 0
            var flags: UInt64 = 0
            try cursor.members { (key, cursor) throws(DecodeError) in
                if key.spells("traceId") {
                    ids.trace = try hex(&cursor)
                } else if key.spells("spanId") {
                    ids.span = try hex(&cursor)
                } else if key.spells("traceState") {
                    state = try bytes(&cursor)
                } else if key.spells("attributes") {
                    dropped = dropped.clampedSum(try appendAttributes(&cursor, to: &encoded, depth: 0))
                } else if key.spells("droppedAttributesCount") {
                    dropped = UInt32(clamping: try unsigned(&cursor))
                } else if key.spells("flags") {
                    flags = try unsigned(&cursor)
                } else {
                    return false
                }
                return true
            }
            ids.withBytes { trace, span, _ in
                guard let trace = TraceID(bytes: trace), let span = SpanID(bytes: span) else { return }
                state.withUnsafeBytes {
                    all.append(
                        linkTo: trace, span, flags: UInt32(clamping: flags), traceState: $0, droppedAttributes: dropped,
                        attributes: encoded.bytes)
                }
            }
        }
        return batch.write(all.bytes)
    }
}

/// Identifiers out of hexadecimal digits.
private struct JSONIdentifiers {
    var trace: [UInt8] = []
    var span: [UInt8] = []
    var parent: [UInt8] = []

    func withBytes<R>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> R
    ) -> R {
        trace.withUnsafeBytes { trace in
            span.withUnsafeBytes { span in parent.withUnsafeBytes { body(trace, span, $0) } }
        }
    }
}

extension UInt32 {
    fileprivate func clampedSum(_ more: Int) -> UInt32 { UInt64(self).clampedSum(more) }
}
