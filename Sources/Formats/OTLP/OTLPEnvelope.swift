import Bedrock

/// What encloses the records of an OTLP export request: resource, scope, records. The three signals number these fields alike
/// (opentelemetry-proto 1.x), so one writer serves all. Not thread-safe.
package struct OTLPEnvelope: ~Copyable {
    /// The request so far.
    package var buffer: ByteBuffer
    private var resourceStart: Int?
    private var scopeStart: Int?

    package init(capacity: Int = 16 << 10) { buffer = ByteBuffer(capacity: capacity) }

    package mutating func clear() {
        buffer.clear()
        resourceStart = nil
        scopeStart = nil
    }

    /// Begins `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`. `resource` holds the fields of a `Resource`.
    package mutating func beginResource(_ resource: UnsafeRawBufferPointer) {
        endResource()
        resourceStart = buffer.beginMessage(field: 1)
        buffer.append(field: 1, bytes: resource)
    }

    /// Begins `ScopeSpans`, `ScopeLogs` or `ScopeMetrics`. `scope` holds the fields of an `InstrumentationScope`.
    package mutating func beginScope(_ scope: UnsafeRawBufferPointer) {
        endScope()
        scopeStart = buffer.beginMessage(field: 2)
        buffer.append(field: 1, bytes: scope)
    }

    /// Begins a span, a log record or a metric; give what it returns to `endRecord`.
    package mutating func beginRecord() -> Int { buffer.beginMessage(field: 2) }

    package mutating func endRecord(_ start: Int) { buffer.endMessage(start) }

    package mutating func endScope(schemaURL: UnsafeRawBufferPointer = .init(start: nil, count: 0)) {
        guard let scopeStart else { return }
        if schemaURL.count > 0 { buffer.append(field: 3, bytes: schemaURL) }
        buffer.endMessage(scopeStart)
        self.scopeStart = nil
    }

    package mutating func endResource(schemaURL: UnsafeRawBufferPointer = .init(start: nil, count: 0)) {
        endScope()
        guard let resourceStart else { return }
        if schemaURL.count > 0 { buffer.append(field: 3, bytes: schemaURL) }
        buffer.endMessage(resourceStart)
        self.resourceStart = nil
    }
}
