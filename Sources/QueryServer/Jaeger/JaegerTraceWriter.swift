import Bedrock
import Formats
import Model

/// Writes a trace as Jaeger's query API has it (`model/json`), from OTLP's model as Jaeger maps it: the resource becomes the process, kind, status and
/// scope become tags, events logs, links references that follow from.
struct JaegerTraceWriter {
    private let batch: SpanBatch
    private let arena: UnsafeRawBufferPointer
    /// A process for each resource; equal ones share it.
    private var processes: [Int] = []
    private var firstResources: [Int] = []

    private static let serviceName: StaticString = "service.name"

    init(_ batch: SpanBatch, arena: UnsafeRawBufferPointer) {
        self.batch = batch
        self.arena = arena
        var known: [[UInt8]: Int] = [:]
        for (index, resource) in batch.resources.enumerated() {
            let bytes = Array(arena[resource.attributes])
            if let process = known[bytes] {
                processes.append(process)
            } else {
                processes.append(firstResources.count)
                known[bytes] = firstResources.count
                firstResources.append(index)
            }
        }
    }

    /// Writes the spans `rows`, which are all of the trace `id`.
    func write(_ id: TraceID, isWhole: Bool, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("traceID", id.description)
        writer.key("spans")
        writer.beginArray()
        for row in batch.rows { span(row, &writer) }
        writer.endArray()
        writer.key("processes")
        writer.beginObject()
        for (process, resource) in firstResources.enumerated() {
            writer.key("p\(process + 1)")
            self.process(batch.resources[resource], &writer)
        }
        writer.endObject()
        writer.key("warnings")
        if isWhole {
            writer.null()
        } else {
            writer.strings(["the trace is too large to be shown: spans are missing"])
        }
        writer.endObject()
    }

    private func process(_ resource: SpanBatch.Resource, _ writer: inout JSONWriter) {
        var name = UnsafeRawBufferPointer(start: nil, count: 0)
        var cursor = AttributeCursor(arena[resource.attributes])
        while cursor.next() {
            if cursor.value.type == .string, cursor.key.equals(Self.serviceName) { name = cursor.value.payload }
        }
        writer.beginObject()
        writer.key("serviceName")
        writer.string(name)
        writer.key("tags")
        writer.beginArray()
        tags(resource.attributes, without: Self.serviceName, &writer)
        writer.endArray()
        writer.endObject()
    }

    private func span(_ row: SpanBatch.Row, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("traceID", row.traceID.description)
        writer.member("spanID", row.spanID.description)
        writer.key("flags")
        writer.integer(row.flags & 0xff)
        writer.key("operationName")
        writer.string(arena[row.name])
        writer.key("references")
        references(row, &writer)
        writer.key("startTime")
        writer.integer(row.start / 1000)
        writer.key("duration")
        writer.integer(row.duration / 1000)
        writer.key("tags")
        writer.beginArray()
        scope(batch.scopes[Int(row.scope)], &writer)
        tags(row.attributes, &writer)
        derivedTags(row, &writer)
        writer.endArray()
        writer.key("logs")
        logs(row, &writer)
        writer.member("processID", "p\(processes[Int(row.resource)] + 1)")
        writer.key("warnings")
        writer.null()
        writer.endObject()
    }

    private func references(_ row: SpanBatch.Row, _ writer: inout JSONWriter) {
        writer.beginArray()
        if !row.parentID.isZero { reference("CHILD_OF", row.traceID, row.parentID, &writer) }
        var cursor = SpanLinkCursor(arena[row.links])
        while cursor.next() { reference("FOLLOWS_FROM", cursor.traceID, cursor.spanID, &writer) }
        writer.endArray()
    }

    private func reference(_ type: String, _ trace: TraceID, _ span: SpanID, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("refType", type)
        writer.member("traceID", trace.description)
        writer.member("spanID", span.description)
        writer.endObject()
    }

    private func scope(_ scope: SpanBatch.Scope, _ writer: inout JSONWriter) {
        if !scope.name.isEmpty { tag("otel.scope.name", arena[scope.name], &writer) }
        if !scope.version.isEmpty { tag("otel.scope.version", arena[scope.version], &writer) }
    }

    /// What OTLP has fields for and Jaeger tags.
    private func derivedTags(_ row: SpanBatch.Row, _ writer: inout JSONWriter) {
        if row.kind != .unspecified { tag("span.kind", row.kind.jaegerName, &writer) }
        if !row.traceState.isEmpty { tag("w3c.tracestate", arena[row.traceState], &writer) }
        switch row.status {
        case .unset: break
        case .ok: tag("otel.status_code", "OK", &writer)
        case .error:
            tag("otel.status_code", "ERROR", &writer)
            writer.beginObject()
            writer.member("key", "error")
            writer.member("type", "bool")
            writer.key("value")
            writer.bool(true)
            writer.endObject()
        }
        if !row.statusMessage.isEmpty { tag("otel.status_description", arena[row.statusMessage], &writer) }
    }

    private func logs(_ row: SpanBatch.Row, _ writer: inout JSONWriter) {
        writer.beginArray()
        var cursor = SpanEventCursor(arena[row.events])
        while cursor.next() {
            writer.beginObject()
            writer.key("timestamp")
            writer.integer(cursor.time / 1000)
            writer.key("fields")
            writer.beginArray()
            if cursor.name.count > 0 { tag("event", cursor.name, &writer) }
            tags(cursor.attributes, &writer)
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
    }

    // MARK: Tags

    private func tags(_ range: ByteRange, without skipped: StaticString = "", _ writer: inout JSONWriter) {
        tags(arena[range], without: skipped, &writer)
    }

    private func tags(
        _ attributes: UnsafeRawBufferPointer, without skipped: StaticString = "", _ writer: inout JSONWriter
    ) {
        var cursor = AttributeCursor(attributes)
        while cursor.next() {
            if skipped.utf8CodeUnitCount > 0 && cursor.key.equals(skipped) { continue }
            writer.beginObject()
            writer.key("key")
            writer.string(cursor.key)
            writer.member("type", cursor.value.type.jaegerName)
            writer.key("value")
            switch cursor.value.type {
            case .array, .map:
                var json = JSONWriter(capacity: 128)
                json.attribute(cursor.value)
                writer.string(json.buffer.bytes)
            case .empty: writer.string("")
            default: writer.attribute(cursor.value)
            }
            writer.endObject()
        }
    }

    private func tag(_ key: StaticString, _ value: UnsafeRawBufferPointer, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("key")
        writer.string(UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        writer.member("type", "string")
        writer.key("value")
        writer.string(value)
        writer.endObject()
    }

    private func tag(_ key: StaticString, _ value: String, _ writer: inout JSONWriter) {
        var value = value
        value.withUTF8 { tag(key, UnsafeRawBufferPointer($0), &writer) }
    }
}

extension SpanKind {
    /// As Jaeger's tag `span.kind` has it.
    var jaegerName: String {
        switch self {
        case .unspecified: "unspecified"
        case .internal: "internal"
        case .server: "server"
        case .client: "client"
        case .producer: "producer"
        case .consumer: "consumer"
        }
    }

    init?(jaegerName name: String) {
        guard let kind = Self.allCases.first(where: { $0.jaegerName == name }) else { return nil }
        self = kind
    }
}

extension AttributeType {
    fileprivate var jaegerName: String {
        switch self {
        case .empty, .string, .array, .map: "string"
        case .bool: "bool"
        case .int: "int64"
        case .double: "float64"
        case .bytes: "binary"
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
