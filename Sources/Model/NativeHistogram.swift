/// A native histogram sample: exponential buckets (schema -4...8) or custom bounds (schema -53), in float form.
///
/// Buckets are absolute populations (not deltas); spans say which bucket indexes they belong to, as in Prometheus' format.
public struct NativeHistogram: Equatable, Sendable {
    /// What the producer knows of resets between the previous sample and this one.
    public enum ResetHint: UInt8, Sendable {
        case unknown = 0
        case reset = 1
        case notReset = 2
        case gauge = 3
    }

    /// A run of consecutive buckets. `offset` is the gap to the end of the previous span (the start index, for the first).
    public struct Span: Equatable, Sendable {
        public var offset: Int32
        public var length: UInt32

        public init(offset: Int32, length: UInt32) {
            self.offset = offset
            self.length = length
        }
    }

    /// The schema of histograms with custom bounds.
    public static let customSchema: Int32 = -53

    public var resetHint: ResetHint
    public var schema: Int32
    public var zeroThreshold: Double
    public var zeroCount: Double
    public var count: Double
    public var sum: Double
    public var positiveSpans: [Span]
    public var negativeSpans: [Span]
    public var positiveBuckets: [Double]
    public var negativeBuckets: [Double]
    /// Upper bounds, ascending, without +Inf; only with `customSchema`.
    public var customValues: [Double]

    public init(
        schema: Int32 = 0, count: Double = 0, sum: Double = 0, zeroThreshold: Double = 0, zeroCount: Double = 0,
        positiveSpans: [Span] = [], positiveBuckets: [Double] = [], negativeSpans: [Span] = [],
        negativeBuckets: [Double] = [], customValues: [Double] = [], resetHint: ResetHint = .unknown
    ) {
        self.resetHint = resetHint
        self.schema = schema
        self.zeroThreshold = zeroThreshold
        self.zeroCount = zeroCount
        self.count = count
        self.sum = sum
        self.positiveSpans = positiveSpans
        self.negativeSpans = negativeSpans
        self.positiveBuckets = positiveBuckets
        self.negativeBuckets = negativeBuckets
        self.customValues = customValues
    }

    public var hasCustomBuckets: Bool { schema == Self.customSchema }
    /// A histogram whose sum is the staleness NaN ends its series.
    public var isStale: Bool { StaleMarker.matches(sum) }
}
