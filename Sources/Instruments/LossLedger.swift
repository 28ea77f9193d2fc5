import Bedrock

/// Counts every record that is refused, dropped or expired anywhere, with place and reason, so that no loss goes unseen. Thread-safe.
///
/// A record is what the signal counts: a sample, a log line, a span. Exposed as `obs_loss_records_total{place, reason, signal}`.
public final class LossLedger: Sendable {
    public enum Signal: String, Sendable, CaseIterable {
        case metrics, logs, traces
    }

    /// A line of the ledger.
    public struct Row: Equatable, Sendable {
        /// Where it happened, such as `receiver` or `agent_queue`.
        public var place: String
        /// Why, in snake case, such as `out_of_order`.
        public var reason: String
        public var signal: String
        public var records: Int

        public init(place: String, reason: String, signal: String, records: Int) {
            self.place = place
            self.reason = reason
            self.signal = signal
            self.records = records
        }
    }

    private let counters: InstrumentFamily<Counter>

    public init(registry: InstrumentRegistry) {
        counters = registry.counters(
            "obs_loss_records_total", help: "Records refused, dropped or expired, by place and reason.",
            labels: ["place", "reason", "signal"])
    }

    /// Enters a loss of `records`; nothing for zero.
    public func enter(_ records: Int, place: String, reason: String, signal: Signal = .metrics) {
        guard records > 0 else { return }
        counter(place: place, reason: reason, signal: signal).add(records)
    }

    /// The counter behind a line, for places that lose often.
    public func counter(place: String, reason: String, signal: Signal = .metrics) -> Counter {
        counters.bind(place, reason, signal.rawValue)
    }

    /// All lines with records, the largest first.
    public var table: [Row] {
        counters.bound.map { series, counter in
            Row(
                place: series.labels[0].value, reason: series.labels[1].value, signal: series.labels[2].value,
                records: Int(counter.value))
        }
        .filter { $0.records > 0 }
        .sorted { ($1.records, $0.place, $0.reason, $0.signal) < ($0.records, $1.place, $1.reason, $1.signal) }
    }

    /// Records lost so far, of one signal or of all.
    public func total(_ signal: Signal? = nil) -> Int {
        table.filter { signal == nil || $0.signal == signal?.rawValue }.reduce(0) { $0 + $1.records }
    }
}
