import Bedrock
import Model

/// Which metrics, labels and values make the series, for `/api/v1/status/tsdb` and `obsq cardinality`.
public struct CardinalityStatistics: Sendable {
    /// A name with a number; in lists the largest come first, equal ones by name.
    public struct Count: Sendable, Equatable {
        public var name: String
        public var value: Int
    }

    public var seriesCount = 0
    public var labelPairCount = 0
    /// Of the rows that may be there; nil when there are none. Milliseconds.
    public var timeRange: TimeRange?
    public var seriesByMetricName: [Count] = []
    public var valuesByLabelName: [Count] = []
    /// Bytes of all distinct values of a label name.
    public var bytesByLabelName: [Count] = []
    /// `name=value`.
    public var seriesByLabelPair: [Count] = []
}

extension MetricSnapshot {
    /// Counts over the series that may have rows in the range; lists of at most `limit` entries.
    public func cardinality(
        range: TimeRange = .everything, limit: Int = 10, cancellation: Cancellation = Cancellation()
    ) throws -> CardinalityStatistics {
        let selection = try select(
            SeriesRequest(matchers: [], range: range, columns: .labels, cancellation: cancellation))
        let interner = LabelInterner()
        for series in 0..<selection.count {
            if series % 4096 == 0 { try cancellation.check() }
            selection.labels(series).storage.withUnsafeBytes { interner.add($0) }
        }
        var result = CardinalityStatistics()
        result.seriesCount = selection.count
        for own in runs.compactMap(\.timeRange) where own.overlaps(range) {
            let before = result.timeRange ?? own
            result.timeRange = TimeRange(min(before.start, own.start), max(before.end, own.end))
        }
        var metrics: [CardinalityStatistics.Count] = []
        var pairs: [CardinalityStatistics.Count] = []
        var names: [String: (values: Int, bytes: Int)] = [:]
        interner.forEachPair { name, value, series in
            result.labelPairCount += 1
            let name = String(decoding: name, as: UTF8.self)
            let text = String(decoding: value, as: UTF8.self)
            let known = names[name] ?? (0, 0)
            names[name] = (known.values + 1, known.bytes + value.count)
            if name == Labels.metricName { metrics.append(.init(name: text, value: series)) }
            pairs.append(.init(name: "\(name)=\(text)", value: series))
        }
        result.seriesByMetricName = Self.largest(metrics, limit)
        result.seriesByLabelPair = Self.largest(pairs, limit)
        result.valuesByLabelName = Self.largest(names.map { .init(name: $0.key, value: $0.value.values) }, limit)
        result.bytesByLabelName = Self.largest(names.map { .init(name: $0.key, value: $0.value.bytes) }, limit)
        return result
    }

    private static func largest(_ counts: [CardinalityStatistics.Count], _ limit: Int) -> [CardinalityStatistics.Count]
    {
        Array(
            counts.sorted { $0.value != $1.value ? $0.value > $1.value : utf8Precedes($0.name, $1.name) }.prefix(limit))
    }
}
