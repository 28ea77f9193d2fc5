/// A format in which context crosses borders between processes.
public enum Propagator: String, Sendable, CaseIterable {
    /// `traceparent` and `tracestate` (W3C Trace Context, level 1).
    case traceContext = "tracecontext"
    /// `baggage` (W3C Baggage).
    case baggage
}
