import Bedrock
import Instruments

/// What every receiver measures of itself.
struct ReceiverInstruments: Sendable {
    let place = "receiver"
    let ledger: LossLedger
    private let signal: LossLedger.Signal
    private let clock: any ClockSource
    private let requests: [Int: Counter]
    private let otherRequests: Counter
    private let samples: Counter
    private let bytes: Counter
    private let seconds: Histogram

    init(
        protocolName: String, registry: InstrumentRegistry, ledger: LossLedger, clock: any ClockSource,
        signal: LossLedger.Signal = .metrics
    ) {
        self.signal = signal
        self.ledger = ledger
        self.clock = clock
        let family = registry.counters(
            "obs_receivers_requests_total", help: "Write requests answered, by protocol and HTTP status.",
            labels: ["protocol", "code"])
        requests = Dictionary(
            uniqueKeysWithValues: [200, 204, 400, 413, 415, 429, 503].map {
                ($0, family.bind(protocolName, String($0)))
            })
        otherRequests = family.bind(protocolName, "other")
        let (name, help) =
            switch signal {
            case .metrics: ("obs_receivers_samples_total", "Samples stored, by protocol.")
            case .logs: ("obs_receivers_lines_total", "Log lines stored, by protocol.")
            case .traces: ("obs_receivers_spans_total", "Spans stored, by protocol.")
            }
        samples = registry.counter(name, help: help, labels: ["protocol": protocolName])
        bytes = registry.counter(
            "obs_receivers_body_bytes_total", help: "Bytes of request bodies as received, by protocol.",
            labels: ["protocol": protocolName])
        seconds = registry.histogram(
            "obs_receivers_request_seconds", help: "From the whole request to its answer, by protocol.",
            labels: ["protocol": protocolName])
    }

    func begin(bodyBytes: Int) -> UInt64 {
        bytes.add(bodyBytes)
        return clock.monotonicNanoseconds()
    }

    func end(_ start: UInt64, status: Int, samplesStored: Int) {
        (requests[status] ?? otherRequests).increment()
        samples.add(samplesStored)
        seconds.observe(secondsSince: start, now: clock.monotonicNanoseconds())
    }

    func lost(_ samples: Int, _ reason: String) { ledger.enter(samples, place: place, reason: reason, signal: signal) }

    /// For protocols without requests.
    func received(bytes count: Int) { bytes.add(count) }
    func stored(_ rows: Int) { samples.add(rows) }
}
