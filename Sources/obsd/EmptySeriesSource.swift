import Bedrock
import Model

/// What an agent answers queries from: it stores nothing.
struct EmptySeriesSource: SeriesSource, SeriesSnapshot, SeriesSelection {
    var count: Int { 0 }

    func snapshot(tenant: Tenant) -> any SeriesSnapshot { self }
    func select(_ request: SeriesRequest) -> any SeriesSelection { self }
    func labelNames(matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation) -> [String] { [] }

    func labelValues(
        _ name: String, matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation
    ) -> [String] { [] }

    func metadata(family: String?) -> [MetricMetadata] { [] }
    func labels(_ index: Int) -> Labels { .empty }
    func read(_ range: Range<Int>, into batch: SeriesBatch) { batch.clear() }
}
