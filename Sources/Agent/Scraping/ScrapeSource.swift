import Formats
import Model

/// What a source answers with.
enum ScrapeBody: Sendable {
    case text([UInt8], ExpositionFormat)
    /// Samples with canonical labels, not yet the target's, whose timestamps don't count. Handed over for good.
    case samples(MetricBatch)

    static let empty = ScrapeBody.samples(MetricBatch())
}

/// Where a target's samples come from: the network, or this process. Thread-safe.
protocol ScrapeSource: Sendable {
    /// Begins one fetch; `done` is called exactly once, from any thread.
    func fetch(_ target: ScrapeTarget, done: @escaping @Sendable (Result<ScrapeBody, ScrapeError>) -> Void)
}
