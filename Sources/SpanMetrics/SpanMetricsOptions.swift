/// How metrics are made from spans.
public struct SpanMetricsOptions: Sendable {
    /// Upper bounds of the latency buckets in seconds, ascending, without +Inf.
    public var bounds: [Double] = (0..<14).map { 0.002 * Double(1 << $0) }
    /// Attributes, of the span or else of its resource, that become labels beside service, name, kind and status.
    public var dimensions: [String] = []
    /// Label sets a tenant may have; spans beyond are counted under `obs_span_metrics_overflow_spans_total`.
    public var seriesMax = 20_000
    /// Edges of the service graph a tenant may have.
    public var edgesMax = 5_000
    /// Spans that wait for their other side.
    public var pendingMax = 20_000
    /// How long they wait, milliseconds.
    public var pendingMilliseconds: Int64 = 10_000
    /// How often values are written, milliseconds.
    public var flushMilliseconds: Int64 = 15_000
    /// After how long without a span a series ends, milliseconds.
    public var idleMilliseconds: Int64 = 15 * 60_000
    public var tenantsMax = 1_000
    /// Bytes of a label value; longer ones are cut at a character.
    public var valueBytesMax = 512
    /// A label `generator` for every series, so that several processes don't write the same one; empty: none.
    public var generator = ""

    public init() {}
}
