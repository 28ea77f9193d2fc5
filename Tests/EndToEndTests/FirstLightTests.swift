import Formats
import Foundation
import Testing
import Transport

/// A newcomer's first minutes, with real programs.
@Suite(.serialized) struct FirstLightTests {
    @Test func hostMetricsAnswerWithinSeconds() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess(data: folder.path + "/data", ["--agent-interval", "1s"])
        let value = try #require(
            try eventually { try HTTP.value(server.url, "node_memory_MemTotal_bytes{job=\"host\"}") })
        #expect(value > 1_048_576)
        #expect(try eventually { try HTTP.value(server.url, "obs_lsm_records_written_total > 0") } != nil)
        let status = try run(Programs.obsq, ["--server", server.url, "status"])
        #expect(status.status == 0 && status.output.contains("ready"))
        #expect(server.stop() == 0)
        // A second run finds the first one's data.
        let again = try ObsdProcess(data: folder.path + "/data", ["--agent-host-metrics=false"])
        #expect(try HTTP.value(again.url, "last_over_time(node_memory_MemTotal_bytes[10m])") == value)
    }

    /// The same pinned query through three clients gives the same number.
    @Test func nodeExporterThroughObsqPromtoolAndHTTP() throws {
        guard let exporter = Programs.tool("prometheus-node-exporter"), let promtool = Programs.tool("promtool") else {
            print("skipped: prometheus-node-exporter or promtool is not installed")
            return
        }
        let port = try freePort()
        let node = Process()
        node.executableURL = exporter
        node.arguments = ["--web.listen-address=127.0.0.1:\(port)"]
        node.standardError = FileHandle.nullDevice
        try node.run()
        defer { node.terminate() }
        let folder = try TemporaryFolder()
        let config = try folder.write(
            "obs.yml",
            "scrape_configs:\n  - job_name: real\n    scrape_interval: 1s\n    static_configs: [{targets: ['127.0.0.1:\(port)']}]\n"
        )
        let server = try ObsdProcess(data: folder.path + "/data", ["--config", config])
        let query = "node_boot_time_seconds{job=\"real\"}"
        #expect(try eventually { try HTTP.value(server.url, query) } != nil)
        #expect(try HTTP.value(server.url, "up{job=\"real\"}") == 1)
        let time = "\(Int(Date().timeIntervalSince1970) + 1)"
        let plain = try #require(try HTTP.value(server.url, query, time: time))
        let obsq = try run(Programs.obsq, ["--server", server.url, "query", query, "--time", time, "--json"])
        let viaObsq = try JSONValue(parsing: obsq.output)["result"]?[0]?["value"]?[1]?.string
        #expect(viaObsq.flatMap { Double($0) } == plain, "\(obsq.output)\(obsq.errors)")
        let tool = try run(promtool, ["query", "instant", "--time=\(time)", server.url, query])
        let viaPromtool = tool.output.split(separator: " ").drop { $0 != "=>" }.dropFirst().first
        #expect(viaPromtool.flatMap { Double($0) } == plain, "\(tool.output)\(tool.errors)")
    }

    @Test func grafanaProbesGetWhatTheyLookFor() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess(data: folder.path + "/data", ["--agent-interval", "1s"])
        let build = try JSONValue(parsing: try server.get("/api/v1/status/buildinfo").body)
        #expect(build["data"]?["version"]?.string?.isEmpty == false)
        _ = try eventually { try HTTP.value(server.url, "node_load1") }
        let labels = try JSONValue(parsing: try server.get("/api/v1/labels").body)
        #expect(labels["data"]?.array?.contains { $0.string == "__name__" } == true)
        let test = try server.post(
            "/api/v1/query", Data("query=1%2B1&time=\(Int(Date().timeIntervalSince1970))".utf8),
            headers: ["Content-Type": "application/x-www-form-urlencoded"])
        #expect(test.status == 200)
        #expect(try JSONValue(parsing: test.body)["data"]?["result"]?[1]?.string == "2")
    }

    @Test func oneFrameOfTheDashboardShowsThisMachine() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess(data: folder.path + "/data", ["--agent-interval", "1s"])
        _ = try eventually { try HTTP.value(server.url, "rate(node_cpu_seconds_total{mode=\"idle\"}[5s])") }
        let dashboard = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Dashboards/host.json").path
        let frame = try run(
            Programs.obsq, ["--server", server.url, "dash", "--once", "--width", "80", "--dashboard", dashboard])
        #expect(frame.status == 0, "\(frame.errors)")
        #expect(frame.output.contains("CPU") && frame.output.contains("Memory"))
        #expect(frame.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
}

/// Asks until there is an answer, at most 20 s.
func eventually<T>(_ body: () throws -> T?) throws -> T? {
    let end = Date().addingTimeInterval(20)
    while Date() < end {
        if let found = try? body() { return found }
        usleep(100_000)
    }
    return try body()
}

/// A port of the loopback interface that nothing listens on.
func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = bind(descriptor, $0, length)
            getsockname(descriptor, $0, &length)
        }
        return UInt16(bigEndian: $0.pointee.sin_port)
    }
}
