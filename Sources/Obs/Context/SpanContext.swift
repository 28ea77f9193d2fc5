@_exported import struct Model.SpanID
@_exported import enum Model.SpanKind
@_exported import enum Model.SpanStatus
@_exported import struct Model.TraceID

/// What of a span crosses borders between processes (W3C Trace Context). A value; thread-safe.
public struct SpanContext: Sendable, Hashable {
    public var traceID: TraceID
    public var spanID: SpanID
    /// W3C trace flags; bit 0: sampled.
    public var flags: UInt8
    /// Whether it came from another process.
    public var isRemote: Bool
    /// The `tracestate` as it came; empty for none.
    public var traceState: String

    public init(
        traceID: TraceID, spanID: SpanID, flags: UInt8 = 1, isRemote: Bool = false, traceState: String = ""
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
        self.isRemote = isRemote
        self.traceState = traceState
    }

    public var isSampled: Bool { flags & 1 != 0 }
    /// Neither id is zero.
    public var isValid: Bool { !traceID.isZero && !spanID.isZero }
}
