import Bedrock
import Formats
import Foundation
import Synchronization
import Testing
import Transport

/// An agent in a process of its own that follows a log through rotations and kill -9, and a collector that takes what it sends.
@Suite(.serialized) struct AgentLogKillTests {
    /// Writes numbered lines at a rate, in chunks, and rotates by renaming, on a thread of its own.
    private final class Writer: @unchecked Sendable {
        static let chunkLines = 500
        let lines: Int
        private let path: String
        private let linesPerSecond: Int
        private let rotations: Int
        let written = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)

        init(_ path: String, lines: Int, linesPerSecond: Int, rotations: Int) {
            self.path = path
            self.lines = lines
            self.linesPerSecond = linesPerSecond
            self.rotations = rotations
        }

        func start() {
            Thread.detachNewThread { [self] in
                write()
                isDone.store(true, ordering: .releasing)
            }
        }

        private func write() {
            let start = Date()
            let chunks = lines / Self.chunkLines
            var rotated = 0
            var descriptor = opened()
            for chunk in 0..<chunks {
                var text = ""
                text.reserveCapacity(Self.chunkLines * 100)
                for number in chunk * Self.chunkLines..<(chunk + 1) * Self.chunkLines {
                    text +=
                        "number=\(number) level=info msg=\"request handled\" path=/api/v1/items status=200 took=12ms\n"
                }
                text.withUTF8 { bytes in
                    let count = Foundation.write(descriptor, bytes.baseAddress, bytes.count)
                    precondition(count == bytes.count)
                }
                written.store((chunk + 1) * Self.chunkLines, ordering: .releasing)
                if (chunk + 1) * (rotations + 1) / chunks > rotated, rotated < rotations {
                    rotated += 1
                    close(descriptor)
                    // Old generations keep their names, as with `dateext`.
                    rename(path, path + ".\(1_000 + rotated)")
                    descriptor = opened()
                }
                let due = start.addingTimeInterval(Double((chunk + 1) * Self.chunkLines) / Double(linesPerSecond))
                let wait = due.timeIntervalSinceNow
                if wait > 0 { usleep(UInt32(wait * 1e6)) }
            }
            close(descriptor)
        }

        private func opened() -> Int32 { open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644) }
    }

    private static func agent(_ folder: TemporaryFolder, _ configuration: String, _ collector: String) throws
        -> ObsdProcess
    {
        try ObsdProcess(
            "agent", data: folder.path + "/agent",
            [
                "--config", configuration,
                "--agent-remote-write", collector + "/api/v1/write", "--agent-loki-push",
                collector + "/loki/api/v1/push",
            ])
    }

    /// CPU seconds of a process so far.
    private static func seconds(_ process: ObsdProcess) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8),
            let close = text.lastIndex(of: ")")
        else { return 0 }
        let fields = text[close...].split(separator: " ")
        return ((Double(fields[12]) ?? 0) + (Double(fields[13]) ?? 0)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// How often each number is among the collector's lines.
    private static func counts(_ collector: ObsdProcess, _ lines: Int) throws -> (seen: [Int], strange: Int) {
        let result = try run(
            Programs.obsq,
            ["logs", #"{app="storm"}"#, "--server", collector.url, "--limit", "0", "--since", "1h", "-o", "raw"],
            seconds: 120)
        #expect(result.status == 0, "\(result.errors.suffix(500))")
        var seen = [Int](repeating: 0, count: lines)
        var strange = 0
        for line in result.output.utf8.split(separator: 10) {
            var number = 0
            let isWhole = line.starts(with: "number=".utf8) && line.suffix(10).elementsEqual(" took=12ms".utf8)
            for byte in line.dropFirst(7) {
                guard byte &- 48 < 10 else { break }
                number = number &* 10 &+ Int(byte - 48)
            }
            if isWhole, number < lines { seen[number] += 1 } else { strange += 1 }
        }
        return (seen, strange)
    }

    @Test func everyLineArrivesOnceThroughRotationsAndKills() throws {
        // The load can be raised for measuring.
        let load = ProcessInfo.processInfo.environment["OBS_STORM_LINES_PER_SECOND"].flatMap { Int($0) }
        let linesPerSecond = load ?? 4_000
        let writeSeconds = load == nil ? 15 : 10
        let folder = try TemporaryFolder()
        let logs = folder.path + "/logs"
        try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
        let configuration = try folder.write(
            "agent.yml",
            """
            agent: {host_metrics: false, self_metrics: false}
            log_configs:
              - job_name: storm
                static_configs:
                  - labels: {__path__: "\(logs)/*.log", app: storm}
            """)
        let collector = try ObsdProcess("collector", data: folder.path + "/collector")
        let writer = Writer(
            logs + "/a.log", lines: linesPerSecond * writeSeconds, linesPerSecond: linesPerSecond, rotations: 100)
        _ = FileManager.default.createFile(atPath: logs + "/a.log", contents: nil)
        var agent = try Self.agent(folder, configuration, collector.url)
        let start = Date()
        writer.start()
        var kills = 0
        var agentSeconds = 0.0
        while kills < 10 {
            usleep(UInt32(writeSeconds) * (load == nil ? 30_000 : 60_000) + UInt32(kills * 7919 % 10) * 5_000)
            agentSeconds += Self.seconds(agent)
            agent.kill()
            kills += 1
            // Some rotations go by meanwhile.
            usleep(UInt32(kills % 4) * 50_000)
            agent = try Self.agent(folder, configuration, collector.url)
        }
        while !writer.isDone.load(ordering: .acquiring) { usleep(10_000) }
        let lines = writer.lines
        let query =
            "/loki/api/v1/query?"
            + PercentCoding.form([(name: "query", value: #"sum(count_over_time({app="storm"}[1h]))"#)])
        var stored = 0
        let end = Date().addingTimeInterval(load == nil ? 30 : 120)
        while stored < lines, Date() < end {
            usleep(100_000)
            let result = try JSONValue(parsing: collector.get(query).body)["data"]?["result"]?[0]?["value"]?[1]
            stored = result?.string.flatMap { Int($0) } ?? 0
        }
        let elapsed = Date().timeIntervalSince(start)
        agentSeconds += Self.seconds(agent)
        let collectorSeconds = Self.seconds(collector)
        let (seen, strange) = try Self.counts(collector, lines)
        let missing = seen.indices.filter { seen[$0] == 0 }
        let repeated = seen.indices.filter { seen[$0] > 1 }
        #expect(missing.count == 0, "\(missing.count) of \(lines) are missing, such as \(missing.prefix(5))")
        #expect(repeated.count == 0, "\(repeated.count) of \(lines) came more than once, such as \(repeated.prefix(5))")
        #expect(strange == 0)
        let perMillion = 1e6 / Double(lines)
        print(
            "STORM \(lines) lines, all stored after \(elapsed) s; CPU s a million lines: agent \(agentSeconds * perMillion),",
            "collector \(collectorSeconds * perMillion); \(missing.count) missing, \(repeated.count) doubled")
        #expect(agent.stop() == 0)
    }
}
