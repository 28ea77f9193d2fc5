/// Where an attribute belongs to.
public enum AttributeScope: UInt8, Sendable, CaseIterable {
    case span, resource, event, link, instrumentation
    /// The span's attribute of that name or, where it has none, its resource's.
    case any
}

/// What every span, or the trace it belongs to, has or can be computed to have.
public enum SpanIntrinsic: UInt8, Sendable, CaseIterable {
    case name, status, statusMessage, kind, duration, spanID, parentID
    /// Nanoseconds since the Unix epoch, as an int.
    case start
    case scopeName, scopeVersion
    /// Of any event or link.
    case eventName, eventTimeSinceStart, linkTraceID, linkSpanID
    /// Of the trace.
    case traceID, traceDuration, rootName, rootServiceName
    /// By the structure of the trace as far as it is known.
    case childCount, nestedSetLeft, nestedSetRight, nestedSetParent

    /// Whether telling it needs the other spans of the trace.
    public var needsTrace: Bool { rawValue >= Self.traceDuration.rawValue }
}

/// What a condition looks at and a column holds.
public enum SpanField: Hashable, Sendable {
    case intrinsic(SpanIntrinsic)
    case attribute(AttributeScope, String)

    /// Whether a span may have several values of it: of events, of links.
    public var isMany: Bool {
        switch self {
        case .attribute(.event, _), .attribute(.link, _): true
        case .intrinsic(.eventName), .intrinsic(.eventTimeSinceStart), .intrinsic(.linkTraceID),
            .intrinsic(.linkSpanID):
            true
        default: false
        }
    }
}

/// The type of a value in a query's sense.
public enum SpanValueType: UInt8, Sendable {
    case `nil`, bool, int, float, duration, string, status, kind
}

/// A value that a condition compares with, or that a cold path takes from a column.
public enum SpanValue: Hashable, Sendable {
    case `nil`
    case bool(Bool)
    case int(Int64)
    case float(Double)
    /// Nanoseconds.
    case duration(Int64)
    case string(String)
    case status(SpanStatus)
    case kind(SpanKind)

    public var type: SpanValueType {
        switch self {
        case .nil: .nil
        case .bool: .bool
        case .int: .int
        case .float: .float
        case .duration: .duration
        case .string: .string
        case .status: .status
        case .kind: .kind
        }
    }
}
