import Model

/// The series that every scrape adds about itself: `up`, `scrape_duration_seconds` and so on, under the target's labels.
struct ReportSeries {
    private let up: Labels
    private let duration: Labels
    private let scraped: Labels
    private let kept: Labels
    private let added: Labels

    init(_ target: Labels) {
        func series(_ name: String) -> Labels {
            var builder = LabelsBuilder(target)
            builder.set(Labels.metricName, name)
            return builder.labels()
        }
        up = series("up")
        duration = series("scrape_duration_seconds")
        scraped = series("scrape_samples_scraped")
        kept = series("scrape_samples_post_metric_relabeling")
        added = series("scrape_series_added")
    }

    func append(isUp: Bool, seconds: Double, _ counts: ScrapeCounts, at timestamp: Int64, into batch: MetricBatch) {
        let values: [(Labels, Double)] = [
            (up, isUp ? 1 : 0), (duration, seconds), (scraped, Double(counts.scraped)), (kept, Double(counts.kept)),
            (added, Double(counts.added)),
        ]
        for (labels, value) in values {
            batch.beginSeries(labels)
            batch.append(timestamp: timestamp, value: value)
        }
    }

    /// Staleness markers for all of them.
    func appendEnd(at timestamp: Int64, into batch: MetricBatch) {
        for labels in [up, duration, scraped, kept, added] {
            batch.beginSeries(labels)
            batch.append(timestamp: timestamp, value: StaleMarker.value)
        }
    }
}
