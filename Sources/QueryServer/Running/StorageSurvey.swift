import Bedrock
import Model

/// Counts the series of a source by names and values, for a store that keeps no such counts.
enum StorageSurvey {
    static func count(
        _ source: any SeriesSource, tenant: Tenant, limit: Int, _ cancellation: Cancellation
    ) throws -> StorageStatus {
        // Every series has a name, and so passes.
        let everything = [try Matcher(Labels.metricName, .notEqual, "")]
        let selection = try source.snapshot(tenant: tenant).select(
            SeriesRequest(matchers: everything, range: .everything, columns: .labels, cancellation: cancellation))
        var pairs: [Label: Int] = [:]
        for index in 0..<selection.count {
            if index % 4096 == 0 { try cancellation.check() }
            for label in selection.labels(index).list { pairs[label, default: 0] += 1 }
        }
        var metrics: [String: Int] = [:]
        var values: [String: Int] = [:]
        var bytes: [String: Int] = [:]
        for (label, count) in pairs {
            if label.name == Labels.metricName { metrics[label.value] = count }
            values[label.name, default: 0] += 1
            bytes[label.name, default: 0] += label.value.utf8.count
        }
        var status = StorageStatus()
        status.seriesCount = selection.count
        status.labelPairCount = pairs.count
        status.seriesByMetric = largest(metrics.map { .init($0.key, $0.value) }, limit)
        status.valuesByLabel = largest(values.map { .init($0.key, $0.value) }, limit)
        status.bytesByLabel = largest(bytes.map { .init($0.key, $0.value) }, limit)
        status.seriesByPair = largest(pairs.map { .init($0.key.name + "=" + $0.key.value, $0.value) }, limit)
        return status
    }

    private static func largest(_ counts: [StorageStatus.Count], _ limit: Int) -> [StorageStatus.Count] {
        Array(
            counts.sorted { $0.value != $1.value ? $0.value > $1.value : utf8Precedes($0.name, $1.name) }.prefix(limit))
    }
}
