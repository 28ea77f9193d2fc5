import Bedrock
import Model

/// Writes spans as OTLP's protobuf: `ExportTraceServiceRequest`, which has the form of `TracesData`. What a decoder reads from it equals what was written.
public enum OTLPTracesWriter {
    /// Appends the spans of `batch` to `target`, those of one resource and scope together, otherwise in their order.
    public static func protobuf(_ batch: SpanBatch, into target: inout ByteBuffer) {
        batch.withArena { arena in
            for (resource, scopes) in grouped(batch) {
                var message = ByteBuffer(capacity: 4096)
                write(batch.resources[resource], arena, into: &message)
                for (scope, rows) in scopes {
                    var inner = ByteBuffer(capacity: 4096)
                    write(batch.scopes[scope], arena, into: &inner)
                    for row in rows {
                        var span = ByteBuffer(capacity: 512)
                        write(batch.rows[row], arena, into: &span)
                        inner.append(field: 2, bytes: span.bytes)
                    }
                    append(arena[batch.scopes[scope].schemaURL], 3, to: &inner)
                    message.append(field: 2, bytes: inner.bytes)
                }
                append(arena[batch.resources[resource].schemaURL], 3, to: &message)
                target.append(field: 1, bytes: message.bytes)
            }
        }
    }

    /// Rows by resource, then by scope, each in the order of first use.
    static func grouped(_ batch: SpanBatch) -> [(resource: Int, scopes: [(scope: Int, rows: [Int])])] {
        var places = [Int](repeating: -1, count: batch.resources.count)
        var groups: [(resource: Int, scopes: [(scope: Int, rows: [Int])])] = []
        for (index, row) in batch.rows.enumerated() {
            let (resource, scope) = (Int(row.resource), Int(row.scope))
            if places[resource] < 0 {
                places[resource] = groups.count
                groups.append((resource, []))
            }
            let place = places[resource]
            if let last = groups[place].scopes.lastIndex(where: { $0.scope == scope }) {
                groups[place].scopes[last].rows.append(index)
            } else {
                groups[place].scopes.append((scope, [index]))
            }
        }
        return groups
    }

    /// Empty texts are left out, as proto3 has it.
    private static func append(_ text: UnsafeRawBufferPointer, _ field: Int, to target: inout ByteBuffer) {
        if text.count > 0 { target.append(field: field, bytes: text) }
    }

    private static func append(count: UInt32, _ field: Int, to target: inout ByteBuffer) {
        if count > 0 { target.append(field: field, varint: UInt64(count)) }
    }

    private static func write(
        _ resource: SpanBatch.Resource, _ arena: UnsafeRawBufferPointer, into target: inout ByteBuffer
    ) {
        var message = ByteBuffer(capacity: 256)
        attributes(arena[resource.attributes], 1, into: &message)
        append(count: resource.droppedAttributes, 2, to: &message)
        target.append(field: 1, bytes: message.bytes)
    }

    private static func write(
        _ scope: SpanBatch.Scope, _ arena: UnsafeRawBufferPointer, into target: inout ByteBuffer
    ) {
        var message = ByteBuffer(capacity: 64)
        append(arena[scope.name], 1, to: &message)
        append(arena[scope.version], 2, to: &message)
        attributes(arena[scope.attributes], 3, into: &message)
        append(count: scope.droppedAttributes, 4, to: &message)
        target.append(field: 1, bytes: message.bytes)
    }

    private static func write(_ row: SpanBatch.Row, _ arena: UnsafeRawBufferPointer, into target: inout ByteBuffer) {
        target.append(field: 1, messageLength: 16)
        target.append(littleEndian: row.traceID.high.bigEndian)
        target.append(littleEndian: row.traceID.low.bigEndian)
        id(row.spanID, 2, into: &target)
        append(arena[row.traceState], 3, to: &target)
        if !row.parentID.isZero { id(row.parentID, 4, into: &target) }
        append(arena[row.name], 5, to: &target)
        append(count: UInt32(row.kind.rawValue), 6, to: &target)
        fixed64(row.start, 7, into: &target)
        fixed64(row.end, 8, into: &target)
        attributes(arena[row.attributes], 9, into: &target)
        append(count: row.droppedAttributes, 10, to: &target)
        events(arena[row.events], into: &target)
        append(count: row.droppedEvents, 12, to: &target)
        links(arena[row.links], into: &target)
        append(count: row.droppedLinks, 14, to: &target)
        if row.status != .unset || !row.statusMessage.isEmpty {
            var status = ByteBuffer(capacity: 64)
            append(arena[row.statusMessage], 2, to: &status)
            append(count: UInt32(row.status.rawValue), 3, to: &status)
            target.append(field: 15, bytes: status.bytes)
        }
        fixed32(row.flags, 16, into: &target)
    }

    private static func id(_ id: SpanID, _ field: Int, into target: inout ByteBuffer) {
        target.append(field: field, messageLength: 8)
        target.append(littleEndian: id.value.bigEndian)
    }

    private static func fixed64(_ value: Int64, _ field: Int, into target: inout ByteBuffer) {
        guard value != 0 else { return }
        target.append(varint: UInt64(field) << 3 | 1)
        target.append(littleEndian: value)
    }

    private static func fixed32(_ value: UInt32, _ field: Int, into target: inout ByteBuffer) {
        guard value != 0 else { return }
        target.append(varint: UInt64(field) << 3 | 5)
        target.append(littleEndian: value)
    }

    private static func events(_ bytes: UnsafeRawBufferPointer, into target: inout ByteBuffer) {
        var cursor = SpanEventCursor(bytes)
        while cursor.next() {
            var event = ByteBuffer(capacity: 256)
            fixed64(cursor.time, 1, into: &event)
            append(cursor.name, 2, to: &event)
            attributes(cursor.attributes, 3, into: &event)
            append(count: cursor.droppedAttributes, 4, to: &event)
            target.append(field: 11, bytes: event.bytes)
        }
    }

    private static func links(_ bytes: UnsafeRawBufferPointer, into target: inout ByteBuffer) {
        var cursor = SpanLinkCursor(bytes)
        while cursor.next() {
            var link = ByteBuffer(capacity: 64)
            link.append(field: 1, messageLength: 16)
            link.append(littleEndian: cursor.traceID.high.bigEndian)
            link.append(littleEndian: cursor.traceID.low.bigEndian)
            id(cursor.spanID, 2, into: &link)
            append(cursor.traceState, 3, to: &link)
            attributes(cursor.attributes, 4, into: &link)
            append(count: cursor.droppedAttributes, 5, to: &link)
            fixed32(cursor.flags, 6, into: &link)
            target.append(field: 13, bytes: link.bytes)
        }
    }

    /// Each attribute as a `KeyValue` in field `field`.
    static func attributes(_ bytes: UnsafeRawBufferPointer, _ field: Int, into target: inout ByteBuffer) {
        var cursor = AttributeCursor(bytes)
        while cursor.next() {
            var value = ByteBuffer(capacity: 64)
            write(cursor.value, into: &value)
            var pair = ByteBuffer(capacity: 96)
            append(cursor.key, 1, to: &pair)
            pair.append(field: 2, bytes: value.bytes)
            target.append(field: field, bytes: pair.bytes)
        }
    }

    private static func write(_ value: AttributeBytes, into target: inout ByteBuffer) {
        switch value.type {
        case .empty: break
        case .string: target.append(field: 1, bytes: value.payload)
        case .bool: target.append(field: 2, varint: value.bool ? 1 : 0)
        case .int: target.append(field: 3, varint: UInt64(bitPattern: value.int))
        case .double: target.append(field: 4, double: value.double)
        case .bytes: target.append(field: 7, bytes: value.payload)
        case .array:
            var list = ByteBuffer(capacity: 64)
            var cursor = AttributeCursor(value.payload)
            while let element = cursor.nextElement() {
                var inner = ByteBuffer(capacity: 32)
                write(element, into: &inner)
                list.append(field: 1, bytes: inner.bytes)
            }
            target.append(field: 5, bytes: list.bytes)
        case .map:
            var list = ByteBuffer(capacity: 64)
            attributes(value.payload, 1, into: &list)
            target.append(field: 6, bytes: list.bytes)
        }
    }
}
