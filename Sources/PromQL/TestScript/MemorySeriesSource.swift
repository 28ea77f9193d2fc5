import Bedrock
import Model
import Synchronization

/// Series in memory: what scripts load, and a double for tests of whatever reads a `SeriesSource`. Thread-safe; a snapshot never
/// changes. Holds one tenant's data and shows it to every tenant.
public final class MemorySeriesSource: SeriesSource {
    /// One sample; a float or a native histogram.
    public struct Point: Sendable {
        public var timestamp: Int64
        /// Milliseconds; 0: unknown.
        public var startTimestamp: Int64
        public var value: Double
        public var histogram: NativeHistogram?

        public init(timestamp: Int64, startTimestamp: Int64 = 0, value: Double) {
            self.timestamp = timestamp
            self.startTimestamp = startTimestamp
            self.value = value
        }

        public init(timestamp: Int64, startTimestamp: Int64 = 0, histogram: NativeHistogram) {
            self.timestamp = timestamp
            self.startTimestamp = startTimestamp
            value = .nan
            self.histogram = histogram
        }
    }

    private let series = Mutex<[Labels: [Point]]>([:])

    public init() {}

    /// Drops everything.
    public func removeAll() { series.withLock { $0.removeAll() } }

    /// Adds samples to a series; one at a timestamp that is there already replaces it.
    public func append(_ labels: Labels, _ points: [Point]) {
        guard !points.isEmpty else { return }
        series.withLock { series in
            var merged: [Int64: Point] = [:]
            for point in series[labels] ?? [] { merged[point.timestamp] = point }
            for point in points { merged[point.timestamp] = point }
            series[labels] = merged.values.sorted { $0.timestamp < $1.timestamp }
        }
    }

    public func snapshot(tenant: Tenant) throws -> any SeriesSnapshot {
        let sorted = series.withLock { series in
            series.map { MemorySnapshot.Series(labels: $0.key, points: $0.value) }
        }
        return MemorySnapshot(series: sorted.sorted { $0.labels < $1.labels })
    }
}

private struct MemorySnapshot: SeriesSnapshot {
    struct Series: Sendable {
        let labels: Labels
        /// Ascending in time, never empty.
        let points: [MemorySeriesSource.Point]

        func overlaps(_ range: TimeRange) -> Bool {
            guard let first = points.first, let last = points.last else { return false }
            return TimeRange(first.timestamp, last.timestamp).overlaps(range)
        }
    }

    let series: [Series]

    func select(_ request: SeriesRequest) throws -> any SeriesSelection {
        try request.cancellation.check()
        let found = series.filter { $0.labels.match(request.matchers) && $0.overlaps(request.range) }
        return MemorySelection(series: found, request: request)
    }

    private func matching(_ sets: [[Matcher]], _ range: TimeRange) -> [Series] {
        series.filter { series in
            series.overlaps(range) && (sets.isEmpty || sets.contains { series.labels.match($0) })
        }
    }

    func labelNames(matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation) throws -> [String] {
        Set(matching(sets, range).flatMap { $0.labels.list.map(\.name) }).sorted(by: utf8Precedes)
    }

    func labelValues(
        _ name: String, matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation
    ) throws -> [String] {
        Set(matching(sets, range).compactMap { $0.labels[name] }).sorted(by: utf8Precedes)
    }

    func metadata(family: String?) throws -> [MetricMetadata] { [] }
}

private struct MemorySelection: SeriesSelection {
    let series: [MemorySnapshot.Series]
    let request: SeriesRequest

    var count: Int { series.count }

    func labels(_ index: Int) -> Labels { series[index].labels }

    func read(_ range: Range<Int>, into batch: SeriesBatch) throws {
        try request.cancellation.check()
        batch.clear()
        for index in range {
            let wanted = series[index].points.filter { request.range.contains($0.timestamp) }
            try request.budget.charge(wanted.count)
            for point in wanted {
                if let histogram = point.histogram {
                    batch.append(timestamp: point.timestamp, startTimestamp: point.startTimestamp, histogram: histogram)
                } else {
                    batch.append(timestamp: point.timestamp, startTimestamp: point.startTimestamp, value: point.value)
                }
            }
            batch.endSeries()
        }
    }
}
