import Bedrock
import Foundation
import Model
import Testing

@testable import Agent

@Suite struct HostMetricsTests {
    @Test func everyCollectorReports() throws {
        let fixture = try HostFixture()
        var options = HostOptions()
        options.paths = fixture.paths
        let host = try HostMetrics(options, clock: fixture.clock)
        let batch = MetricBatch()
        host.collect(into: batch)
        #expect(host.lastFailures.isEmpty, "\(host.lastFailures)")
        #expect(batch.timestamps.allSatisfy { $0 == fixture.clock.now() })
        let families = batch.metadata.map(\.family)
        #expect(Set(families).count == families.count, "metadata once a family")
        for index in 0..<batch.seriesCount {
            let labels = batch.labels(index)
            #expect(Labels(labels.list) == labels, "\(labels) is canonical")
        }
        let identities = Set((0..<batch.seriesCount).map { batch.labels($0) })
        #expect(identities.count == batch.seriesCount, "each series once")
    }

    @Test func aFailingCollectorSpoilsNothing() throws {
        let fixture = try HostFixture()
        try FileManager.default.removeItem(atPath: fixture.paths.proc + "/loadavg")
        try fixture.directory.write("proc/sys/kernel/random/entropy_avail", "much\n")
        var options = HostOptions()
        options.paths = fixture.paths
        options.disabled = ["hwmon"]
        let host = try HostMetrics(options, clock: fixture.clock)
        let batch = MetricBatch()
        host.collect(into: batch)
        let all = lines(batch)
        #expect(all.contains(#"node_scrape_collector_success{collector="loadavg"} 0"#))
        #expect(all.contains(#"node_scrape_collector_success{collector="entropy"} 0"#))
        #expect(all.contains(#"node_scrape_collector_success{collector="meminfo"} 1"#))
        #expect(!all.contains { $0.contains("hwmon") })
        #expect(
            host.lastFailures["loadavg"]?.description
                == "cannot read \(fixture.paths.proc)/loadavg: No such file or directory")
    }

    @Test func aHangingCollectorIsLeftBehindUntilItReturns() throws {
        let fixture = try HostFixture()
        // Opening a pipe that nobody writes to hangs, as a dead file server does.
        let pipe = fixture.paths.proc + "/loadavg"
        try FileManager.default.removeItem(atPath: pipe)
        #expect(mkfifo(pipe, 0o600) == 0)
        var options = HostOptions()
        options.paths = fixture.paths
        options.collectorSecondsMax = 0.1
        let host = try HostMetrics(options)
        for _ in 0..<2 {
            let batch = MetricBatch()
            host.collect(into: batch)
            let all = lines(batch)
            #expect(all.contains(#"node_scrape_collector_success{collector="loadavg"} 0"#))
            #expect(all.contains(#"node_scrape_collector_success{collector="meminfo"} 1"#))
            #expect(host.lastFailures["loadavg"] == .stuck(seconds: 0.1))
        }
        // The thread comes back once somebody writes, and the collector with it.
        let writer = try #require(FileHandle(forWritingAtPath: pipe))
        try FileManager.default.removeItem(atPath: pipe)
        try fixture.directory.write("proc/loadavg", "1 2 3\n")
        try writer.close()
        var recovered = false
        for _ in 0..<200 where !recovered {
            let batch = MetricBatch()
            host.collect(into: batch)
            recovered = lines(batch).contains("node_load1 1")
            if !recovered { usleep(10_000) }
        }
        #expect(recovered, "\(host.lastFailures)")
    }

    @Test func thisMachineAnswers() throws {
        let batch = MetricBatch()
        try HostMetrics().collect(into: batch)
        let all = lines(batch)
        #expect(all.contains { $0.hasPrefix("node_cpu_seconds_total{") })
        #expect(all.contains { $0.hasPrefix("node_memory_MemTotal_bytes ") })
        #expect(all.contains { $0.hasPrefix("node_uname_info{") })
    }
}
