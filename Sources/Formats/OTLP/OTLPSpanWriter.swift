import Bedrock
import Model

/// Writes span batches as OTLP's `ExportTraceServiceRequest` (opentelemetry-proto 1.x, protobuf). Not thread-safe.
///
/// Spans keep their order; one that has another resource or scope than the span before it begins a new group.
public struct OTLPSpanWriter: ~Copyable {
    private var envelope: OTLPEnvelope
    private var fields = ByteBuffer(capacity: 1 << 10)

    public init(capacity: Int = 64 << 10) { envelope = OTLPEnvelope(capacity: capacity) }

    /// The request; invalid after the next call.
    public var bytes: UnsafeRawBufferPointer { envelope.buffer.bytes }

    public mutating func clear() { envelope.clear() }

    /// Appends the spans of `rows` (all of them by default) as whole resource groups.
    public mutating func append(_ batch: SpanBatch, rows: Range<Int>? = nil) {
        batch.withArena { arena in
            append(
                Source(batch: batch, arena: arena), rows: (rows ?? 0..<batch.rowCount).clamped(to: 0..<batch.rowCount))
        }
    }

    /// A batch while its arena is at hand.
    private struct Source {
        let batch: SpanBatch
        let arena: UnsafeRawBufferPointer

        func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer { arena[range] }

        func resource(_ number: Int32) -> SpanBatch.Resource? {
            batch.resources.indices.contains(Int(number)) ? batch.resources[Int(number)] : nil
        }

        func scope(_ number: Int32) -> SpanBatch.Scope? {
            batch.scopes.indices.contains(Int(number)) ? batch.scopes[Int(number)] : nil
        }
    }

    private mutating func append(_ source: Source, rows: Range<Int>) {
        var resource: Int32?
        var scope: Int32?
        for index in rows {
            let row = source.batch.rows[index]
            if row.resource != resource {
                end(resource, scope, source)
                begin(resource: row.resource, source)
                begin(scope: row.scope, source)
            } else if row.scope != scope {
                endScope(scope, source)
                begin(scope: row.scope, source)
            }
            (resource, scope) = (row.resource, row.scope)
            append(row, source)
        }
        end(resource, scope, source)
    }

    private mutating func begin(resource number: Int32, _ batch: Source) {
        fields.clear()
        if let resource = batch.resource(number) {
            fields.append(field: 1, attributes: batch.bytes(resource.attributes))
            if resource.droppedAttributes > 0 { fields.append(field: 2, varint: UInt64(resource.droppedAttributes)) }
        }
        envelope.beginResource(fields.bytes)
    }

    private mutating func begin(scope number: Int32, _ batch: Source) {
        fields.clear()
        if let scope = batch.scope(number) {
            if !scope.name.isEmpty { fields.append(field: 1, bytes: batch.bytes(scope.name)) }
            if !scope.version.isEmpty { fields.append(field: 2, bytes: batch.bytes(scope.version)) }
            fields.append(field: 3, attributes: batch.bytes(scope.attributes))
            if scope.droppedAttributes > 0 { fields.append(field: 4, varint: UInt64(scope.droppedAttributes)) }
        }
        envelope.beginScope(fields.bytes)
    }

    private mutating func endScope(_ scope: Int32?, _ batch: Source) {
        let known = scope.flatMap { batch.scope($0) }
        envelope.endScope(schemaURL: known.map { batch.bytes($0.schemaURL) } ?? .init(start: nil, count: 0))
    }

    private mutating func end(_ resource: Int32?, _ scope: Int32?, _ batch: Source) {
        endScope(scope, batch)
        let known = resource.flatMap { batch.resource($0) }
        envelope.endResource(schemaURL: known.map { batch.bytes($0.schemaURL) } ?? .init(start: nil, count: 0))
    }

    private mutating func append(_ row: SpanBatch.Row, _ batch: Source) {
        let start = envelope.beginRecord()
        envelope.buffer.append(field: 1, high: row.traceID.high, low: row.traceID.low)
        envelope.buffer.append(field: 2, identifier: row.spanID.value)
        if !row.traceState.isEmpty { envelope.buffer.append(field: 3, bytes: batch.bytes(row.traceState)) }
        if !row.parentID.isZero { envelope.buffer.append(field: 4, identifier: row.parentID.value) }
        if !row.name.isEmpty { envelope.buffer.append(field: 5, bytes: batch.bytes(row.name)) }
        if row.kind != .unspecified { envelope.buffer.append(field: 6, varint: UInt64(row.kind.rawValue)) }
        envelope.buffer.append(field: 7, fixed64: UInt64(max(0, row.start)))
        envelope.buffer.append(field: 8, fixed64: UInt64(max(0, row.end)))
        envelope.buffer.append(field: 9, attributes: batch.bytes(row.attributes))
        if row.droppedAttributes > 0 { envelope.buffer.append(field: 10, varint: UInt64(row.droppedAttributes)) }
        append(events: batch.bytes(row.events))
        if row.droppedEvents > 0 { envelope.buffer.append(field: 12, varint: UInt64(row.droppedEvents)) }
        append(links: batch.bytes(row.links))
        if row.droppedLinks > 0 { envelope.buffer.append(field: 14, varint: UInt64(row.droppedLinks)) }
        if row.status != .unset || !row.statusMessage.isEmpty {
            let status = envelope.buffer.beginMessage(field: 15)
            if !row.statusMessage.isEmpty { envelope.buffer.append(field: 2, bytes: batch.bytes(row.statusMessage)) }
            if row.status != .unset { envelope.buffer.append(field: 3, varint: UInt64(row.status.rawValue)) }
            envelope.buffer.endMessage(status)
        }
        if row.flags != 0 { envelope.buffer.append(field: 16, fixed32: row.flags) }
        envelope.endRecord(start)
    }

    private mutating func append(events encoded: UnsafeRawBufferPointer) {
        var cursor = SpanEventCursor(encoded)
        while cursor.next() {
            let start = envelope.buffer.beginMessage(field: 11)
            envelope.buffer.append(field: 1, fixed64: UInt64(max(0, cursor.time)))
            envelope.buffer.append(field: 2, bytes: cursor.name)
            envelope.buffer.append(field: 3, attributes: cursor.attributes)
            if cursor.droppedAttributes > 0 {
                envelope.buffer.append(field: 4, varint: UInt64(cursor.droppedAttributes))
            }
            envelope.buffer.endMessage(start)
        }
    }

    private mutating func append(links encoded: UnsafeRawBufferPointer) {
        var cursor = SpanLinkCursor(encoded)
        while cursor.next() {
            let start = envelope.buffer.beginMessage(field: 13)
            envelope.buffer.append(field: 1, high: cursor.traceID.high, low: cursor.traceID.low)
            envelope.buffer.append(field: 2, identifier: cursor.spanID.value)
            if !cursor.traceState.isEmpty { envelope.buffer.append(field: 3, bytes: cursor.traceState) }
            envelope.buffer.append(field: 4, attributes: cursor.attributes)
            if cursor.droppedAttributes > 0 {
                envelope.buffer.append(field: 5, varint: UInt64(cursor.droppedAttributes))
            }
            if cursor.flags != 0 { envelope.buffer.append(field: 6, fixed32: cursor.flags) }
            envelope.buffer.endMessage(start)
        }
    }
}
