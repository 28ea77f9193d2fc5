import Bedrock

/// Writes events and links of a span as bytes: an event is its time (8 bytes), name, count of dropped attributes, attributes; a link is trace id
/// (16 bytes), span id (8), flags (4), trace state, count of dropped attributes, attributes. Texts and attributes have a varint length in
/// front, numbers are little-endian, ids big-endian.
extension ByteBuffer {
    @inlinable public mutating func append(
        eventAt time: Int64, name: UnsafeRawBufferPointer, droppedAttributes: UInt32 = 0,
        attributes: UnsafeRawBufferPointer
    ) {
        append(littleEndian: time)
        append(prefixed: name)
        append(varint: UInt64(droppedAttributes))
        append(prefixed: attributes)
    }

    @inlinable public mutating func append(
        linkTo traceID: TraceID, _ spanID: SpanID, flags: UInt32 = 0, traceState: UnsafeRawBufferPointer,
        droppedAttributes: UInt32 = 0, attributes: UnsafeRawBufferPointer
    ) {
        append(littleEndian: traceID.high.bigEndian)
        append(littleEndian: traceID.low.bigEndian)
        append(littleEndian: spanID.value.bigEndian)
        append(littleEndian: flags)
        append(prefixed: traceState)
        append(varint: UInt64(droppedAttributes))
        append(prefixed: attributes)
    }
}

/// Walks the events of a span without copying. Ends early at bytes that are no event; `isDamaged` then tells.
public struct SpanEventCursor {
    private var reader: ByteReader
    public private(set) var isDamaged = false
    /// Nanoseconds since the Unix epoch.
    public private(set) var time: Int64 = 0
    public private(set) var name = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var attributes = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var droppedAttributes: UInt32 = 0

    public init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    /// Goes on to the next event; false at the end.
    public mutating func next() -> Bool {
        guard !reader.isAtEnd, !isDamaged else { return false }
        do {
            time = try reader.littleEndian()
            name = try reader.prefixed()
            droppedAttributes = UInt32(clamping: try reader.varint())
            attributes = try reader.prefixed()
            return true
        } catch {
            isDamaged = true
            return false
        }
    }
}

/// Walks the links of a span, likewise.
public struct SpanLinkCursor {
    private var reader: ByteReader
    public private(set) var isDamaged = false
    public private(set) var traceID = TraceID(high: 0, low: 0)
    public private(set) var spanID = SpanID.none
    public private(set) var flags: UInt32 = 0
    public private(set) var traceState = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var attributes = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var droppedAttributes: UInt32 = 0

    public init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    /// Goes on to the next link; false at the end.
    public mutating func next() -> Bool {
        guard !reader.isAtEnd, !isDamaged else { return false }
        do {
            let high: UInt64 = try reader.littleEndian()
            let low: UInt64 = try reader.littleEndian()
            traceID = TraceID(high: high.bigEndian, low: low.bigEndian)
            let span: UInt64 = try reader.littleEndian()
            spanID = SpanID(span.bigEndian)
            flags = try reader.littleEndian()
            traceState = try reader.prefixed()
            droppedAttributes = UInt32(clamping: try reader.varint())
            attributes = try reader.prefixed()
            return true
        } catch {
            isDamaged = true
            return false
        }
    }
}
