import Bedrock
import Formats
import Foundation
import Model
import Testing

/// `obsq logs` and its kin against a real obsd that was pushed to, then against its data folder.
@Suite(.serialized) struct LogSearchTests {
    private static let second: Int64 = 1_000_000_000
    private static let json = ["Content-Type": "application/json"]
    /// Lines of the shop, one a second, every tenth a timeout.
    private static let lineCount = 60

    private static func line(_ number: Int) -> String {
        number % 10 == 0 ? "Timeout of payment \(number)" : "request \(number) served in \(number) ms"
    }

    /// The first line's time; two minutes ago.
    private let base = (Int64(Date().timeIntervalSince1970) - 120) * second

    private func fill(_ server: ObsdProcess) throws {
        func stream(_ level: String, _ numbers: [Int]) -> String {
            let values = numbers.map { "[\"\(base + Int64($0) * Self.second)\",\"\(Self.line($0))\"]" }
            return
                "{\"stream\":{\"app\":\"shop\",\"level\":\"\(level)\"},\"values\":[\(values.joined(separator: ","))]}"
        }
        let numbers = Array(0..<Self.lineCount)
        let body =
            "{\"streams\":[\(stream("error", numbers.filter { $0 % 10 == 0 })),\(stream("info", numbers.filter { $0 % 10 > 0 }))]}"
        #expect(try server.post("/loki/api/v1/push", Data(body.utf8), headers: Self.json).status == 204)
        let batch = LogBatch()
        batch.beginStream(Labels([Label("odd", "yes")]))
        Self.odd.withUnsafeBytes { batch.append(timestamp: base, line: $0) }
        try push(batch, to: server)
    }

    private func push(_ batch: LogBatch, to server: ObsdProcess) throws {
        var body = ByteBuffer()
        LokiPushEncoder.body(batch, into: &body)
        let protobuf = ["Content-Type": "application/x-protobuf"]
        #expect(try server.post("/loki/api/v1/push", Data(body.array()), headers: protobuf).status == 204)
    }

    private static let odd: [UInt8] = Array("caf\u{E9}: ".utf8) + [0xFF, 0x00, 0x80, 0x22, 0xC3]

    private func obsq(_ place: [String], _ arguments: [String]) throws -> Finished {
        try run(Programs.obsq, ["logs"] + arguments + place)
    }

    private func lines(_ finished: Finished) -> [String] {
        finished.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test func everyViewOfWhatWasPushed() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let server = try ObsdProcess("collector", data: data)
        try fill(server)
        let place = ["--server", server.url]
        try entries(place)
        try views(place)
        try dashboard(place)
        try follows(server)
        #expect(server.stop() == 0)
        try entries(["--data", data])
        try views(["--data", data])
    }

    private func entries(_ place: [String]) throws {
        let raw = place + ["-o", "raw"]
        let timeouts = stride(from: 0, to: Self.lineCount, by: 10).map(Self.line)
        let queried = try obsq(raw, ["{app=\"shop\"} |= \"Timeout\"", "--forward"])
        #expect(lines(queried) == timeouts && queried.errors == "", "\(queried)")
        let searched = try obsq(raw, ["timeout", "app:shop -request"])
        #expect(lines(searched) == timeouts.reversed(), "\(searched)")
        #expect(lines(try obsq(raw, ["timeout level:ERROR app=shop"])) == timeouts.reversed())
        #expect(
            lines(try obsq(raw, ["\"payment 10\" OR \"request 11\"", "--forward"])) == [Self.line(10), Self.line(11)])
        // Streams without any label in common are found by words alone.
        let odd = try bytes(["logs", "café:", "-o", "raw"] + place)
        #expect(odd == Self.odd + [10], "\(odd)")
        let object = try JSONValue(parsing: lines(try obsq(place, ["{odd=\"yes\"}", "--json"])).first ?? "")
        #expect(object["line_base64"]?.string == Data(Self.odd).base64EncodedString())
        let now = Int64(Date().timeIntervalSince1970)
        let recent = try obsq(raw, ["{app=\"shop\"}", "--since", "\(now - base / Self.second - 49)s", "--limit", "0"])
        let count = lines(recent).count
        #expect((8...10).contains(count) && recent.errors == "\(count) entries\n", "\(recent)")
        let all = try obsq(raw, ["{app=\"shop\"}", "--limit", "0", "--forward"])
        #expect(lines(all) == (0..<Self.lineCount).map(Self.line), "\(all)")
        #expect(all.errors == "\(Self.lineCount) entries\n")
        let context = try obsq(
            place, ["{app=\"shop\",level=\"info\"} |= \"request 21 \"", "--context", "2", "--forward", "--no-labels"])
        #expect(lines(context).map { String($0.prefix(2)) } == ["  ", "  ", "> ", "  ", "  "], "\(context)")
        #expect(lines(context).map { String($0.suffix(Self.line(21).count)) } == [18, 19, 21, 22, 23].map(Self.line))
        let statistics = try obsq(raw, ["{app=\"shop\"}", "--limit", "0", "--stats"]).errors
        for part in ["entries   60 in 1 page", "scanned   60 lines", "segments  ", "0 damaged blocks", "on the server"]
        {
            #expect(statistics.contains(part), "\(part) in \(statistics)")
        }
        let short = try obsq(place, ["{app=\"shop\"}", "-n", "1"])
        #expect(short.output.hasSuffix(" \(Self.line(Self.lineCount - 1))\n"), "\(short)")
        let logfmt = try obsq(place, ["{app=\"shop\"}", "-n", "1", "--output", "logfmt"])
        #expect(logfmt.output.hasSuffix(" app=shop level=info msg=\"\(Self.line(Self.lineCount - 1))\"\n"), "\(logfmt)")
    }

    private func views(_ place: [String]) throws {
        let patterns = try obsq(place, ["{app=\"shop\"}", "--patterns", "--json"])
        let rows = try JSONValue(parsing: patterns.output).array ?? []
        #expect(rows.reduce(0) { $0 + ($1["count"]?.int ?? 0) } == Self.lineCount, "\(patterns)")
        #expect(rows.first?["pattern"]?.string == "request <_> served in <_> ms", "\(patterns)")
        let volume = try obsq(place, ["app:shop", "--volume"])
        #expect(
            volume.status == 0 && volume.output.contains("■ info") && volume.output.contains("■ error"), "\(volume)")
        let perApp = try obsq(place, ["{app=\"shop\"}", "--volume", "--by", "app", "--json"])
        let counted = try JSONValue(parsing: perApp.output)["result"]?[0]?["values"]?.array ?? []
        #expect(
            counted.reduce(0) { $0 + (Int($1[1]?.string ?? "") ?? 0) } == Self.lineCount, "\(perApp)")
        let graph = try obsq(place, ["sum by (level) (rate({app=\"shop\"}[1m]))", "--metrics"])
        #expect(graph.status == 0 && graph.output.contains("error"), "\(graph)")
        let number = try obsq(place, ["sum(count_over_time({app=\"shop\"}[10m]))"])
        #expect(number.output == "{} \(Self.lineCount)\n", "\(number)")
    }

    private func dashboard(_ place: [String]) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Dashboards")
        let dash = ["dash", "logs", "--once", "--width", "120", "--folder", folder.path] + place
        let frame = try run(Programs.obsq, dash + ["--var", "group=app"])
        for part in ["Volume by level", "Latest errors", "Timeout of payment 50", "request 59 served in 59 ms"] {
            #expect(frame.output.contains(part), "\(part) in \(frame.output)\(frame.errors)")
        }
        #expect(frame.status == 0 && !frame.output.contains("parse error"), "\(frame.output)")
        // As it comes, with whatever labels there are.
        let plain = try run(Programs.obsq, dash)
        #expect(plain.status == 0 && plain.output.contains("Timeout of payment 50"), "\(plain)")
    }

    private func follows(_ server: ObsdProcess) throws {
        let process = Process()
        process.executableURL = Programs.obsq
        process.arguments = ["logs", "fresh", "app:news", "--follow", "-o", "json", "--server", server.url]
        let (out, err) = (Pipe(), Pipe())
        process.standardOutput = out
        process.standardError = err
        let shown = LineCollector(out.fileHandleForReading)
        let told = LineCollector(err.fileHandleForReading)
        try process.run()
        defer { process.waitUntilExit() }
        defer { process.terminate() }
        // Whether it listens yet can't be seen from outside: lines come until one is shown.
        var seen = false
        for number in 0..<100 where !seen {
            let now = Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000
            let batch = LogBatch()
            batch.beginStream(Labels([Label("app", "news")]))
            batch.append(timestamp: now, line: "fresh \(number)")
            (Array("fresh ".utf8) + [0xFF]).withUnsafeBytes { batch.append(timestamp: now + 1, line: $0) }
            try push(batch, to: server)
            seen = shown.wait(for: "fresh", seconds: 0.2) != nil
        }
        #expect(seen, "\(told.text)")
        // What isn't UTF-8 comes unharmed.
        #expect(shown.wait(for: #""line_base64":"ZnJlc2gg/w==""#, seconds: 10) != nil, "\(shown.text)\(told.text)")
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(told.text)")
    }

    private func bytes(_ arguments: [String]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = Programs.obsq
        process.arguments = arguments
        let out = Pipe()
        process.standardOutput = out
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = out.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Array(bytes)
    }

    @Test func scriptsOfTheConformanceSuitePass() throws {
        guard let shared = ProcessInfo.processInfo.environment["OBS_SHARED"] else {
            return print("skipped: no conformance data; set OBS_SHARED")
        }
        let script = shared + "/conformance/logql/scripts/binary_operations.logqltest"
        let finished = try run(Programs.obsq, ["test", "logql", script])
        #expect(finished.status == 0 && finished.output.hasSuffix(" passed, 0 failed\n"), "\(finished)")
        #expect(!finished.output.hasPrefix("0 passed"))
    }
}
