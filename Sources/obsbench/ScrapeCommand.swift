import Agent
import Bedrock
import Formats
import Model
import Synchronization
import Transport

/// Scrapes made-up targets through the whole agent, from the exposition's text over the disk queue to a sink that throws away, in simulated
/// time; then collects this machine's metrics.
struct ScrapeCommand {
    let targets: Int
    let series: Int
    let scrapes: Int
    let folder: String

    func run() throws {
        let sink = CountingSink()
        var options = AgentOptions(queueDirectory: Path.join(folder, "queue"), hostName: "bench")
        options.hostMetrics = nil
        options.lane.samplesPerSecondMax = 1e12
        options.scraping = try ScrapeConfiguration.read(
            """
            scrape_configs:
              - job_name: bench
                scrape_interval: 10s
                static_configs: [{targets: [\((0..<targets).map { "'t-\($0):1'" }.joined(separator: ", "))]}]
                metric_relabel_configs: [{source_labels: [__name__], regex: dropped_.*, action: drop}]
            """, file: "bench")
        var dependencies = AgentDependencies(
            caller: MadeUpTargets(series: series), destination: SinkDestination(sink), losses: NoLosses())
        let clock = SimulatedClock()
        dependencies.clock = clock
        let agent = try Agent(options, dependencies)
        let scheduler = SeededScheduler(seed: 1, clock: clock)
        scheduler.add(agent.workers)
        // The first scrapes fill the caches and are not counted.
        advance(scheduler, clock, milliseconds: 15_000)
        let began = ProcessUsage.now()
        let before = sink.count
        advance(scheduler, clock, milliseconds: Int64(scrapes) * 10_000)
        let used = ProcessUsage.now() - began
        let samples = sink.count - before
        Report.print([
            ("samples scraped", String(samples)),
            ("samples per CPU second", Report.number(Double(samples) / used.cpu)),
            ("CPU per sample, ns", Report.number(used.cpu / Double(max(samples, 1)) * 1e9)),
            ("peak memory, MiB", String(ProcessUsage.now().peakBytes >> 20)),
        ])
        try measureHost()
    }

    private func advance(_ scheduler: SeededScheduler, _ clock: SimulatedClock, milliseconds: Int64) {
        let end = clock.now() + milliseconds
        _ = scheduler.run(steps: .max) { clock.now() >= end }
    }

    private func measureHost() throws {
        let host = try HostMetrics()
        let batch = MetricBatch()
        host.collect(into: batch)
        let runs = 50
        let began = ProcessUsage.now()
        for _ in 0..<runs {
            batch.clear()
            host.collect(into: batch)
        }
        let used = ProcessUsage.now() - began
        Report.print([
            ("host series", String(batch.seriesCount)),
            ("CPU per host collection, ms", Report.number(used.cpu / Double(runs) * 1e3)),
        ])
    }
}

/// Targets whose values change from scrape to scrape, and whose text stays the same otherwise.
private final class MadeUpTargets: HTTPCaller {
    private let texts: [[UInt8]]
    private let turn = Mutex(0)

    init(series: Int) {
        texts = (0..<4).map { version in
            var text = "# HELP bench_requests_total Requests.\n# TYPE bench_requests_total counter\n"
            for i in 0..<series {
                text +=
                    "bench_requests_total{method=\"GET\",handler=\"/api/v1/things/\(i)\",code=\"200\"} \(i * 1_000 + version)\n"
            }
            return Array(text.utf8)
        }
    }

    func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        let number = turn.withLock { turn in
            turn += 1
            return turn
        }
        done(
            .success(
                HTTPResponse(
                    status: 200, headers: ["Content-Type": ExpositionFormat.classic.contentType],
                    body: texts[number % texts.count])))
    }
}

private final class CountingSink: MetricSink {
    private let total = Atomic<Int>(0)

    var count: Int { total.load(ordering: .relaxed) }

    func write(
        _ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        total.wrappingAdd(batch.sampleCount, ordering: .relaxed)
        done(.success(WriteReceipt(accepted: batch.sampleCount)))
    }
}

private struct NoLosses: LossRecorder {
    func lost(samples: Int, place: String, reason: String) {}
    func lost(lines: Int, place: String, reason: String) {}
    func lost(spans: Int, place: String, reason: String) {}
}
