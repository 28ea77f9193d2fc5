import Bedrock
import Client
import Glibc
import Testing
import Transport

@testable import Dashboards
@testable import TerminalUI

/// A server with one host on it: every query has an answer made from its text, times on the grid that is asked for.
private func hostServer() -> HTTPDouble {
    HTTPDouble { call in
        let form = String(decoding: call.body, as: UTF8.self)
        func parameter(_ name: String) -> String {
            let pair = form.split(separator: "&").first { $0.hasPrefix(name + "=") } ?? ""
            let raw = Array(pair.dropFirst(name.count + 1).utf8)
            return raw.withUnsafeBufferPointer { PercentCoding.decode($0, plusIsSpace: true) } ?? ""
        }
        func answer(_ data: String) -> Result<HTTPResponse, HTTPCallError> {
            .success(HTTPResponse(contentType: "application/json", "{\"status\":\"success\",\"data\":" + data + "}"))
        }
        if call.url.hasSuffix("/-/ready") { return .success(HTTPResponse(contentType: "text/plain", "Ready.")) }
        if call.url.contains("/label/") { return answer("[\"node\"]") }
        let query = parameter("query")
        let isShare = query.hasPrefix("1 -") || query.contains("max by (mountpoint)")
        if call.url.hasSuffix("/query") {
            return answer(
                "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"mountpoint\":\"/\"},\"value\":[\(parameter("time")),\"\(isShare ? "0.42" : "93784")\"]}]}"
            )
        }
        guard let start = Double(parameter("start")), let end = Double(parameter("end")),
            let step = Double(parameter("step"))
        else {
            return .success(
                HTTPResponse(
                    status: 400, contentType: "application/json",
                    "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"what?\"}"))
        }
        let scale =
            query.contains("memory_Mem") ? 4e9 : query.contains("load") ? 2 : query.contains("bytes") ? 1e6 : 0.2
        var points: [String] = []
        var time = start
        while time <= end {
            points.append("[\(Int(time)),\"\(scale * (1 + Double(Int(time / step) % 20) / 20))\"]")
            time += step
        }
        return answer(
            "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"device\":\"eth0\"},\"values\":["
                + points.joined(separator: ",") + "]}]}")
    }
}

private struct FixedClock: ClockSource {
    func now() -> Int64 { 1_700_000_000_000 }
    func monotonicNanoseconds() -> UInt64 { 0 }
}

@Suite struct DashAppTests {
    private func app(_ double: HTTPDouble, dashboard: String = "host") -> DashApp {
        let server = ServerContext()
        var options = DashApp.Options(
            dashboard: dashboard, folders: [Path.join(SharedData.packageRoot, "Dashboards")], server: server)
        options.isUTC = true
        return DashApp(options, client: PrometheusClient(server, caller: double), clock: FixedClock())
    }

    @Test func shippedDashboardsLoadWithoutProblems() throws {
        let library = DashboardLibrary(
            folders: [Path.join(SharedData.packageRoot, "Dashboards")], files: PosixFileSystem())
        #expect(library.names().contains("host"))
        for name in library.names() {
            let dashboard = try library.load(name)
            #expect(dashboard.problems == [] && dashboard.uid == name && !dashboard.panels.isEmpty)
            for panel in dashboard.allPanels {
                if case .unknown(let type) = panel.kind { Issue.record("\(name): \(type)") }
            }
        }
        #expect(throws: DashboardProblem.self) { try library.load("nowhere") }
    }

    @Test func theHostDashboardInASmallTerminal() async throws {
        let text = try await app(hostServer()).renderOnce(width: 80, height: 24)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 25)
        #expect(lines[0].hasPrefix(" Host  last 15m  every 15s"))
        #expect(lines[1] == " Job node  Instance node  Rates over auto")
        for part in ["CPU ─", "Memory ─", "42%", "1d 2h", "CPU by mode", "● http://127.0.0.1:7070", "read", "write"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("no data") && !text.contains("loading") && !text.contains("!"))
    }

    @Test func theHostDashboardInALargeTerminal() async throws {
        let text = try await app(hostServer()).renderOnce(width: 200, height: 60, depth: .trueColor)
        for part in ["File systems", "Context switches", "Pressure", "╭─", "\u{1B}[0;"] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test func asHighAsNeeded() async throws {
        let text = try await app(hostServer()).renderOnce(width: 80, height: nil)
        #expect(text.contains("Context switches") && text.split(separator: "\n").count > 30)
    }

    @Test func anUnreachableServerIsSaidInEveryPanel() async throws {
        let text = try await app(HTTPDouble { _ in .failure(.unreachable("connection refused")) }).renderOnce(
            width: 120, height: 40)
        #expect(text.contains("cannot reach http://127.0.0.1:7070: connection refused"))
    }

    @Test func brokenAnswersAreSaid() async throws {
        let text = try await app(HTTPDouble("<html>")).renderOnce(width: 120, height: 40)
        #expect(text.contains("cannot be read"))
    }

    @Test(arguments: ManifestEntry.all) func realDashboardsDrawAtAnySize(_ entry: ManifestEntry) async throws {
        let path = Path.join(try #require(SharedData.dashboards), entry.file)
        for (width, height) in [(40, 12), (80, 24), (200, 60)] {
            let text = try await app(hostServer(), dashboard: path).renderOnce(width: width, height: height)
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == height + 1)
        }
    }
}
