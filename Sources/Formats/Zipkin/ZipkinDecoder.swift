import Bedrock
import Model

/// Decodes Zipkin's v2 JSON (`POST /api/v2/spans`: a list of spans) into batches, after OpenTelemetry's mapping.
///
/// The local endpoint's service name becomes the resource's `service.name`; its address and the remote endpoint become attributes
/// (`network.local.*`, `network.peer.*`, `peer.service`), and so do tags; annotations become events. A server span that shares its client's id
/// (`shared`, as B3 allows) gets an id of its own and the client's as its parent, for spans are kept by their id.
/// Reuse one per thread. Not thread-safe.
public struct ZipkinDecoder: ~Copyable {
    public let limits: SpanLimits
    private var report = SpanDecodeReport()
    private var tags: SpanTags
    private var scopes = SpanScopes()
    private var resources: [Hash128: Int32] = [:]
    private var fields = Fields()

    public init(limits: SpanLimits = SpanLimits()) {
        self.limits = limits
        tags = SpanTags(attributesMax: limits.attributesMax)
    }

    /// One span as it is read. Its texts are gathered here.
    private struct Fields: ~Copyable {
        var draft = SpanDraft()
        var isShared = false
        var isDebug = false
        var timestamp: UInt64 = 0
        var duration: UInt64 = 0
        var name = ByteBuffer(capacity: 64)
        var local = Endpoint()
        var remote = Endpoint()
        var events = ByteBuffer(capacity: 256)
        var firstEvent: UInt64 = 0

        mutating func clear() {
            draft = SpanDraft()
            isShared = false
            isDebug = false
            timestamp = 0
            duration = 0
            firstEvent = 0
            name.clear()
            local.clear()
            remote.clear()
            events.clear()
        }
    }

    private struct Endpoint: ~Copyable {
        var service = ByteBuffer(capacity: 64)
        var address = ByteBuffer(capacity: 40)
        var port: UInt64 = 0

        mutating func clear() {
            service.clear()
            address.clear()
            port = 0
        }
    }

    /// Appends the spans of a request to `batch`.
    /// - Parameter arrival: nanoseconds since the epoch, for spans without a time.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        _ request: UnsafeRawBufferPointer, arrival: Int64, into batch: SpanBatch
    ) throws(SpanDecodeError) -> SpanDecodeReport {
        report = SpanDecodeReport()
        scopes.clear()
        resources.removeAll(keepingCapacity: true)
        do throws(DecodeError) {
            var cursor = JSONCursor(request)
            try cursor.expect(UInt8(ascii: "["))
            var isFirst = true
            while try cursor.nextElement(&isFirst) {
                guard report.spans + report.rejectedTotal < limits.spansPerRequestMax else {
                    throw cursor.error("over \(limits.spansPerRequestMax) spans in one request")
                }
                let start = cursor.p
                try readSpan(&cursor)
                let bytes = cursor.p - start
                if bytes > limits.spanBytesMax {
                    report.reject(.tooLarge, "a span of \(bytes) bytes (limit \(limits.spanBytesMax))")
                } else {
                    addSpan(arrival: UInt64(clamping: arrival), to: batch)
                }
            }
            guard cursor.isAtEnd else { throw cursor.error("unexpected text behind the list") }
        } catch { throw .malformed(error) }
        return report
    }

    // MARK: Reading

    private mutating func readSpan(_ cursor: inout JSONCursor) throws(DecodeError) {
        fields.clear()
        tags.clear()
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            let name = key.raw
            if name.spells("traceId") {
                fields.draft.trace = try cursor.text { WireIdentifier(hex: $0, paddedTo: 16) }
            } else if name.spells("id") {
                fields.draft.span = try cursor.text { WireIdentifier(hex: $0, paddedTo: 8) }
            } else if name.spells("parentId") {
                fields.draft.parent = try cursor.text { WireIdentifier(hex: $0, paddedTo: 8) }
            } else if name.spells("name") {
                try cursor.text { fields.name.append($0) }
            } else if name.spells("kind") {
                tags.kind = try cursor.text { SpanTags.kind($0) }
            } else if name.spells("timestamp") {
                fields.timestamp = try cursor.unsigned()
            } else if name.spells("duration") {
                fields.duration = try cursor.unsigned()
            } else if name.spells("shared") {
                fields.isShared = try cursor.boolean()
            } else if name.spells("debug") {
                fields.isDebug = try cursor.boolean()
            } else if name.spells("localEndpoint"), cursor.isAtObject {
                try Self.readEndpoint(&cursor, &fields.local)
            } else if name.spells("remoteEndpoint"), cursor.isAtObject {
                try Self.readEndpoint(&cursor, &fields.remote)
            } else if name.spells("annotations"), cursor.peek() == UInt8(ascii: "[") {
                try readAnnotations(&cursor)
            } else if name.spells("tags"), cursor.isAtObject {
                try readTags(&cursor)
            } else {
                _ = try cursor.skip()
            }
        }
    }

    private static func readEndpoint(_ cursor: inout JSONCursor, _ target: inout Endpoint) throws(DecodeError) {
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            if key.raw.spells("serviceName") {
                try cursor.text { target.service.append($0) }
            } else if key.raw.spells("ipv4") || key.raw.spells("ipv6"), target.address.isEmpty {
                try cursor.text { target.address.append($0) }
            } else if key.raw.spells("port") {
                target.port = try cursor.unsigned()
            } else {
                _ = try cursor.skip()
            }
        }
    }

    private mutating func readTags(_ cursor: inout JSONCursor) throws(DecodeError) {
        var name = ByteBuffer(capacity: 64)
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            name.clear()
            guard key.append(to: &name) else { throw cursor.error("bad escape in a tag's name") }
            guard cursor.peek() == UInt8(ascii: "\"") else {
                // Zipkin has texts only; what other senders put there is kept as it stands.
                let raw = try cursor.skip()
                tags.add(name.bytes, text: raw)
                continue
            }
            try cursor.text { tags.add(name.bytes, text: $0) }
        }
    }

    private mutating func readAnnotations(_ cursor: inout JSONCursor) throws(DecodeError) {
        var value = ByteBuffer(capacity: 64)
        try cursor.expect(UInt8(ascii: "["))
        var isFirst = true
        while try cursor.nextElement(&isFirst) {
            var time: UInt64 = 0
            value.clear()
            try cursor.expect(UInt8(ascii: "{"))
            var isFirstKey = true
            while let key = try cursor.nextKey(&isFirstKey) {
                if key.raw.spells("timestamp") {
                    time = try cursor.unsigned()
                } else if key.raw.spells("value") {
                    value.clear()
                    try cursor.text { value.append($0) }
                } else {
                    _ = try cursor.skip()
                }
            }
            guard let at = nanoseconds(microseconds: Int64(clamping: time)) else { continue }
            if fields.firstEvent == 0 || at < fields.firstEvent { fields.firstEvent = at }
            fields.events.append(eventAt: Int64(clamping: at), name: value.bytes, attributes: .nothing)
        }
    }

    // MARK: Writing

    private mutating func addSpan(arrival: UInt64, to batch: SpanBatch) {
        let time = nanoseconds(microseconds: Int64(clamping: fields.timestamp)) ?? .max
        let start = time != 0 ? time : fields.firstEvent != 0 ? fields.firstEvent : arrival
        let length = nanoseconds(microseconds: Int64(clamping: fields.duration)) ?? .max
        let (end, overflow) = start.addingReportingOverflow(length)
        fields.draft.start = start
        fields.draft.end = overflow ? .max : end
        if let flaw = fields.draft.flaw { return report.reject(flaw.reason, flaw.text) }
        addEndpoints()
        let scope = scopes.number(name: tags.scopeName.bytes, version: tags.scopeVersion.bytes, in: batch)
        var row = fields.draft.row(resource: resource(in: batch), scope: scope)
        if fields.isShared {
            row.parentID = row.spanID
            row.spanID = Self.idOfServerHalf(row)
        }
        if row.parentID == row.spanID { row.parentID = .none }
        row.flags = 1
        row.name = batch.write(fields.name.bytes)
        row.events = batch.write(fields.events.bytes)
        tags.fill(&row, in: batch)
        batch.append(row)
        report.spans += 1
    }

    /// The same at every delivery, so that a repeated span is the same span.
    private static func idOfServerHalf(_ row: SpanBatch.Row) -> SpanID {
        let hash = withUnsafeBytes(of: row.spanID.value) { Hash128(of: $0, seed: row.traceID.low) }
        return SpanID(hash.low == 0 ? 1 : hash.low)
    }

    private mutating func addEndpoints() {
        let (localPort, remotePort) = (fields.local.port, fields.remote.port)
        tags.attribute("network.local.address", text: fields.local.address.bytes)
        if localPort > 0 { tags.attribute("network.local.port", int: Int64(clamping: localPort)) }
        tags.attribute("peer.service", text: fields.remote.service.bytes)
        tags.attribute("network.peer.address", text: fields.remote.address.bytes)
        if remotePort > 0 { tags.attribute("network.peer.port", int: Int64(clamping: remotePort)) }
        if fields.isDebug { tags.add(UnsafeRawBufferPointer("zipkin.debug"), bool: true) }
    }

    private mutating func resource(in batch: SpanBatch) -> Int32 {
        let key = Hash128(of: fields.local.service.bytes)
        if let number = resources[key] { return number }
        var resource = SpanBatch.Resource()
        resource.attributes = batch.write { arena in
            arena.append(attributeKey: UnsafeRawBufferPointer("service.name"))
            let service = fields.local.service.bytes
            arena.append(attributeString: service.isEmpty ? UnsafeRawBufferPointer("unknown_service") : service)
        }
        let number = batch.append(resource)
        resources[key] = number
        return number
    }
}

extension JSONText {
    /// Appends the text without escapes; false for a bad one.
    func append(to target: inout ByteBuffer) -> Bool {
        guard isEscaped else {
            target.append(raw)
            return true
        }
        var isGood = true
        target.append(capacity: raw.count) { room in
            guard let base = room.baseAddress, let count = write(to: base) else {
                isGood = false
                return 0
            }
            return count
        }
        return isGood
    }
}
