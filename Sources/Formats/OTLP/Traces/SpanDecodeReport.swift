import Bedrock

/// Ceilings on one request of spans. What passes a per-span one costs that span; a per-request one, the request.
public struct SpanLimits: Sendable, Equatable {
    public var spansPerRequestMax = 1_000_000
    /// Attributes of a span, a resource, a scope, an event or a link; those beyond are dropped and counted with the dropped ones.
    public var attributesMax = 1_024
    /// Bytes of everything of one span: names, attributes, events, links.
    public var spanBytesMax = 4 << 20
    /// Arrays and maps within one another.
    public var depthMax = 32

    public init() {}
}

/// Why spans were left out while the rest of their request went on.
public enum SpanRejection: String, Sendable, CaseIterable {
    case badTraceID = "bad_trace_id"
    case badSpanID = "bad_span_id"
    case badTime = "bad_time"
    case tooLarge = "too_large"
    /// A span that isn't what the protocol calls for.
    case malformed = "malformed_item"

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What came of decoding one request of spans.
public struct SpanDecodeReport: Sendable {
    /// Spans now in the batch.
    public internal(set) var spans = 0
    private var rejections: InlineArray<5, Int> = .init(repeating: 0)
    /// The first reason with the span it is about, for the answer's text.
    public private(set) var firstRejection: String?

    public init() {}

    public func rejected(_ reason: SpanRejection) -> Int { rejections[reason.index] }
    public var rejectedTotal: Int {
        var total = 0
        for i in rejections.indices { total += rejections[i] }
        return total
    }

    mutating func reject(_ reason: SpanRejection, _ text: @autoclosure () -> String) {
        rejections[reason.index] += 1
        if firstRejection == nil { firstRejection = text() }
    }
}

/// Why a whole request of spans could not be decoded; nothing of it counts.
public enum SpanDecodeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Truncated, or not of the protocol (HTTP 400).
    case malformed(DecodeError)
    /// Over a per-request limit (HTTP 413).
    case tooLarge(String)

    public var description: String {
        switch self {
        case .malformed(let error): "the body can't be decoded: \(error)"
        case .tooLarge(let why): why
        }
    }
}
