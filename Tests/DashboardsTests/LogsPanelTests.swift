import Bedrock
import Client
import Model
import Synchronization
import Testing
import Transport

@testable import Dashboards
@testable import TerminalUI

/// A server with logs of two services.
private func logServer() -> HTTPDouble {
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
        if call.url.contains("/loki/api/v1/label/service_name/values") { return answer("[\"cart\",\"payment\"]") }
        if call.url.contains("/loki/api/v1/labels") { return answer("[\"service_name\"]") }
        guard call.url.hasSuffix("/loki/api/v1/query_range"), let end = Int64(parameter("end")) else {
            return .success(HTTPResponse(status: 404, contentType: "text/plain", "404 page not found"))
        }
        let query = parameter("query")
        if query.hasPrefix("{") {
            let grave = query.contains("detected_level=~")
            let entries = (0..<30).map { index -> String in
                let level = grave || index % 3 == 0 ? "error" : "info"
                return
                    "[\"\(end - Int64(index) * 1_000_000_000)\",\"request \(index) took\\ttoo \\u001b[31mlong\\u001b[0m\",{\"structuredMetadata\":{\"detected_level\":\"\(level)\"}}]"
            }
            return answer(
                "{\"resultType\":\"streams\",\"result\":[{\"stream\":{\"env\":\"prod\",\"service_name\":\"cart\"},\"values\":[\(entries.joined(separator: ","))]},{\"stream\":{\"env\":\"prod\",\"service_name\":\"payment\"},\"values\":[[\"\(end - 500_000_000)\",\"from payment\",{}]]}]}"
            )
        }
        let seconds = end / 1_000_000_000
        let points = (0..<20).map { "[\(seconds - Int64($0) * 60),\"\(100 + $0)\"]" }.reversed()
        return answer(
            "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"level\":\"error\",\"service_name\":\"cart\"},\"values\":[\(points.joined(separator: ","))]}]}"
        )
    }
}

private struct FixedClock: ClockSource {
    func now() -> Int64 { 1_700_000_000_000 }
    func monotonicNanoseconds() -> UInt64 { 0 }
}

@Suite struct LogsPanelTests {
    private func frame(_ double: HTTPDouble, width: Int, height: Int?) async throws -> String {
        let server = ServerContext()
        var options = DashApp.Options(
            dashboard: "logs", folders: [Path.join(SharedData.packageRoot, "Dashboards")], server: server)
        options.isUTC = true
        return try await DashApp(options, client: PrometheusClient(server, caller: double), clock: FixedClock())
            .renderOnce(width: width, height: height)
    }

    @Test func theShippedDashboardShowsLogs() async throws {
        let double = logServer()
        let text = try await frame(double, width: 100, height: nil)
        for part in [
            "Volume by level", "Group by service_name", "Value All", "Latest errors", "request 0 took", "22:13:20.000",
            "service_name=cart",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        // Newest first, streams mixed by time; labels that all share and control characters aren't shown.
        let lines = text.split(separator: "\n").filter { $0.contains("service_name=") }
        #expect(lines.count >= 20)
        #expect(lines[0].contains("request 0") && lines[1].contains("from payment") && lines[2].contains("request 1 "))
        #expect(!text.contains("env=prod") && !text.contains("[31m") && !text.contains("\u{1B}"))
        #expect(!text.contains("no data") && !text.contains("!"))
        let asked = double.calls.withLock { $0.map { String(decoding: $0.body, as: UTF8.self) } }
        let entries = asked.filter { $0.hasPrefix("query=%7Bservice_name") }
        #expect(entries.count == 2)
        // Up to the very end of the range, and with the panel's own limit.
        #expect(entries.allSatisfy { $0.contains("&end=1700000000000000000&") })
        #expect(entries.contains { $0.hasSuffix("&limit=200") } && entries.contains { $0.hasSuffix("&limit=500") })
        #expect(asked.contains { $0.contains("service_name%3D~%22.%2B%22") })
    }

    @Test func anyScreenSize() async throws {
        for (width, height) in [(30, 8), (80, 24), (200, 60)] {
            let text = try await frame(logServer(), width: width, height: height)
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == height + 1)
        }
    }

    private func table(_ lines: [String]) -> LogTable {
        var table = LogTable()
        for (index, line) in lines.enumerated() {
            table.append(
                timestamp: 1_700_000_000_000_000_000 - Int64(index) * 1_000_000_000, labels: Labels(["app": "a"]),
                parsed: Labels(["level": index == 0 ? "warn" : "debug"]), line: Array(line.utf8))
        }
        return table
    }

    private func drawn(_ table: LogTable, _ change: (inout Panel, inout PanelContext) -> Void) -> [String] {
        var panel = Panel()
        panel.kind = .logs
        var context = PanelContext(theme: .monochrome, zone: .utc, now: 1_700_000_000_000)
        change(&panel, &context)
        var surface = Surface(width: 40, height: 4)
        LogsPanel(panel: panel, context: context).draw(table, on: &surface, in: surface.bounds)
        return surface.plainText().split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test func wrapsScrollsFiltersAndTurnsAround() {
        let entries = table((0..<9).map { "line \($0)" })
        #expect(drawn(entries) { _, _ in }.first == "W 22:13:20.000 line 0")
        #expect(drawn(entries) { _, _ in }.last == "D 22:13:17.000 line 3                 +5")
        #expect(drawn(entries) { panel, _ in panel.options.logs.showsTime = false }[1] == "D line 1")
        #expect(drawn(entries) { $1.scroll = 3 }[0].hasSuffix("line 3"))
        #expect(drawn(entries) { $1.scroll = 100 }[0].hasSuffix("line 8"))
        #expect(drawn(entries) { $1.filter = "LINE 7" } == ["D 22:13:13.000 line 7", "", "", ""])
        let turned = drawn(entries) { panel, _ in panel.options.logs.isOldestFirst = true }
        #expect(turned[3].contains("line 0") && turned[0].contains("line 3"))
        let long = table(["one two three four five six seven eight"])
        #expect(drawn(long) { _, _ in }[0].hasSuffix("…"))
        let wrapped = drawn(long) { panel, _ in panel.options.logs.wraps = true }
        #expect(wrapped[0].hasSuffix("three four five") || wrapped[0].hasSuffix("three four"))
        #expect(wrapped[1].hasPrefix("W              "))
    }

    @Test func entriesInTablesAreRows() throws {
        let dashboard = try DashboardLoader.load(
            """
            {"title": "T", "panels": [{"id": 1, "type": "table", "datasource": {"type": "loki", "uid": "x"}, "targets": [{"refId": "A", "expr": "{app=\\"a\\"}", "maxLines": 7}]}]}
            """)
        let panel = dashboard.panels[0]
        let planner = PanelPlanner(
            dashboard: dashboard, interpolation: Interpolation(), range: TimeRange(0, 3_600_000))
        let plan = planner.plan(panel, points: 100)
        #expect(plan.queries.first?.language == .logQL && plan.queries.first?.linesMax == 7 && plan.unsupported.isEmpty)
        let content = PanelContent(panel, plan: plan, answers: [:], entries: ["A": table(["x", "y"])])
        #expect(content.columns.map(\.name) == ["Time", "Line", "app"] && content.rowCount == 2)
    }
}
