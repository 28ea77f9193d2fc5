import LogQL

/// The limits of the Loki API.
public struct LogQueryOptions: Sendable {
    /// Entries of one answer; more are read page by page, or exported.
    public var entriesMax = 5000
    public var entriesDefault = 100
    /// Points of a range query's series.
    public var pointsMax = 11_000
    /// Series of a metric query.
    public var seriesMax = 500
    /// Rows that one page of an export reads, and bytes of a page that are sent at once.
    public var exportPageRows = 20_000
    /// Exports under way; further ones are answered with 429.
    public var exportsMax = 8
    /// Lines that the detection of fields looks at, unless the request says otherwise.
    public var detectionLinesDefault = 1000
    public var detectionLinesMax = 10_000
    /// Names or values that detection lists.
    public var detectionFieldsDefault = 1000
    public var volumeSeriesMax = 1000
    /// How far back queries look that don't say it, seconds.
    public var sinceSeconds: Int64 = 3600

    /// Tails under way, of all tenants; further ones are answered with 429.
    public var tailsMax = 100
    /// After so long a tail is ended, seconds; clients that still want it ask again.
    public var tailSecondsMax = 3600.0
    /// Entries that wait for a slow client; older ones are dropped first, and counted.
    public var tailEntriesMax = 10_000
    public var tailBytesMax = 8 << 20
    /// Rows that wait for a filter, bytes.
    public var tailBacklogBytesMax = 16 << 20
    /// A client's `delay_for` at most, seconds.
    public var tailDelaySecondsMax = 5

    public init() {}
}
