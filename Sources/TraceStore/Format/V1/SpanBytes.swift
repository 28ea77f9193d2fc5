import Bedrock
import Model

/// A span where it lies in a record's payload. Valid as long as the bytes are.
///
/// ```
///  0            8           16       24         32     40   48              49
/// ┌────────────┬───────────┬────────┬──────────┬──────┬────┬───────────────┬───────┬──────────┬───────┬──────┬────────────┬──────┐
/// │ trace high │ trace low │ span   │ parent   │start │end │ kind, status  │ which │ resource │ scope │ name │ attributes │ rest │
/// │ u64        │ u64       │ id u64 │ id u64   │ i64  │i64 │ in bit 4 u8   │ u8    │ varint   │varint │      │            │      │
/// └────────────┴───────────┴────────┴──────────┴──────┴────┴───────────────┴───────┴──────────┴───────┴──────┴────────────┴──────┘
/// ```
/// Numbers are little-endian; texts have a varint length in front. The rest is what the bits of `which` say, in this order: status message,
/// trace state, flags (varint), three counts of dropped attributes, events, links (varints), events, links.
struct SpanBytes {
    static let headBytes = 50

    private enum Part {
        static let statusMessage: UInt8 = 1
        static let traceState: UInt8 = 2
        static let flags: UInt8 = 4
        static let dropped: UInt8 = 8
        static let events: UInt8 = 16
        static let links: UInt8 = 32
        static let all: UInt8 = 63
    }

    var traceID: TraceID
    var spanID: UInt64
    var parentID: UInt64
    var start: Int64
    var end: Int64
    var kind: UInt8
    var status: UInt8
    /// Of the record.
    var resource: Int32
    var scope: Int32
    var name: UnsafeRawBufferPointer
    var attributes: UnsafeRawBufferPointer
    var statusMessage = UnsafeRawBufferPointer(start: nil, count: 0)
    var traceState = UnsafeRawBufferPointer(start: nil, count: 0)
    var events = UnsafeRawBufferPointer(start: nil, count: 0)
    var links = UnsafeRawBufferPointer(start: nil, count: 0)
    var flags: UInt32 = 0
    var droppedAttributes: UInt32 = 0
    var droppedEvents: UInt32 = 0
    var droppedLinks: UInt32 = 0

    /// One put together, whose texts are set afterwards.
    init(
        traceID: TraceID, spanID: UInt64, start: Int64, end: Int64, code: UInt8, resource: Int32, scope: Int32,
        name: UnsafeRawBufferPointer
    ) {
        self.traceID = traceID
        self.spanID = spanID
        parentID = 0
        self.start = start
        self.end = end
        kind = code & 15
        status = code >> 4
        self.resource = resource
        self.scope = scope
        self.name = name
        attributes = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// A batch's row.
    init(_ row: SpanBatch.Row, _ arena: UnsafeRawBufferPointer) {
        self.init(
            traceID: row.traceID, spanID: row.spanID.value, start: row.start, end: row.end,
            code: row.kind.rawValue | row.status.rawValue << 4, resource: row.resource, scope: row.scope,
            name: arena[row.name])
        parentID = row.parentID.value
        attributes = arena[row.attributes]
        statusMessage = arena[row.statusMessage]
        traceState = arena[row.traceState]
        events = arena[row.events]
        links = arena[row.links]
        flags = row.flags
        droppedAttributes = row.droppedAttributes
        droppedEvents = row.droppedEvents
        droppedLinks = row.droppedLinks
    }

    init(_ reader: inout ByteReader) throws(DecodeError) {
        let from = reader.offset
        traceID = TraceID(high: try reader.littleEndian(), low: try reader.littleEndian())
        spanID = try reader.littleEndian()
        parentID = try reader.littleEndian()
        start = try reader.littleEndian()
        end = try reader.littleEndian()
        let code = try reader.u8()
        kind = code & 15
        status = code >> 4
        guard SpanKind(rawValue: kind) != nil, SpanStatus(rawValue: status) != nil else {
            throw DecodeError("span kind \(kind), status \(status)", at: from)
        }
        let parts = try reader.u8()
        guard parts & ~Part.all == 0 else { throw DecodeError("unknown parts \(parts) of a span", at: from) }
        resource = Int32(try reader.length(limit: Int(Int32.max)))
        scope = Int32(try reader.length(limit: Int(Int32.max)))
        name = try reader.prefixed()
        attributes = try reader.prefixed()
        if parts == 0 { return }
        if parts & Part.statusMessage != 0 { statusMessage = try reader.prefixed() }
        if parts & Part.traceState != 0 { traceState = try reader.prefixed() }
        if parts & Part.flags != 0 { flags = UInt32(clamping: try reader.varint()) }
        if parts & Part.dropped != 0 {
            droppedAttributes = UInt32(clamping: try reader.varint())
            droppedEvents = UInt32(clamping: try reader.varint())
            droppedLinks = UInt32(clamping: try reader.varint())
        }
        if parts & Part.events != 0 { events = try reader.prefixed() }
        if parts & Part.links != 0 { links = try reader.prefixed() }
    }

    static func append(
        _ row: SpanBatch.Row, resource: Int32, scope: Int32, _ arena: UnsafeRawBufferPointer,
        to target: inout ByteBuffer
    ) {
        target.append(littleEndian: row.traceID.high)
        target.append(littleEndian: row.traceID.low)
        target.append(littleEndian: row.spanID.value)
        target.append(littleEndian: row.parentID.value)
        target.append(littleEndian: row.start)
        target.append(littleEndian: row.end)
        target.append(row.kind.rawValue | row.status.rawValue << 4)
        var parts: UInt8 = 0
        if !row.statusMessage.isEmpty { parts |= Part.statusMessage }
        if !row.traceState.isEmpty { parts |= Part.traceState }
        if row.flags != 0 { parts |= Part.flags }
        if row.droppedAttributes | row.droppedEvents | row.droppedLinks != 0 { parts |= Part.dropped }
        if !row.events.isEmpty { parts |= Part.events }
        if !row.links.isEmpty { parts |= Part.links }
        target.append(parts)
        target.append(varint: Int(resource))
        target.append(varint: Int(scope))
        target.append(prefixed: arena[row.name])
        target.append(prefixed: arena[row.attributes])
        if parts == 0 { return }
        if parts & Part.statusMessage != 0 { target.append(prefixed: arena[row.statusMessage]) }
        if parts & Part.traceState != 0 { target.append(prefixed: arena[row.traceState]) }
        if parts & Part.flags != 0 { target.append(varint: UInt64(row.flags)) }
        if parts & Part.dropped != 0 {
            target.append(varint: UInt64(row.droppedAttributes))
            target.append(varint: UInt64(row.droppedEvents))
            target.append(varint: UInt64(row.droppedLinks))
        }
        if parts & Part.events != 0 { target.append(prefixed: arena[row.events]) }
        if parts & Part.links != 0 { target.append(prefixed: arena[row.links]) }
    }

    /// Adds the span to a batch whose resource and scope are given.
    func append(to batch: SpanBatch, resource: Int32, scope: Int32) {
        var row = SpanBatch.Row(
            traceID: traceID, spanID: SpanID(spanID), parentID: SpanID(parentID), start: start, end: end,
            resource: resource, scope: scope)
        row.kind = SpanKind(rawValue: kind) ?? .unspecified
        row.status = SpanStatus(rawValue: status) ?? .unset
        row.flags = flags
        row.name = batch.write(name)
        row.statusMessage = batch.write(statusMessage)
        row.traceState = batch.write(traceState)
        row.attributes = batch.write(attributes)
        row.events = batch.write(events)
        row.links = batch.write(links)
        row.droppedAttributes = droppedAttributes
        row.droppedEvents = droppedEvents
        row.droppedLinks = droppedLinks
        batch.append(row)
    }
}
