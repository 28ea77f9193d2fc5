import Bedrock
import Model
import Testing
import Transport

@testable import Agent

/// A real node_exporter, the real HTTP client, threads: the whole way.
@Suite(.enabled(if: NodeExporter.isInstalled, "prometheus-node-exporter is not installed"))
struct RealScrapeTests {
    @Test func aRealExporterIsScraped() throws {
        let exporter = try NodeExporter()
        _ = try exporter.metrics()
        let directory = try TemporaryDirectory()
        let sink = MemoryMetricSink()
        let losses = MemoryLosses()
        var options = AgentOptions(queueDirectory: directory.path, hostName: "here")
        options.hostMetrics = nil
        options.scraping = try ScrapeConfiguration.read(
            """
            scrape_configs:
              - job_name: node
                scrape_interval: 500ms
                static_configs: [{targets: ['127.0.0.1:\(exporter.port)']}]
                metric_relabel_configs: [{source_labels: [__name__], regex: go_.*, action: drop}]
            """, file: "test")
        var dependencies = AgentDependencies(
            caller: HTTPClient(), destination: SinkDestination(sink), losses: losses)
        dependencies.log = Logger("agent", sink: MemorySink())
        let agent = try Agent(options, dependencies)
        agent.start()
        let instance = "instance=\"127.0.0.1:\(exporter.port)\", job=\"node\""
        let up = "up{\(instance)} 1"
        let clock = SystemClock()
        let end = clock.monotonicNanoseconds() + 20_000_000_000
        while sink.lines.filter({ $0 == up }).count < 3, clock.monotonicNanoseconds() < end {
            Waker().wait(nanoseconds: 20_000_000)
        }
        let target = try #require(agent.targets().active.first)
        agent.stop(deadlineSeconds: 5)
        let lines = sink.lines
        #expect(lines.filter { $0 == up }.count >= 3, "\(target.lastError)")
        #expect(lines.contains { $0.hasPrefix("node_uname_info{domainname=") && $0.hasSuffix(" 1") })
        #expect(!lines.contains { $0.hasPrefix("go_") })
        // Everything is new in the first scrape, next to nothing in the second.
        let added = lines.filter { $0.hasPrefix("scrape_series_added{") }.compactMap {
            Int($0.split(separator: " ").last ?? "")
        }
        #expect((added.max() ?? 0) > 300 && added.filter { $0 > 20 }.count == 1, "\(added)")
        #expect(losses.all.isEmpty)
    }
}
