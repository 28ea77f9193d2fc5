import Model
import Synchronization

/// A sink that keeps what it is given as text, or refuses as told.
final class MemorySink: MetricSink {
    struct Written: Sendable, Equatable {
        /// `labels value timestamp`, one a sample.
        var samples: [String]
        var histograms: Int
        var metadata: [MetricMetadata]
        var tenant: String
        var producer: BatchOrigin.Producer?
        var exemplars = 0
    }

    private let state = Mutex((written: [Written](), answer: Result<WriteReceipt, WriteError>?.none))

    var written: [Written] { state.withLock { $0.written } }

    /// What to answer from now on; nil accepts everything.
    func answer(_ result: Result<WriteReceipt, WriteError>?) { state.withLock { $0.answer = result } }

    func write(
        _ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        var samples: [String] = []
        for (index, entry) in batch.entries.enumerated() {
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                samples.append("\(batch.labels(index)) \(batch.values[row]) \(batch.timestamps[row])")
            }
        }
        let written = Written(
            samples: samples, histograms: batch.histograms.count, metadata: batch.metadata, tenant: origin.tenant.name,
            producer: origin.producer, exemplars: batch.exemplars.count)
        let receipt = WriteReceipt(
            accepted: batch.sampleCount, histograms: batch.histograms.count, exemplars: batch.exemplars.count)
        let answer = state.withLock { state in
            if case .failure = state.answer { return state.answer }
            state.written.append(written)
            return state.answer
        }
        done(answer ?? .success(receipt))
    }
}
