import Bedrock
import Model

/// Judges spans: by start, by ids, by size.
struct SpanAdmission {
    /// Why a span doesn't go in.
    struct Refusal {
        /// For the loss ledger.
        var reason: String
        /// For whoever sent it.
        var words: String
    }

    private let bounds: TimeBounds
    private let limits: CollectorLimits
    /// The bounds in nanoseconds, both included.
    private let earliest: Int64
    private let latest: Int64

    init(_ bounds: TimeBounds, _ limits: CollectorLimits) {
        self.bounds = bounds
        self.limits = limits
        (earliest, latest) = (bounds.earliestNanosecond, bounds.latestNanosecond)
    }

    /// Nil: the span goes in.
    func refusal(_ row: SpanBatch.Row, resourceBytes: Int, scopeBytes: Int) -> Refusal? {
        if row.traceID.isZero || row.spanID.isZero {
            return Refusal(reason: "no_id", words: "its trace id or its own is zero or missing")
        }
        if row.start < earliest || row.start > latest {
            return Refusal(
                reason: "out_of_bounds", words: bounds.reason(row.start / 1_000_000, "it"))
        }
        if Int(row.name.count) > limits.spanNameBytesMax {
            return Refusal(
                reason: "span_limit",
                words: "a name of \(row.name.count) bytes; at most \(limits.spanNameBytesMax) (limit)")
        }
        let bytes =
            Int(row.attributes.count) + Int(row.events.count) + Int(row.links.count) + Int(row.statusMessage.count)
            + Int(row.traceState.count) + resourceBytes + scopeBytes
        if bytes > limits.spanBytesMax {
            return Refusal(
                reason: "span_limit",
                words: "\(bytes) bytes with its resource and scope; at most \(limits.spanBytesMax) (limit)")
        }
        return nil
    }
}
