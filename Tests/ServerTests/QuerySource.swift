import Bedrock
import Model
import Synchronization

/// An in-memory `SeriesSource` for tests: series sorted by labels, samples ascending in time.
final class QuerySource: SeriesSource {
    struct Series: Sendable {
        var labels: Labels
        var samples: [(timestamp: Int64, value: Double)] = []
        var histograms: [SeriesBatch.HistogramRow] = []
        var exemplars: [Exemplar] = []
    }

    /// Called before samples are read, to make reads slow or failing.
    typealias Gate = @Sendable (Cancellation) throws -> Void

    private let series: [Series]
    private let metadata: [MetricMetadata]
    private let gate = Mutex<Gate?>(nil)

    init(_ series: [Series], metadata: [MetricMetadata] = []) {
        self.series = series.sorted { $0.labels < $1.labels }
        self.metadata = metadata
    }

    func setGate(_ body: Gate?) { gate.withLock { $0 = body } }

    func snapshot(tenant: Tenant) throws -> any SeriesSnapshot {
        Snapshot(series: tenant == .default ? series : [], known: metadata, gate: gate.withLock { $0 })
    }

    private struct Snapshot: SeriesSnapshot {
        let series: [Series]
        let known: [MetricMetadata]
        let gate: Gate?

        func select(_ request: SeriesRequest) throws -> any SeriesSelection {
            Selection(
                series: series.filter { $0.labels.match(request.matchers) && $0.isIn(request.range) }, request: request,
                gate: gate)
        }

        func labelNames(matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation) throws -> [String] {
            sorted(matching(sets, range).flatMap { $0.labels.list.map(\.name) })
        }

        func labelValues(
            _ name: String, matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation
        ) throws -> [String] {
            sorted(matching(sets, range).compactMap { $0.labels[name] })
        }

        func metadata(family: String?) throws -> [MetricMetadata] {
            known.filter { family == nil || $0.family == family }
        }

        func exemplars(_ request: ExemplarRequest) -> [SeriesExemplars] {
            series.filter { one in request.sets.contains { one.labels.match($0) } }.compactMap { one in
                let found = one.exemplars.filter { request.range.contains($0.timestamp) }
                return found.isEmpty ? nil : SeriesExemplars(series: one.labels, exemplars: found)
            }
        }

        private func matching(_ sets: [[Matcher]], _ range: TimeRange) -> [Series] {
            series.filter { one in one.isIn(range) && (sets.isEmpty || sets.contains { one.labels.match($0) }) }
        }

        private func sorted(_ texts: [String]) -> [String] { Set(texts).sorted(by: utf8Precedes) }
    }

    private struct Selection: SeriesSelection {
        let series: [Series]
        let request: SeriesRequest
        let gate: Gate?

        var count: Int { series.count }

        func labels(_ index: Int) -> Labels { series[index].labels }

        func read(_ range: Range<Int>, into batch: SeriesBatch) throws {
            batch.clear()
            try gate?(request.cancellation)
            try request.cancellation.check()
            for one in series[range] {
                for sample in one.samples where request.range.contains(sample.timestamp) {
                    batch.append(timestamp: sample.timestamp, value: sample.value)
                }
                for row in one.histograms where request.range.contains(row.timestamp) {
                    batch.append(timestamp: row.timestamp, histogram: row.histogram)
                }
                batch.endSeries()
            }
            try request.budget.charge(batch.rowCount + batch.histograms.count)
        }
    }
}

extension QuerySource.Series {
    func isIn(_ range: TimeRange) -> Bool {
        samples.contains { range.contains($0.timestamp) } || histograms.contains { range.contains($0.timestamp) }
    }
}
