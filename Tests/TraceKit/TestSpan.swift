import Model

/// A span as tests write it.
public struct TestSpan: Sendable {
    public var traceID: TraceID
    public var spanID: SpanID
    public var parentID: SpanID
    public var name: String
    /// Nanoseconds since the Unix epoch.
    public var start: Int64
    public var duration: Int64
    public var kind = SpanKind.unspecified
    public var status = SpanStatus.unset
    public var statusMessage = ""
    public var scopeName = ""
    public var scopeVersion = ""
    public var attributes: [String: AttributeValue] = [:]
    public var resource: [String: AttributeValue] = [:]
    public var scopeAttributes: [String: AttributeValue] = [:]
    public var events: [TestEvent] = []
    public var links: [TestLink] = []

    public init(
        trace: UInt64, span: UInt64, parent: UInt64 = 0, _ name: String, start: Int64 = 0, duration: Int64 = 0
    ) {
        traceID = TraceID(high: 0, low: trace)
        spanID = SpanID(span)
        parentID = SpanID(parent)
        self.name = name
        self.start = start
        self.duration = duration
    }

    public var end: Int64 { start + duration }
}

public struct TestEvent: Sendable {
    public var name: String
    /// Nanoseconds behind the span's start.
    public var timeSinceStart: Int64
    public var attributes: [String: AttributeValue]

    public init(_ name: String, at timeSinceStart: Int64 = 0, _ attributes: [String: AttributeValue] = [:]) {
        self.name = name
        self.timeSinceStart = timeSinceStart
        self.attributes = attributes
    }
}

public struct TestLink: Sendable {
    public var traceID: TraceID
    public var spanID: SpanID
    public var attributes: [String: AttributeValue]

    public init(trace: UInt64, span: UInt64, _ attributes: [String: AttributeValue] = [:]) {
        traceID = TraceID(high: 0, low: trace)
        spanID = SpanID(span)
        self.attributes = attributes
    }
}
