import Instruments

/// What the agent shows of itself. All of it is read when somebody looks.
enum AgentInstruments {
    static func register(_ scrapers: [ScrapeWorker], _ lanes: [LaneWorker], in registry: InstrumentRegistry) {
        registry.observe(
            "obs_agent_targets", help: "Targets by how their last scrape went.", labels: ["health"]
        ) {
            var counts: [TargetStatus.Health: Int] = [.up: 0, .down: 0, .unknown: 0]
            for status in scrapers.lazy.flatMap(\.statuses) { counts[status.health, default: 0] += 1 }
            return counts.map { InstrumentRegistry.Observation(Double($0.value), labels: [$0.key.rawValue]) }
        }
        registerCounter(
            "obs_agent_scrapes_total", "Scrapes that ended, failed ones included.", scrapers, in: registry
        ) { $0.scrapes }
        registerCounter(
            "obs_agent_scrape_failures_total", "Scrapes that failed.", scrapers, in: registry
        ) { $0.failures }
        registerCounter(
            "obs_agent_samples_total",
            "Samples handed to the send queue, those about scraping and staleness markers included.",
            scrapers, in: registry
        ) { $0.samples }
        registerCounter(
            "obs_agent_repeated_samples_total",
            "Second samples of one series in one scrape, left out because relabelling made two series one.", scrapers,
            in: registry
        ) { $0.repeated }
        registerLanes(lanes, in: registry)
    }

    private static func registerLanes(_ lanes: [LaneWorker], in registry: InstrumentRegistry) {
        func observe(
            _ name: String, _ help: String, _ kind: InstrumentKind, _ read: @escaping @Sendable (LaneStatistics) -> Int
        ) {
            registry.observe(name, help: help, kind: kind, labels: ["lane"]) {
                lanes.enumerated().map { index, lane in
                    InstrumentRegistry.Observation(Double(read(lane.statistics)), labels: [String(index)])
                }
            }
        }
        observe("obs_agent_sent_samples_total", "Samples delivered.", .counter) { $0.samplesSent }
        observe("obs_agent_send_failures_total", "Tries to send that failed.", .counter) { $0.requestsFailed }
        observe("obs_agent_queue_samples", "Samples on disk, not delivered yet.", .gauge) { $0.backlogSamples }
        observe("obs_agent_queue_bytes", "Bytes of the send queue on disk.", .gauge) { $0.queueBytes }
        observe("obs_agent_memory_bytes", "Bytes of samples that wait to be written to the send queue.", .gauge) {
            $0.memoryBytes
        }
    }

    private static func registerCounter(
        _ name: String, _ help: String, _ scrapers: [ScrapeWorker], in registry: InstrumentRegistry,
        _ read: @escaping @Sendable (ScrapeWorker.Totals) -> Int
    ) {
        registry.observe(name, help: help, kind: .counter) {
            Double(scrapers.reduce(0) { $0 + read($1.totals) })
        }
    }
}
