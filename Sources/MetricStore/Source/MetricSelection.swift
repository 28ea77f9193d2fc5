import Bedrock
import LSM
import Model

/// Matching series of a snapshot. Thread-safe: reads share nothing but the runs.
final class MetricSelection: SeriesSelection {
    private let runs: [MetricRun]
    private let union: SeriesUnion
    private let request: SeriesRequest
    /// The request's range, cut at the retention.
    private let range: TimeRange
    private let report: DamageReporter

    init(
        _ runs: [MetricRun], _ union: SeriesUnion, _ request: SeriesRequest, range: TimeRange,
        report: @escaping DamageReporter
    ) {
        self.runs = runs
        self.union = union
        self.request = request
        self.range = range
        self.report = report
    }

    var count: Int { union.count }

    func labels(_ index: Int) -> Labels { Labels(canonical: union.keys[index].bytes) }

    func read(_ series: Range<Int>, into batch: SeriesBatch) throws {
        batch.clear()
        let rows = SeriesRows()
        let memo = TimestampMemo()
        let damage = DamageFilter(report)
        for index in series {
            if (index - series.lowerBound) % 32 == 0 { try request.cancellation.check() }
            rows.clear()
            let labels = union.keys[index].bytes
            for place in union.places(index) {
                try runs[Int(place.run)].append(
                    place.ordinal, labels: labels, range: range, memo: memo, damage: damage, to: rows)
            }
            rows.finish()
            rows.floats.clip(to: range)
            let count = rows.floats.count
            try request.budget.charge(count + rows.histograms.count)
            batch.reserve(count)
            (batch.timestamps + batch.rowCount).update(from: rows.floats.timestamps, count: count)
            (batch.values + batch.rowCount).update(from: rows.floats.values, count: count)
            batch.commit(count)
            for row in rows.histograms { batch.append(timestamp: row.timestamp, histogram: row.histogram) }
            batch.endSeries()
        }
    }
}
