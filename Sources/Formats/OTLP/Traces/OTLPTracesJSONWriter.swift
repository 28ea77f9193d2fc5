import Bedrock
import Model

/// Writes spans as OTLP/JSON: identifiers in hex as OTLP has them, or in base64 as proto3's own JSON does, which is the form of Tempo's first trace API.
public struct OTLPTracesJSONWriter: Sendable {
    public enum Identifiers: Sendable { case hex, base64 }

    public let identifiers: Identifiers

    public init(identifiers: Identifiers = .hex) { self.identifiers = identifiers }

    /// The list that `resourceSpans` (in Tempo's first API `batches`) holds.
    public func resourceSpans(_ batch: SpanBatch, to writer: inout JSONWriter) {
        writer.beginArray()
        batch.withArena { arena in
            for (resource, scopes) in OTLPTracesWriter.grouped(batch) {
                writer.beginObject()
                self.resource(batch.resources[resource], arena, to: &writer)
                writer.key("scopeSpans")
                writer.beginArray()
                for (scope, rows) in scopes {
                    writer.beginObject()
                    self.scope(batch.scopes[scope], arena, to: &writer)
                    writer.key("spans")
                    writer.beginArray()
                    for row in rows { span(batch.rows[row], arena, to: &writer) }
                    writer.endArray()
                    text("schemaUrl", arena[batch.scopes[scope].schemaURL], to: &writer)
                    writer.endObject()
                }
                writer.endArray()
                text("schemaUrl", arena[batch.resources[resource].schemaURL], to: &writer)
                writer.endObject()
            }
        }
        writer.endArray()
    }

    private func resource(
        _ resource: SpanBatch.Resource, _ arena: UnsafeRawBufferPointer, to writer: inout JSONWriter
    ) {
        writer.key("resource")
        writer.beginObject()
        attributes(arena[resource.attributes], to: &writer)
        count("droppedAttributesCount", resource.droppedAttributes, to: &writer)
        writer.endObject()
    }

    private func scope(_ scope: SpanBatch.Scope, _ arena: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        writer.key("scope")
        writer.beginObject()
        text("name", arena[scope.name], to: &writer)
        text("version", arena[scope.version], to: &writer)
        attributes(arena[scope.attributes], to: &writer)
        count("droppedAttributesCount", scope.droppedAttributes, to: &writer)
        writer.endObject()
    }

    private func span(_ row: SpanBatch.Row, _ arena: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        writer.beginObject()
        trace(row.traceID, to: &writer)
        id("spanId", row.spanID, to: &writer)
        text("traceState", arena[row.traceState], to: &writer)
        if !row.parentID.isZero { id("parentSpanId", row.parentID, to: &writer) }
        text("name", arena[row.name], to: &writer)
        if row.kind != .unspecified {
            writer.key("kind")
            if identifiers == .hex { writer.integer(row.kind.rawValue) } else { writer.string(row.kind.protoName) }
        }
        writer.key("startTimeUnixNano")
        writer.quotedInteger(row.start)
        writer.key("endTimeUnixNano")
        writer.quotedInteger(row.end)
        attributes(arena[row.attributes], to: &writer)
        count("droppedAttributesCount", row.droppedAttributes, to: &writer)
        events(arena[row.events], to: &writer)
        count("droppedEventsCount", row.droppedEvents, to: &writer)
        links(arena[row.links], to: &writer)
        count("droppedLinksCount", row.droppedLinks, to: &writer)
        writer.key("status")
        writer.beginObject()
        text("message", arena[row.statusMessage], to: &writer)
        if row.status != .unset {
            writer.key("code")
            if identifiers == .hex { writer.integer(row.status.rawValue) } else { writer.string(row.status.protoName) }
        }
        writer.endObject()
        count("flags", row.flags, to: &writer)
        writer.endObject()
    }

    private func events(_ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        guard bytes.count > 0 else { return }
        writer.key("events")
        writer.beginArray()
        var cursor = SpanEventCursor(bytes)
        while cursor.next() {
            writer.beginObject()
            writer.key("timeUnixNano")
            writer.quotedInteger(cursor.time)
            text("name", cursor.name, to: &writer)
            attributes(cursor.attributes, to: &writer)
            count("droppedAttributesCount", cursor.droppedAttributes, to: &writer)
            writer.endObject()
        }
        writer.endArray()
    }

    private func links(_ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        guard bytes.count > 0 else { return }
        writer.key("links")
        writer.beginArray()
        var cursor = SpanLinkCursor(bytes)
        while cursor.next() {
            writer.beginObject()
            trace(cursor.traceID, to: &writer)
            id("spanId", cursor.spanID, to: &writer)
            text("traceState", cursor.traceState, to: &writer)
            attributes(cursor.attributes, to: &writer)
            count("droppedAttributesCount", cursor.droppedAttributes, to: &writer)
            count("flags", cursor.flags, to: &writer)
            writer.endObject()
        }
        writer.endArray()
    }

    // MARK: Parts

    private func text(_ key: StaticString, _ text: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        guard text.count > 0 else { return }
        writer.key(key)
        writer.string(text)
    }

    private func count(_ key: StaticString, _ count: UInt32, to writer: inout JSONWriter) {
        guard count > 0 else { return }
        writer.key(key)
        writer.integer(count)
    }

    private func trace(_ id: TraceID, to writer: inout JSONWriter) {
        writer.key("traceId")
        if identifiers == .hex { return writer.string(id.description) }
        let bytes = (id.high.bigEndian, id.low.bigEndian)
        withUnsafeBytes(of: bytes) { writer.base64($0) }
    }

    private func id(_ key: StaticString, _ id: SpanID, to writer: inout JSONWriter) {
        writer.key(key)
        if identifiers == .hex { return writer.string(id.description) }
        withUnsafeBytes(of: id.value.bigEndian) { writer.base64($0) }
    }

    private func attributes(_ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        guard bytes.count > 0 else { return }
        writer.key("attributes")
        members(bytes, to: &writer)
    }

    private func members(_ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        writer.beginArray()
        var cursor = AttributeCursor(bytes)
        while cursor.next() {
            writer.beginObject()
            writer.key("key")
            writer.string(cursor.key)
            writer.key("value")
            value(cursor.value, to: &writer)
            writer.endObject()
        }
        writer.endArray()
    }

    private func value(_ value: AttributeBytes, to writer: inout JSONWriter) {
        writer.beginObject()
        switch value.type {
        case .empty: break
        case .string:
            writer.key("stringValue")
            writer.string(value.payload)
        case .bool:
            writer.key("boolValue")
            writer.bool(value.bool)
        case .int:
            writer.key("intValue")
            writer.quotedInteger(value.int)
        case .double:
            writer.key("doubleValue")
            let number = value.double
            if number.isFinite {
                writer.number(number)
            } else {
                writer.string(number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity")
            }
        case .bytes:
            writer.key("bytesValue")
            writer.base64(value.payload)
        case .array:
            writer.key("arrayValue")
            writer.beginObject()
            writer.key("values")
            writer.beginArray()
            var cursor = AttributeCursor(value.payload)
            while let element = cursor.nextElement() { self.value(element, to: &writer) }
            writer.endArray()
            writer.endObject()
        case .map:
            writer.key("kvlistValue")
            writer.beginObject()
            writer.key("values")
            members(value.payload, to: &writer)
            writer.endObject()
        }
        writer.endObject()
    }
}

extension SpanKind {
    /// As OTLP's enumeration names it.
    public var protoName: String {
        switch self {
        case .unspecified: "SPAN_KIND_UNSPECIFIED"
        case .internal: "SPAN_KIND_INTERNAL"
        case .server: "SPAN_KIND_SERVER"
        case .client: "SPAN_KIND_CLIENT"
        case .producer: "SPAN_KIND_PRODUCER"
        case .consumer: "SPAN_KIND_CONSUMER"
        }
    }
}

extension SpanStatus {
    /// As OTLP's enumeration names it.
    public var protoName: String {
        switch self {
        case .unset: "STATUS_CODE_UNSET"
        case .ok: "STATUS_CODE_OK"
        case .error: "STATUS_CODE_ERROR"
        }
    }
}
