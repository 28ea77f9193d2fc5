import MetricStore
import Model
import QueryServer

/// The store's cardinality, as `/api/v1/status/tsdb` shows it.
enum StorageReport {
    static func make(_ source: MetricSource, limit: Int) throws -> StorageStatus {
        let counts = try source.metricSnapshot(tenant: .default).cardinality(limit: limit)
        var status = StorageStatus()
        status.seriesCount = counts.seriesCount
        status.labelPairCount = counts.labelPairCount
        status.timeMin = counts.timeRange?.start ?? 0
        status.timeMax = counts.timeRange?.end ?? 0
        status.seriesByMetric = counts.seriesByMetricName.map(count)
        status.valuesByLabel = counts.valuesByLabelName.map(count)
        status.bytesByLabel = counts.bytesByLabelName.map(count)
        status.seriesByPair = counts.seriesByLabelPair.map(count)
        return status
    }

    private static func count(_ count: CardinalityStatistics.Count) -> StorageStatus.Count {
        StorageStatus.Count(count.name, count.value)
    }
}
