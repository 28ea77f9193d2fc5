import Bedrock
import Instruments
import Model
import Receivers
import Testing
import Transport

@testable import Agent

@Suite struct AgentFacadeTests {
    let directory: TemporaryDirectory
    let server = StubServer()
    let sink = MemoryMetricSink()
    let losses = MemoryLosses()
    let log = MemorySink()

    init() throws { directory = try TemporaryDirectory() }

    private func options(_ change: (inout AgentOptions) -> Void = { _ in }) -> AgentOptions {
        var options = AgentOptions(queueDirectory: directory.path + "/queue", hostName: "paper")
        options.hostMetrics = nil
        change(&options)
        return options
    }

    private func dependencies(_ clock: any ClockSource) -> AgentDependencies {
        var dependencies = AgentDependencies(caller: server, destination: SinkDestination(sink), losses: losses)
        dependencies.clock = clock
        dependencies.random = SeededGenerator(seed: 1)
        dependencies.log = Logger("agent", sink: log, clock: clock)
        return dependencies
    }

    private func configuration(_ text: String) throws -> ScrapeConfiguration {
        try ScrapeConfiguration.read(text, file: "test")
    }

    @Test func samplesGoAllTheWayInSimulatedTime() throws {
        let clock = SimulatedClock()
        server.answer("http://h:1/metrics", "a 1\n")
        let fixture = try HostFixture()
        let agent = try Agent(
            options {
                $0.hostMetrics = HostOptions()
                $0.hostMetrics?.paths = fixture.paths
                $0.laneCount = 2
                $0.scraping.jobs =
                    (try? configuration(
                        "scrape_configs: [{job_name: j, scrape_interval: 5s, static_configs: [{targets: ['h:1']}]}]"
                    ).jobs) ?? []
            }, dependencies(clock))
        let scheduler = SeededScheduler(seed: 3, clock: clock)
        scheduler.add(agent.workers)
        let end = clock.now() + 30_000
        _ = scheduler.run(steps: 1_000_000) { clock.now() >= end }
        let lines = sink.lines
        #expect(lines.filter { $0 == #"a{instance="h:1", job="j"} 1"# }.count >= 5)
        #expect(lines.contains(#"node_load1{instance="paper", job="host"} 0.21"#))
        #expect(lines.contains(#"up{instance="paper", job="host"} 1"#))
        #expect(losses.all.isEmpty)
        let targets = agent.targets()
        #expect(targets.active.map(\.scrapePool) == ["host", "j"])
        #expect(targets.active.allSatisfy { $0.health == .up && $0.lastError.isEmpty && $0.lastScrape != nil })
        #expect(targets.active[1].scrapeURL == "http://h:1/metrics" && targets.active[1].scrapeInterval == 5_000)
    }

    @Test func reloadsAppearInTheLogAndInTheTargets() throws {
        let clock = SimulatedClock()
        server.answer("http://h:1/metrics", "a 1\n")
        let agent = try Agent(options(), dependencies(clock))
        let scheduler = SeededScheduler(seed: 3, clock: clock)
        scheduler.add(agent.workers)
        func run(_ milliseconds: Int64) {
            let end = clock.now() + milliseconds
            _ = scheduler.run(steps: 1_000_000) { clock.now() >= end }
        }
        agent.reload(
            try configuration(
                """
                scrape_configs:
                - job_name: j
                  static_configs: [{targets: ['h:1', 'gone:1']}]
                  relabel_configs: [{source_labels: [__address__], regex: gone.*, action: drop}]
                """))
        run(5_000)
        #expect(agent.targets().active.map(\.scrapeURL) == ["http://h:1/metrics"])
        #expect(agent.targets().dropped.map { $0.discoveredLabels["__address__"] } == ["gone:1"])
        #expect(agent.targets().droppedCounts == ["j": 1])
        agent.reload(try configuration("scrape_configs: []"))
        run(5_000)
        #expect(agent.targets().active.isEmpty)
        #expect(sink.lines.contains(#"a{instance="h:1", job="j"} stale"#))
        let changes = log.lines.filter { $0.contains("scrape configuration changed") }
        #expect(changes.count == 2 && changes[0].contains("job j added") && changes[1].contains("job j removed"))
    }

    @Test func anOptionalNodeExporterLeavesNoTraceUntilItAnswers() throws {
        let clock = SimulatedClock()
        let agent = try Agent(options { $0.nodeExporter = "127.0.0.1:9100" }, dependencies(clock))
        let scheduler = SeededScheduler(seed: 3, clock: clock)
        scheduler.add(agent.workers)
        func run(_ milliseconds: Int64) {
            let end = clock.now() + milliseconds
            _ = scheduler.run(steps: 1_000_000) { clock.now() >= end }
        }
        run(40_000)
        #expect(sink.lines.isEmpty && agent.targets().active.first?.health == .down)
        server.answer("http://127.0.0.1:9100/metrics", "node_load1 1\n")
        run(20_000)
        #expect(sink.lines.contains(#"node_load1{instance="127.0.0.1:9100", job="node"} 1"#))
        server.answer("http://127.0.0.1:9100/metrics") { _ in .failure(.unreachable("gone")) }
        run(20_000)
        #expect(sink.lines.contains(#"up{instance="127.0.0.1:9100", job="node"} 0"#))
    }

    @Test func onThreadsItStartsAndStops() throws {
        var dependencies = dependencies(SystemClock())
        dependencies.ownMetrics = { batch in
            batch.beginSeries(Labels(["__name__": "obs_test"]))
            batch.append(timestamp: 0, value: 4)
        }
        let agent = try Agent(options { $0.builtInInterval = 200 }, dependencies)
        agent.start()
        let clock = SystemClock()
        let end = clock.monotonicNanoseconds() + 10_000_000_000
        while !sink.lines.contains(#"obs_test{instance="paper", job="obs"} 4"#), clock.monotonicNanoseconds() < end {
            Waker().wait(nanoseconds: 10_000_000)
        }
        #expect(sink.lines.contains(#"obs_test{instance="paper", job="obs"} 4"#))
        #expect(agent.stop(deadlineSeconds: 5))
        #expect(losses.all.isEmpty)
        #expect(agent.laneStatistics.allSatisfy { $0.backlogRecords == 0 && $0.lastError.isEmpty })
    }

    @Test func stoppingDoesNotWaitForADeadReceiver() throws {
        sink.fail(Array(repeating: .unavailable("down"), count: 10_000))
        var dependencies = dependencies(SystemClock())
        dependencies.ownMetrics = { batch in
            batch.beginSeries(Labels(["__name__": "obs_test"]))
            batch.append(timestamp: 0, value: 4)
        }
        let clock = SystemClock()
        do {
            let agent = try Agent(options { $0.builtInInterval = 200 }, dependencies)
            agent.start()
            let end = clock.monotonicNanoseconds() + 10_000_000_000
            while agent.laneStatistics[0].backlogSamples == 0, clock.monotonicNanoseconds() < end {
                Waker().wait(nanoseconds: 10_000_000)
            }
            let began = clock.monotonicNanoseconds()
            agent.stop(deadlineSeconds: 20)
            #expect(clock.monotonicNanoseconds() - began < 5_000_000_000)
            #expect(sink.lines.isEmpty)
        }
        // The next process finds it all and sends it.
        let after = MemoryMetricSink()
        dependencies.destination = SinkDestination(after)
        dependencies.ownMetrics = nil
        let agent = try Agent(options(), dependencies)
        agent.start()
        #expect(agent.stop(deadlineSeconds: 5))
        #expect(after.lines.contains(#"obs_test{instance="paper", job="obs"} 4"#))
        #expect(losses.all.isEmpty)
    }

    /// The sums of the ledger agree with what went in and what came out, however the receiver behaves.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func everyScrapedSampleIsDeliveredOrCounted(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let clock = SimulatedClock()
        let registry = InstrumentRegistry()
        server.answer("http://h:1/metrics", (0..<50).map { "m\($0) 1\n" }.joined())
        var dependencies = dependencies(clock)
        dependencies.registry = registry
        dependencies.files = SimulatedFileSystem(seed: seed)
        let agent = try Agent(
            options {
                $0.queueDirectory = "/data/agent"
                $0.laneCount = 2
                $0.lane.queue.bytesMax = 3_000
                $0.lane.queue.segmentBytes = 700
                $0.lane.queue.overflow = seed % 2 == 0 ? .dropOldest : .refuse
                $0.scraping =
                    (try? configuration(
                        "scrape_configs: [{job_name: j, scrape_interval: 1s, static_configs: [{targets: ['h:1']}]}]"))
                    ?? $0.scraping
            }, dependencies)
        let scheduler = SeededScheduler(seed: seed, clock: clock)
        scheduler.add(agent.workers)
        for _ in 0..<8 {
            let error: WriteError =
                Bool.random(using: &random) ? .invalid("no") : .overloaded("busy", retryAfterSeconds: 3)
            sink.fail(Array(repeating: error, count: Int.random(in: 0...4, using: &random)))
            let end = clock.now() + 10_000
            _ = scheduler.run(steps: 1_000_000) { clock.now() >= end }
        }
        agent.reload(ScrapeConfiguration())
        let end = clock.now() + 60_000
        _ = scheduler.run(steps: 1_000_000) { clock.now() >= end }
        let metrics = MetricBatch()
        registry.collect(into: metrics, timestamp: 0)
        let scraped = lines(metrics).first { $0.hasPrefix("obs_agent_samples_total ") }.flatMap {
            Int($0.dropFirst(24))
        }
        #expect(scraped == sink.lines.count + losses.total, "lost \(losses.all)")
        #expect((scraped ?? 0) > 3_000)
        let sent = lines(metrics).filter { $0.hasPrefix("obs_agent_sent_samples_total{") }
        #expect(sent.count == 2 && sent.contains { $0.hasSuffix(" \(sink.lines.count)") })
    }
}
