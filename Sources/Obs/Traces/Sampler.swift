import Model

/// Decides which spans are recorded (OpenTelemetry trace SDK, "Sampler"). A value; thread-safe.
public indirect enum Sampler: Sendable {
    case alwaysOn
    case alwaysOff
    /// Traces whose id's last 8 bytes, without the lowest bit, are below this share of all: the same traces in every process.
    case traceIDRatio(Double)
    /// As the parent was; `root` for spans without one.
    case parentBased(root: Sampler)
    /// Decides by itself; called at each start of a span, on its thread, and must neither block nor allocate.
    case custom(@Sendable (SamplingQuestion) -> Bool)

    /// What a sampler knows of a span that begins.
    public struct SamplingQuestion: Sendable {
        public var traceID: TraceID
        public var parent: SpanContext?
        public var name: String
        public var kind: SpanKind
    }

    /// - Parameter share: beyond this sampler, what the telemetry's budget lets through of traces that begin here; 1: all.
    func samples(_ traceID: TraceID, parent: SpanContext?, name: String, kind: SpanKind, share: Double) -> Bool {
        switch self {
        case .alwaysOn: Self.isWithin(share, traceID)
        case .alwaysOff: false
        case .traceIDRatio(let ratio): Self.isWithin(ratio * share, traceID)
        case .parentBased(let root):
            if let parent {
                parent.isSampled
            } else {
                root.samples(traceID, parent: nil, name: name, kind: kind, share: share)
            }
        case .custom(let decide):
            Self.isWithin(share, traceID)
                && decide(SamplingQuestion(traceID: traceID, parent: parent, name: name, kind: kind))
        }
    }

    @inline(__always)
    static func isWithin(_ ratio: Double, _ traceID: TraceID) -> Bool {
        if ratio >= 1 { return true }
        guard ratio > 0 else { return false }
        return traceID.low >> 1 < UInt64(ratio * 0x1p63)
    }
}
