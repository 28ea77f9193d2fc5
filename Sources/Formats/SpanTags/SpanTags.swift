import Bedrock
import Model

/// What tags of Zipkin and Jaeger say of a span beyond attributes, after OpenTelemetry's mapping: its kind, status, scope and trace state.
///
/// All other tags become attributes in the order in which they came. Reused from span to span; not thread-safe.
struct SpanTags: ~Copyable {
    /// Attributes as `AttributeCursor` reads them.
    var attributes = ByteBuffer(capacity: 512)
    private(set) var attributeCount = 0
    /// Those beyond the limit.
    private(set) var dropped = 0
    var kind = SpanKind.unspecified
    private(set) var status = SpanStatus.unset
    /// By `otel.status_code`, which counts for more than `error`.
    private var hasStatusCode = false
    var statusMessage = ByteBuffer(capacity: 64)
    var scopeName = ByteBuffer(capacity: 64)
    var scopeVersion = ByteBuffer(capacity: 16)
    var traceState = ByteBuffer(capacity: 64)
    let attributesMax: Int

    init(attributesMax: Int) { self.attributesMax = attributesMax }

    mutating func clear() {
        attributes.clear()
        statusMessage.clear()
        scopeName.clear()
        scopeVersion.clear()
        traceState.clear()
        attributeCount = 0
        dropped = 0
        kind = .unspecified
        status = .unset
        hasStatusCode = false
    }

    /// A tag with a text.
    mutating func add(_ key: UnsafeRawBufferPointer, text: UnsafeRawBufferPointer) {
        if key.spells("span.kind") {
            let code = Self.kind(text)
            if code != .unspecified { return kind = code }
        } else if key.spells("error") {
            // Zipkin: that there is the tag says that it failed; its text says how.
            if !hasStatusCode, !text.spells("false") { status = .error }
            if !text.spells("true"), !text.spells("false"), statusMessage.isEmpty { statusMessage.append(text) }
            return
        } else if key.spells("otel.status_code") {
            hasStatusCode = true
            status =
                text.spells("ERROR") || text.spells("Error")
                ? .error : text.spells("OK") || text.spells("Ok") ? .ok : .unset
            return
        } else if key.spells("otel.status_description") {
            return Self.set(&statusMessage, text)
        } else if key.spells("otel.scope.name") || key.spells("otel.library.name") {
            return Self.set(&scopeName, text)
        } else if key.spells("otel.scope.version") || key.spells("otel.library.version") {
            return Self.set(&scopeVersion, text)
        } else if key.spells("w3c.tracestate") {
            return Self.set(&traceState, text)
        }
        attribute(key) { $0.append(attributeString: text) }
    }

    /// A tag that is true or false.
    mutating func add(_ key: UnsafeRawBufferPointer, bool value: Bool) {
        if key.spells("error") {
            if !hasStatusCode, value { status = .error }
            return
        }
        attribute(key) { $0.append(attributeBool: value) }
    }

    /// A tag of any other type; `write` appends its value.
    @inline(__always)
    mutating func attribute(_ key: UnsafeRawBufferPointer, _ write: (inout ByteBuffer) -> Void) {
        guard attributeCount < attributesMax else { return dropped += 1 }
        attributeCount += 1
        attributes.append(attributeKey: key)
        write(&attributes)
    }

    mutating func attribute(_ key: StaticString, text: UnsafeRawBufferPointer) {
        if text.count > 0 { attribute(UnsafeRawBufferPointer(key)) { $0.append(attributeString: text) } }
    }

    mutating func attribute(_ key: StaticString, int value: Int64) {
        attribute(UnsafeRawBufferPointer(key)) { $0.append(attributeInt: value) }
    }

    private static func set(_ target: inout ByteBuffer, _ text: UnsafeRawBufferPointer) {
        target.clear()
        target.append(text)
    }

    /// OpenTracing's words, and Zipkin's, which are in upper case.
    static func kind(_ text: UnsafeRawBufferPointer) -> SpanKind {
        if text.spells("server") || text.spells("SERVER") { return .server }
        if text.spells("client") || text.spells("CLIENT") { return .client }
        if text.spells("producer") || text.spells("PRODUCER") { return .producer }
        if text.spells("consumer") || text.spells("CONSUMER") { return .consumer }
        if text.spells("internal") || text.spells("INTERNAL") { return .internal }
        return .unspecified
    }

    /// Writes everything gathered into a row of `batch`.
    func fill(_ row: inout SpanBatch.Row, in batch: SpanBatch) {
        row.kind = kind
        row.status = status
        row.statusMessage = batch.write(statusMessage.bytes)
        row.traceState = batch.write(traceState.bytes)
        row.attributes = batch.write(attributes.bytes)
        row.droppedAttributes = UInt32(clamping: dropped)
    }
}

/// Scopes of a batch by name and version, so that each is written once a request.
struct SpanScopes {
    private var known: [Hash128: Int32] = [:]

    mutating func clear() { known.removeAll(keepingCapacity: true) }

    mutating func number(
        name: UnsafeRawBufferPointer, version: UnsafeRawBufferPointer, in batch: SpanBatch
    ) -> Int32 {
        let key = Hash128(of: name, seed: Hash128(of: version).low)
        if let number = known[key] { return number }
        var scope = SpanBatch.Scope()
        scope.name = batch.write(name)
        scope.version = batch.write(version)
        let number = batch.append(scope)
        known[key] = number
        return number
    }
}

/// Microseconds since the epoch as nanoseconds; nil when there is none, or it is beyond the year 2262.
func nanoseconds(microseconds: Int64) -> UInt64? {
    let (value, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
    return overflow || value < 0 ? nil : UInt64(value)
}
