import Bedrock
import Model

/// Decodes OTLP traces requests (`ExportTraceServiceRequest`, and `TracesData`, which has the same form), protobuf and JSON, into batches.
///
/// Bytes go from the request to the batch's arena at once; nothing is allocated for a span. Reuse one per thread. Not thread-safe.
public struct OTLPTracesDecoder: ~Copyable {
    public let limits: SpanLimits
    var report = SpanDecodeReport()

    let reader: OTLPAttributeReader
    /// Attributes of the current event or link.
    private var encoded = ByteBuffer(capacity: 1024)

    public init(limits: SpanLimits = SpanLimits()) {
        self.limits = limits
        reader = OTLPAttributeReader(attributesMax: limits.attributesMax, depthMax: limits.depthMax)
    }

    /// Appends the spans of a protobuf request to `batch`.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        protobuf request: UnsafeRawBufferPointer, into batch: SpanBatch
    ) throws(SpanDecodeError) -> SpanDecodeReport {
        report = SpanDecodeReport()
        do throws(DecodeError) {
            var message = ProtobufReader(request)
            while !message.isAtEnd, !isOverLimit {
                let tag = try message.tag()
                if tag == ProtobufReader.tag(1, .bytes) {
                    try decodeResource(try message.message(), into: batch)
                } else {
                    try message.skip(tag)
                }
            }
        } catch { throw .malformed(error) }
        try checkLimits()
        return report
    }

    var isOverLimit: Bool { report.spans + report.rejectedTotal > limits.spansPerRequestMax }

    func checkLimits() throws(SpanDecodeError) {
        if isOverLimit { throw .tooLarge("over \(limits.spansPerRequestMax) spans in one request") }
    }

    /// `ResourceSpans`: resource = 1, scope_spans = 2, schema_url = 3.
    private mutating func decodeResource(_ message: ProtobufReader, into batch: SpanBatch) throws(DecodeError) {
        var resource = SpanBatch.Resource()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes):
                let inner = try fields.message()
                let (attributes, dropped) = try reader.read(1, of: inner, into: batch)
                resource.attributes = attributes
                resource.droppedAttributes = try Self.number(2, of: inner).clampedSum(dropped)
            case ProtobufReader.tag(3, .bytes): resource.schemaURL = batch.write(try fields.bytes())
            default: try fields.skip(tag)
            }
        }
        let number = batch.append(resource)
        fields = message
        while !fields.isAtEnd, !isOverLimit {
            let tag = try fields.tag()
            if tag == ProtobufReader.tag(2, .bytes) {
                try decodeScope(try fields.message(), resource: number, into: batch)
            } else {
                try fields.skip(tag)
            }
        }
    }

    /// `ScopeSpans`: scope = 1 (name = 1, version = 2, attributes = 3, dropped_attributes_count = 4), spans = 2, schema_url = 3.
    private mutating func decodeScope(
        _ message: ProtobufReader, resource: Int32, into batch: SpanBatch
    ) throws(DecodeError) {
        var scope = SpanBatch.Scope()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes):
                let inner = try fields.message()
                var parts = inner
                while !parts.isAtEnd {
                    let tag = try parts.tag()
                    switch tag {
                    case ProtobufReader.tag(1, .bytes): scope.name = batch.write(try parts.bytes())
                    case ProtobufReader.tag(2, .bytes): scope.version = batch.write(try parts.bytes())
                    default: try parts.skip(tag)
                    }
                }
                let (attributes, dropped) = try reader.read(3, of: inner, into: batch)
                scope.attributes = attributes
                scope.droppedAttributes = try Self.number(4, of: inner).clampedSum(dropped)
            case ProtobufReader.tag(3, .bytes): scope.schemaURL = batch.write(try fields.bytes())
            default: try fields.skip(tag)
            }
        }
        let number = batch.append(scope)
        fields = message
        while !fields.isAtEnd, !isOverLimit {
            let tag = try fields.tag()
            if tag == ProtobufReader.tag(2, .bytes) {
                try decodeSpan(try fields.message(), resource: resource, scope: number, into: batch)
            } else {
                try fields.skip(tag)
            }
        }
    }

    /// `Span`: trace_id = 1, span_id = 2, trace_state = 3, parent_span_id = 4, name = 5, kind = 6, start = 7, end = 8, attributes = 9,
    /// dropped_attributes_count = 10, events = 11, dropped_events_count = 12, links = 13, dropped_links_count = 14, status = 15, flags = 16.
    private mutating func decodeSpan(
        _ message: ProtobufReader, resource: Int32, scope: Int32, into batch: SpanBatch
    ) throws(DecodeError) {
        guard message.remaining <= limits.spanBytesMax else {
            return report.reject(.tooLarge, "a span of \(message.remaining) bytes (limit \(limits.spanBytesMax))")
        }
        var draft = SpanDraft()
        var name = UnsafeRawBufferPointer.nothing
        var state = name
        var kind: UInt64 = 0
        var flags: UInt32 = 0
        var status: ProtobufReader?
        var dropped: (attributes: UInt64, events: UInt64, links: UInt64) = (0, 0, 0)
        var (hasAttributes, hasEvents, hasLinks) = (false, false, false)
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): draft.trace = WireIdentifier(try fields.bytes())
            case ProtobufReader.tag(2, .bytes): draft.span = WireIdentifier(try fields.bytes())
            case ProtobufReader.tag(3, .bytes): state = try fields.bytes()
            case ProtobufReader.tag(4, .bytes): draft.parent = WireIdentifier(try fields.bytes())
            case ProtobufReader.tag(5, .bytes): name = try fields.bytes()
            case ProtobufReader.tag(6, .varint): kind = try fields.varint()
            case ProtobufReader.tag(7, .fixed64): draft.start = try fields.fixed64()
            case ProtobufReader.tag(8, .fixed64): draft.end = try fields.fixed64()
            case ProtobufReader.tag(9, .bytes):
                hasAttributes = true
                try fields.skip(tag)
            case ProtobufReader.tag(10, .varint): dropped.attributes = try fields.varint()
            case ProtobufReader.tag(11, .bytes):
                hasEvents = true
                try fields.skip(tag)
            case ProtobufReader.tag(12, .varint): dropped.events = try fields.varint()
            case ProtobufReader.tag(13, .bytes):
                hasLinks = true
                try fields.skip(tag)
            case ProtobufReader.tag(14, .varint): dropped.links = try fields.varint()
            case ProtobufReader.tag(15, .bytes): status = try fields.message()
            case ProtobufReader.tag(16, .fixed32): flags = try fields.fixed32()
            default: try fields.skip(tag)
            }
        }
        if let flaw = draft.flaw { return report.reject(flaw.reason, flaw.text) }
        var row = draft.row(resource: resource, scope: scope)
        row.name = batch.write(name)
        row.traceState = batch.write(state)
        row.kind = SpanKind(wire: kind)
        row.flags = flags
        if let status { try decodeStatus(status, of: &row, into: batch) }
        var beyond = 0
        if hasAttributes { (row.attributes, beyond) = try reader.read(9, of: message, into: batch) }
        if hasEvents { row.events = try events(message, into: batch) }
        if hasLinks { row.links = try links(message, into: batch) }
        row.droppedAttributes = dropped.attributes.clampedSum(beyond)
        row.droppedEvents = UInt32(clamping: dropped.events)
        row.droppedLinks = UInt32(clamping: dropped.links)
        batch.append(row)
        report.spans += 1
    }

    /// `Status`: message = 2, code = 3.
    private func decodeStatus(
        _ message: ProtobufReader, of row: inout SpanBatch.Row, into batch: SpanBatch
    ) throws(DecodeError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(2, .bytes): row.statusMessage = batch.write(try message.bytes())
            case ProtobufReader.tag(3, .varint): row.status = SpanStatus(wire: try message.varint())
            default: try message.skip(tag)
            }
        }
    }

    /// `Event`, field 11: time_unix_nano = 1, name = 2, attributes = 3, dropped_attributes_count = 4.
    private mutating func events(_ message: ProtobufReader, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        try batch.write { (arena) throws(DecodeError) in
            var fields = message
            while !fields.isAtEnd {
                let tag = try fields.tag()
                guard tag == ProtobufReader.tag(11, .bytes) else {
                    try fields.skip(tag)
                    continue
                }
                let event = try fields.message()
                var parts = event
                var time: UInt64 = 0
                var name = UnsafeRawBufferPointer.nothing
                while !parts.isAtEnd {
                    let tag = try parts.tag()
                    switch tag {
                    case ProtobufReader.tag(1, .fixed64): time = try parts.fixed64()
                    case ProtobufReader.tag(2, .bytes): name = try parts.bytes()
                    default: try parts.skip(tag)
                    }
                }
                encoded.clear()
                let beyond = try reader.append(3, of: event, to: &encoded)
                arena.append(
                    eventAt: Int64(clamping: time), name: name,
                    droppedAttributes: try Self.number(4, of: event).clampedSum(beyond), attributes: encoded.bytes)
            }
        }
    }

    /// `Link`, field 13: trace_id = 1, span_id = 2, trace_state = 3, attributes = 4, dropped_attributes_count = 5, flags = 6. One without ids is left out.
    private mutating func links(_ message: ProtobufReader, into batch: SpanBatch) throws(DecodeError) -> ByteRange {
        try batch.write { (arena) throws(DecodeError) in
            var fields = message
            while !fields.isAtEnd {
                let tag = try fields.tag()
                guard tag == ProtobufReader.tag(13, .bytes) else {
                    try fields.skip(tag)
                    continue
                }
                let link = try fields.message()
                var parts = link
                var trace: TraceID?
                var span: SpanID?
                var state = UnsafeRawBufferPointer.nothing
                var flags: UInt32 = 0
                while !parts.isAtEnd {
                    let tag = try parts.tag()
                    switch tag {
                    case ProtobufReader.tag(1, .bytes): trace = TraceID(bytes: try parts.bytes())
                    case ProtobufReader.tag(2, .bytes): span = SpanID(bytes: try parts.bytes())
                    case ProtobufReader.tag(3, .bytes): state = try parts.bytes()
                    case ProtobufReader.tag(6, .fixed32): flags = try parts.fixed32()
                    default: try parts.skip(tag)
                    }
                }
                guard let trace, let span else { continue }
                encoded.clear()
                let beyond = try reader.append(4, of: link, to: &encoded)
                arena.append(
                    linkTo: trace, span, flags: flags, traceState: state,
                    droppedAttributes: try Self.number(5, of: link).clampedSum(beyond), attributes: encoded.bytes)
            }
        }
    }

    /// The last varint field `number` of a message, 0 without one.
    private static func number(_ number: UInt64, of message: ProtobufReader) throws(DecodeError) -> UInt64 {
        var message = message
        var value: UInt64 = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(number, .varint) {
                value = try message.varint()
            } else {
                try message.skip(tag)
            }
        }
        return value
    }
}

extension UInt64 {
    /// A count of dropped things together with those dropped here.
    func clampedSum(_ more: Int) -> UInt32 {
        let (sum, overflow) = UInt32(clamping: self).addingReportingOverflow(UInt32(clamping: more))
        return overflow ? .max : sum
    }
}
