/// What the collector refuses, before anything is queued. Times in milliseconds.
public struct CollectorLimits: Sendable, Equatable {
    /// How far behind the newest sample of its tenant a sample may be; older data comes by import.
    public var outOfOrderMilliseconds: Int64 = 86_400_000
    /// How far ahead of the clock a sample may be.
    public var futureMilliseconds: Int64 = 600_000
    /// Samples older than this could not be read, and are refused.
    public var retentionMilliseconds: Int64 = 15 * 86_400_000
    /// How far behind the newest sample of its batch an exemplar may be: targets show old ones again and again.
    public var exemplarAgeMilliseconds: Int64 = 3_600_000
    /// Buckets of a native histogram; of those with more, neighbours are joined, and those where that doesn't help are refused.
    public var histogramBucketsMax = 1024
    /// Active series of a tenant at which new ones are refused.
    public var seriesPerTenantMax = 2_000_000
    /// Streams of logs that a tenant may write to within an hour or two; beyond it new ones are refused.
    public var streamsPerTenantMax = 100_000
    /// Spans of one batch, for its records must fit the queue.
    public var spansPerBatchMax = 100_000
    /// Attributes, events and links of a span with its resource and scope, in bytes as `SpanBatch` has them.
    public var spanBytesMax = 1 << 20
    /// Bytes of a span's name: each different one is listed in every segment.
    public var spanNameBytesMax = 4 << 10
    /// Tenants that may exist; a tenant costs segments of its own.
    public var tenantsMax = 10_000

    public init() {}
}
