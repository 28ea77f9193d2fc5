import Bedrock
import Model

/// Decodes Jaeger's `Batch` (jaeger.thrift, binary protocol; what clients send to `/api/traces?format=jaeger.thrift`) into batches, after
/// OpenTelemetry's mapping.
///
/// The process becomes the resource, tags become attributes, logs events, references links, save the one to the parent. Reuse one per
/// thread. Not thread-safe.
public struct JaegerDecoder: ~Copyable {
    public let limits: SpanLimits
    private var report = SpanDecodeReport()
    private var tags: SpanTags
    private var scopes = SpanScopes()
    private var events = ByteBuffer(capacity: 512)
    private var links = ByteBuffer(capacity: 128)
    private var eventName = ByteBuffer(capacity: 64)
    private var eventAttributes = ByteBuffer(capacity: 256)

    public init(limits: SpanLimits = SpanLimits()) {
        self.limits = limits
        tags = SpanTags(attributesMax: limits.attributesMax)
    }

    /// Appends the spans of a `Batch` to `batch`.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        _ request: UnsafeRawBufferPointer, into batch: SpanBatch
    ) throws(SpanDecodeError) -> SpanDecodeReport {
        report = SpanDecodeReport()
        scopes.clear()
        do throws(DecodeError) {
            // The process is asked for first, wherever it stands.
            var process = ThriftReader(request)
            let resource = try readProcess(&process, into: batch)
            var reader = ThriftReader(request)
            while let field = try reader.field() {
                if field.id == 2, field.kind == .list {
                    for _ in 0..<(try reader.structCount()) {
                        try checkCount(reader)
                        try readSpan(&reader, resource: resource, into: batch)
                    }
                } else {
                    try reader.skip(field.kind)
                }
            }
        } catch { throw .malformed(error) }
        return report
    }

    private func checkCount(_ reader: ThriftReader) throws(DecodeError) {
        guard report.spans + report.rejectedTotal < limits.spansPerRequestMax else {
            throw reader.error("over \(limits.spansPerRequestMax) spans in one request")
        }
    }

    /// `Process`, field 1 of the batch: serviceName = 1, tags = 2.
    private mutating func readProcess(
        _ reader: inout ThriftReader, into batch: SpanBatch
    ) throws(DecodeError) -> Int32 {
        tags.clear()
        var service = UnsafeRawBufferPointer("unknown_service")
        while let field = try reader.field() {
            guard field.id == 1, field.kind == .structure else {
                try reader.skip(field.kind)
                continue
            }
            while let part = try reader.field() {
                if part.id == 1, part.kind == .text {
                    service = try reader.text()
                } else if part.id == 2, part.kind == .list {
                    try readTags(&reader) { (tags, tag) in tag.append(to: &tags) }
                } else {
                    try reader.skip(part.kind)
                }
            }
        }
        var resource = SpanBatch.Resource()
        resource.attributes = batch.write { arena in
            arena.append(attributeKey: UnsafeRawBufferPointer("service.name"))
            arena.append(attributeString: service)
            arena.append(tags.attributes.bytes)
        }
        return batch.append(resource)
    }

    /// `Span`: traceIdLow = 1, traceIdHigh = 2, spanId = 3, parentSpanId = 4, operationName = 5, references = 6, flags = 7, startTime = 8,
    /// duration = 9, tags = 10, logs = 11.
    private mutating func readSpan(
        _ reader: inout ThriftReader, resource: Int32, into batch: SpanBatch
    ) throws(DecodeError) {
        tags.clear()
        events.clear()
        links.clear()
        var (low, high, span, parent): (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
        var (start, duration): (Int64, Int64) = (0, 0)
        var flags: Int32 = 0
        var name = UnsafeRawBufferPointer.nothing
        var references: ThriftReader?
        let from = reader.offset
        while let field = try reader.field() {
            switch (field.id, field.kind) {
            case (1, .int64): low = try reader.int64()
            case (2, .int64): high = try reader.int64()
            case (3, .int64): span = try reader.int64()
            case (4, .int64): parent = try reader.int64()
            case (5, .text): name = try reader.text()
            case (6, .list):
                references = reader
                try reader.skip(field.kind)
            case (7, .int32): flags = try reader.int32()
            case (8, .int64): start = try reader.int64()
            case (9, .int64): duration = try reader.int64()
            case (10, .list): try readTags(&reader) { (tags, tag) in tag.append(to: &tags) }
            case (11, .list):
                for _ in 0..<(try reader.structCount()) { try readLog(&reader) }
            default: try reader.skip(field.kind)
            }
        }
        let bytes = reader.offset - from
        guard bytes <= limits.spanBytesMax else {
            return report.reject(.tooLarge, "a span of \(bytes) bytes (limit \(limits.spanBytesMax))")
        }
        let trace = TraceID(high: UInt64(bitPattern: high), low: UInt64(bitPattern: low))
        var ancestor = SpanID(UInt64(bitPattern: parent))
        if var references { try readReferences(&references, of: trace, parent: &ancestor) }
        var draft = SpanDraft()
        draft.trace = WireIdentifier(high: trace.high, low: trace.low)
        draft.span = WireIdentifier(high: 0, low: UInt64(bitPattern: span), byteCount: 8)
        draft.start = nanoseconds(microseconds: start) ?? .max
        let (end, overflow) = draft.start.addingReportingOverflow(nanoseconds(microseconds: max(duration, 0)) ?? .max)
        draft.end = overflow ? .max : end
        if let flaw = draft.flaw { return report.reject(flaw.reason, flaw.text) }
        let scope = scopes.number(name: tags.scopeName.bytes, version: tags.scopeVersion.bytes, in: batch)
        var row = draft.row(resource: resource, scope: scope)
        row.parentID = ancestor
        // Jaeger's flags: sampled is W3C's as well, the others are not.
        row.flags = UInt32(bitPattern: flags) & 1
        row.name = batch.write(name)
        row.events = batch.write(events.bytes)
        row.links = batch.write(links.bytes)
        tags.fill(&row, in: batch)
        batch.append(row)
        report.spans += 1
    }

    /// `SpanRef`: refType = 1 (child of = 0, follows from = 1), traceIdLow = 2, traceIdHigh = 3, spanId = 4. The first reference to the parent,
    /// or to what can be one where none is named, is no link.
    private mutating func readReferences(
        _ reader: inout ThriftReader, of trace: TraceID, parent: inout SpanID
    ) throws(DecodeError) {
        var isParentFound = false
        for _ in 0..<(try reader.structCount()) {
            var (low, high, span): (Int64, Int64, Int64) = (0, 0, 0)
            var kind: Int32 = 0
            while let field = try reader.field() {
                switch (field.id, field.kind) {
                case (1, .int32): kind = try reader.int32()
                case (2, .int64): low = try reader.int64()
                case (3, .int64): high = try reader.int64()
                case (4, .int64): span = try reader.int64()
                default: try reader.skip(field.kind)
                }
            }
            let target = TraceID(high: UInt64(bitPattern: high), low: UInt64(bitPattern: low))
            let id = SpanID(UInt64(bitPattern: span))
            guard !id.isZero, !target.isZero else { continue }
            if !isParentFound, kind == 0, target == trace, parent.isZero || parent == id {
                isParentFound = true
                parent = id
                continue
            }
            eventAttributes.clear()
            eventAttributes.append(attributeKey: UnsafeRawBufferPointer("opentracing.ref_type"))
            eventAttributes.append(attributeString: UnsafeRawBufferPointer(kind == 0 ? "child_of" : "follows_from"))
            links.append(linkTo: target, id, traceState: .nothing, attributes: eventAttributes.bytes)
        }
    }

    /// `Log`: timestamp = 1, fields = 2. The field `event` names it.
    private mutating func readLog(_ reader: inout ThriftReader) throws(DecodeError) {
        var time: Int64 = 0
        var count = 0
        var dropped: UInt32 = 0
        eventName.clear()
        eventAttributes.clear()
        while let field = try reader.field() {
            if field.id == 1, field.kind == .int64 {
                time = try reader.int64()
            } else if field.id == 2, field.kind == .list {
                for _ in 0..<(try reader.structCount()) {
                    let tag = try JaegerTag(&reader)
                    if tag.key.spells("event"), tag.kind == .string, eventName.isEmpty {
                        eventName.append(tag.text)
                    } else if count < limits.attributesMax {
                        count += 1
                        eventAttributes.append(attributeKey: tag.key)
                        tag.appendValue(to: &eventAttributes)
                    } else {
                        dropped += dropped == .max ? 0 : 1
                    }
                }
            } else {
                try reader.skip(field.kind)
            }
        }
        events.append(
            eventAt: Int64(clamping: nanoseconds(microseconds: time) ?? 0), name: eventName.bytes,
            droppedAttributes: dropped, attributes: eventAttributes.bytes)
    }

    private mutating func readTags(
        _ reader: inout ThriftReader, _ take: (inout SpanTags, JaegerTag) -> Void
    ) throws(DecodeError) {
        for _ in 0..<(try reader.structCount()) { take(&tags, try JaegerTag(&reader)) }
    }
}

/// `Tag`: key = 1, vType = 2 (string = 0, double = 1, bool = 2, long = 3, binary = 4), vStr = 3, vDouble = 4, vBool = 5, vLong = 6, vBinary = 7.
struct JaegerTag {
    enum Kind: Int32 {
        case string = 0
        case double = 1
        case bool = 2
        case long = 3
        case binary = 4
    }

    var key = UnsafeRawBufferPointer.nothing
    var kind = Kind.string
    var text = UnsafeRawBufferPointer.nothing
    var bytes = UnsafeRawBufferPointer.nothing
    var number = 0.0
    var integer: Int64 = 0
    var isTrue = false

    init(_ reader: inout ThriftReader) throws(DecodeError) {
        while let field = try reader.field() {
            switch (field.id, field.kind) {
            case (1, .text): key = try reader.text()
            case (2, .int32):
                let code = try reader.int32()
                guard let kind = Kind(rawValue: code) else { throw reader.error("\(code) is no type of a tag") }
                self.kind = kind
            case (3, .text): text = try reader.text()
            case (4, .double): number = try reader.double()
            case (5, .bool): isTrue = try reader.bool()
            case (6, .int64): integer = try reader.int64()
            case (7, .text): bytes = try reader.text()
            default: try reader.skip(field.kind)
            }
        }
    }

    func append(to tags: inout SpanTags) {
        switch kind {
        case .string: tags.add(key, text: text)
        case .bool: tags.add(key, bool: isTrue)
        default: tags.attribute(key) { appendValue(to: &$0) }
        }
    }

    func appendValue(to target: inout ByteBuffer) {
        switch kind {
        case .string: target.append(attributeString: text)
        case .double: target.append(attributeDouble: number)
        case .bool: target.append(attributeBool: isTrue)
        case .long: target.append(attributeInt: integer)
        case .binary: target.append(attributeBytes: bytes)
        }
    }
}
