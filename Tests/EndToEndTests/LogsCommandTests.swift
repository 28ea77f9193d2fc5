import Formats
import Foundation
import Testing
import Transport

/// `obsq logs` as a process against a scripted server.
@Suite struct LogsCommandTests {
    typealias Entry = LogServerDouble.Entry

    private let second: Int64 = 1_000_000_000
    /// A minute ago.
    private let base = (Int64(Date().timeIntervalSince1970) - 60) * 1_000_000_000

    private func server(_ lines: [String], _ change: (inout LogServerDouble.State) -> Void = { _ in }) throws
        -> LogServerDouble
    {
        var state = LogServerDouble.State()
        state.entries = lines.enumerated().map { Entry(base + Int64($0.offset) * second, $0.element) }
        change(&state)
        return try LogServerDouble(state)
    }

    @Test func formatsOfEntries() throws {
        let server = try server(["first", "say \"hi\""]) { state in
            state.entries[1].categories =
                "{\"structuredMetadata\":{\"detected_level\":\"error\"},\"parsed\":{\"took\":\"5 ms\"}}"
            state.entries.append(Entry(base + 2 * second, "x"))
            state.entries[2].line = [0xFF, 0x41]
        }
        let query = "{app=\"shop\"}"
        let raw = try runBytes(["logs", query, "--output", "raw", "--server", server.url])
        #expect(raw == [0xFF, 0x41, 10] + Array("say \"hi\"\nfirst\n".utf8))
        let forward = try server.obsq(["logs", query, "--forward", "-n", "2", "-o", "raw"])
        #expect(forward.output == "first\nsay \"hi\"\n" && forward.errors == "" && forward.status == 0)
        let json = try server.obsq(["logs", query, "--json"])
        let rows = try json.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(rows.count == 3)
        #expect(rows[0]["line"]?.string == "\u{FFFD}A" && rows[0]["line_base64"]?.string == "/0E=")
        #expect(
            rows[1]["metadata"]?["detected_level"]?.string == "error" && rows[1]["parsed"]?["took"]?.string == "5 ms")
        #expect(
            rows[2]["labels"]?["pod"]?.string == "p-1" && rows[2]["metadata"] == nil && rows[2]["line_base64"] == nil)
        #expect(rows[2]["time"]?.string?.hasSuffix(".000000000Z") == true)
        let logfmt = try server.obsq(["logs", query, "--output", "logfmt"]).output.split(separator: "\n")
        #expect(logfmt[1].hasSuffix(" app=shop pod=p-1 detected_level=error took=\"5 ms\" msg=\"say \\\"hi\\\"\""))
        let short = try server.obsq(["logs", query])
        #expect(short.errors == "labels of all: {app=\"shop\", pod=\"p-1\"}\n")
        #expect(short.output.split(separator: "\n")[2].hasSuffix("Z first"))
        let labelled = try server.obsq(["logs", query, "--labels"]).output
        #expect(labelled.contains("Z app=shop pod=p-1 detected_level=error took=\"5 ms\" say \"hi\"\n"))
        let bare = try server.obsq(["logs", query, "--no-labels", "--color", "always"])
        #expect(bare.errors == "" && bare.output.contains("\u{1B}[31msay \"hi\"\u{1B}[0m\n"))
    }

    /// Standard output as it is.
    private func runBytes(_ arguments: [String]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = Programs.obsq
        process.arguments = arguments
        let out = Pipe()
        process.standardOutput = out
        try process.run()
        let bytes = out.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Array(bytes)
    }

    @Test func everythingIsReadPageByPage() throws {
        let lines = (0..<23).map { "line \($0)" }
        let cursors = try server(lines) { $0.pageRows = 5 }
        let all = try cursors.obsq(["logs", "{app=\"shop\"}", "--limit", "0", "--forward", "-o", "raw"])
        #expect(all.status == 0 && all.output == lines.map { $0 + "\n" }.joined() && all.errors == "23 entries\n")
        #expect(cursors.requests.map { $0.parameters["cursor"] } == [nil, "5", "10", "15", "20"])
        let some = try cursors.obsq(["logs", "{app=\"shop\"}", "--limit", "7", "-o", "raw"])
        #expect(some.output == lines.reversed().prefix(7).map { $0 + "\n" }.joined())
        let statistics = try cursors.obsq(["logs", "{app=\"shop\"}", "--limit", "0", "--stats", "-o", "raw"])
        #expect(
            statistics.errors.contains("entries   23 in 5 pages") && statistics.errors.contains("115 lines")
                && statistics.errors.contains("blocks    10 read, 30 spared (75 %)")
                && statistics.errors.contains("segments  3, 0 damaged blocks")
                && statistics.errors.contains("1250 ms of them on the server"), "\(statistics.errors)")
        #expect(!statistics.errors.contains("warning"))
    }

    @Test func damageIsToldOnce() throws {
        let server = try server((0..<7).map { "line \($0)" }) { ($0.pageRows, $0.damagedBlocks) = (5, 2) }
        let found = try server.obsq(["logs", "{app=\"shop\"}", "--limit", "0", "-o", "raw"])
        #expect(found.status == 0 && found.output.split(separator: "\n").count == 7)
        let told = found.errors.split(separator: "\n")
        #expect(told.count == 2 && told[0].hasPrefix("warning: blocks of the store are damaged"), "\(found.errors)")
    }

    /// Servers without cursors are read by time; entries of one time come once each.
    @Test func pagesByTime() throws {
        let server = try server([]) { state in
            state.entries = (0..<5_300).map { Entry(base + Int64($0 / 100) * second, "line \($0)") }
        }
        for direction in [["--forward"], []] {
            let all = try server.obsq(["logs", "{app=\"shop\"}", "--limit", "0", "-o", "raw"] + direction)
            let lines = all.output.split(separator: "\n")
            #expect(lines.count == 5_300 && Set(lines).count == 5_300 && all.errors == "5300 entries\n")
        }
    }

    @Test func contextLikeGrep() throws {
        let hits = [10, 12, 15, 40]
        let lines = (0..<60).map { hits.contains($0) ? "hit \($0)" : "line \($0)" }
        let server = try server(lines)
        let found = try server.obsq(["logs", LogServerDouble.filter, "--context", "1", "--forward", "--no-labels"])
        let shown = found.output.split(separator: "\n").map { line in
            line == "--" ? "--" : String(line.prefix(2)) + line.split(separator: " ").suffix(2).joined(separator: " ")
        }
        #expect(
            shown == [
                "  line 9", "> hit 10", "  line 11", "> hit 12", "  line 13", "  line 14", "> hit 15", "  line 16",
                "--",
                "  line 39", "> hit 40", "  line 41",
            ], "\(found.output)\(found.errors)")
        let json = try server.obsq(["logs", LogServerDouble.filter, "-C", "2", "--json", "-n", "1"])
        let rows = try json.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(rows.map { $0["hit"]?.bool } == [false, false, true, false, false])
        #expect(rows.allSatisfy { $0["group"]?.int == 1 })
    }

    @Test func followGoesOnWhereItWasCutOff() throws {
        let now = Int64(Date().timeIntervalSince1970) * second
        let late = (0..<4).map { Entry(now + Int64($0), "late \($0)") }
        let server = try server(["early 0", "early 1"]) { state in
            state.tails = [
                ": hello\n\n" + LogServerDouble.event([late[0]]),
                // What the gap's query has shown comes once more.
                LogServerDouble.event([late[1], late[2]]) + LogServerDouble.event([late[3]])
                    + "data: {\"streams\":[],\"dropped_entries\":[{}],\"dropped\":2,\"dropped_total\":9,\"lag_ms\":12000}\n\n",
            ]
        }
        let process = Process()
        process.executableURL = Programs.obsq
        process.arguments = ["logs", "{app=\"shop\"}", "--follow", "-o", "raw", "--server", server.url]
        let (out, err) = (Pipe(), Pipe())
        process.standardOutput = out
        process.standardError = err
        let shown = LineCollector(out.fileHandleForReading)
        let told = LineCollector(err.fileHandleForReading)
        try process.run()
        #expect(shown.wait(for: "late 0", seconds: 20) != nil, "\(told.text)")
        server.state.withLock { $0.entries += late[...2] }
        #expect(shown.wait(for: "late 3", seconds: 20) != nil, "\(shown.text)\(told.text)")
        #expect(told.wait(for: "2 entries were left out", seconds: 5) != nil)
        #expect(told.wait(for: "12 s behind", seconds: 5) != nil)
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
        #expect(shown.text == "early 0\nearly 1\nlate 0\nlate 1\nlate 2\nlate 3")
        #expect(told.text.contains("trying again"))
        let starts = server.requests.filter { $0.path.hasSuffix("/tail") }.compactMap {
            Int64($0.parameters["start"] ?? "")
        }
        #expect(starts.count == 2 && starts.allSatisfy { $0 >= now })
    }

    @Test func numbersOverTime() throws {
        let seconds = base / second
        let matrix =
            "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"detected_level\":\"error\"},\"values\":[[\(seconds),\"3\"],[\(seconds + 30),\"4\"]]}]}"
        let server = try server([]) { state in
            state.documents["query_range"] = matrix
            state.documents["query"] =
                "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"app\":\"shop\"},\"value\":[\(seconds),\"7\"]}]}"
        }
        let volume = try server.obsq(["logs", "{app=\"shop\"} # all", "--volume", "--since", "10m"])
        #expect(volume.status == 0 && volume.output.contains("■ error  7"), "\(volume.output)\(volume.errors)")
        let asked = try #require(server.requests.last?.parameters["query"])
        #expect(
            asked.hasPrefix("sum by (level, detected_level, severity_text, severity) (count_over_time({app=\"shop\"}")
                && asked.contains("["))
        let counts = try server.obsq(["logs", "{app=\"shop\"}", "--metrics", "--by", "pod", "--step", "30s"])
        #expect(counts.status == 0)
        #expect(
            server.requests.last?.parameters["query"] == "sum by (pod) (count_over_time({app=\"shop\"}\n[30000ms]))")
        let rate = "sum(rate({app=\"shop\"}[1m]))"
        let graph = try server.obsq(["logs", rate, "--metrics", "--json"])
        #expect(try JSONValue(parsing: graph.output)["resultType"]?.string == "matrix")
        #expect(server.requests.last?.parameters["query"] == rate)
        let instant = try server.obsq(["logs", rate])
        #expect(instant.output == "{app=\"shop\"} 7\n", "\(instant.output)\(instant.errors)")
    }

    @Test func patternsWithExamples() throws {
        let server = try server(["hit 1"]) { state in
            state.documents["patterns"] =
                "[{\"pattern\":\"a <_>\",\"samples\":[[\(base / second),3]]},{\"pattern\":\"b\",\"samples\":[[\(base / second),1]]}]"
        }
        let table = try server.obsq(["logs", "{app=\"shop\"}", "--patterns"])
        let lines = table.output.split(separator: "\n")
        try #require(lines.count == 4, "\(table.output)\(table.errors)")
        #expect(lines[1].hasPrefix("    3   75 %") && lines[1].hasSuffix("a <_>") && lines[2] == "  e.g. hit 1")
        let json = try JSONValue(parsing: try server.obsq(["logs", "{app=\"shop\"}", "--patterns", "--json"]).output)
        #expect(
            json[0]?["count"]?.int == 3 && json[0]?["example"]?.string == "hit 1" && json[1]?["share"]?.number == 0.25)
    }

    @Test func wordsBecomeLogQL() throws {
        let server = try server([])
        let all = "{service_name=~\".+\"}"
        let level =
            " | "
            + ["level", "detected_level", "severity_text", "severity"].map { "\($0)=~\"(?i)error\"" }
            .joined(separator: " or ")
        for (words, query) in [
            ("", all), ("timeout -Health", all + " |= \"timeout\" or \"Timeout\" or \"TIMEOUT\" != \"Health\""),
            ("x 42", all + " |= \"x\" or \"X\" |= \"42\""),
            (
                "\"say 'hi'\" OOM OR killed",
                all + " |= \"say 'hi'\" |= \"OOM\" or \"killed\" or \"Killed\" or \"KILLED\""
            ),
            (
                "level:error -app:shop pod:p-*.1",
                all + level + " | app!=\"shop\" | pod=~\"p-.*\\\\.1\""
            ),
            ("http://A 12:30", all + " |= \"http://A\" |= \"12:30\""),
            ("rate(5)", all + " |= \"rate(5)\" or \"Rate(5)\" or \"RATE(5)\""),
        ] {
            let answer = try server.obsq(["logs", words])
            #expect(answer.status == 0, "\(words): \(answer.errors)")
            #expect(server.requests.last?.parameters["query"] == query)
        }
        // Words may be arguments of their own.
        _ = try server.obsq(["logs", "A", "B"])
        #expect(server.requests.last?.parameters["query"] == all + " |= \"A\" |= \"B\"")
        for wrong in ["a OR", "OR a", "a OR -b", "a=~("] {
            #expect(try server.obsq(["logs", wrong]).status == 2, "\(wrong)")
        }
    }

    @Test func checksOfQueriesAreALineEach() throws {
        let answer = try run(
            Programs.obsq, ["check", "logql", "{a=\"b\"} | json", "{a=\"b\"", "rate({a=\"b\"}[1m])"])
        let lines = answer.output.split(separator: "\n")
        #expect(answer.status == 1 && lines.count == 3 && lines[0] == "ok" && lines[2] == "ok", "\(answer)")
        #expect(lines[1].hasPrefix("1:7: parse error:"), "\(lines[1])")
        let typed = try run(Programs.obsq, ["check", "logql", "--lines"], input: Data("{a=\"b\"}\n{}\n\n".utf8))
        #expect(typed.output.split(separator: "\n").count == 3 && typed.output.hasPrefix("ok\n"))
        let bytes = try run(
            Programs.obsq, ["check", "logql", "--jsonl"],
            input: Data("{\"query\": \"{a=\\\"b\\\"}\"}\n{\"query_base64\": \"e2E9Iv8ifQ==\"}\n".utf8))
        #expect(bytes.output.split(separator: "\n").count == 2 && bytes.status == 1, "\(bytes)")
        #expect(bytes.output.hasPrefix("ok\n") && bytes.output.contains("UTF-8"))
        #expect(try run(Programs.obsq, ["check", "logql"]).status == 2)
        #expect(try run(Programs.obsq, ["logs", "{a=\"b\"} | jsn"]).status == 1)
        guard let shared = ProcessInfo.processInfo.environment["OBS_SHARED"],
            let rows = FileManager.default.contents(atPath: shared + "/conformance/logql/parse.jsonl")
        else { return print("skipped: no conformance data; set OBS_SHARED") }
        let all = try run(Programs.obsq, ["check", "logql", "--jsonl"], input: rows)
        let valid = try String(decoding: rows, as: UTF8.self).split(separator: "\n").map {
            try JSONValue(parsing: String($0))["valid"]?.bool
        }
        #expect(
            all.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { $0 == "ok" } == valid)
    }

    @Test func errorsAndExitCodes() throws {
        let server = try server([]) { $0.failure = (400, "parse error at line 1, col 3: syntax error") }
        let refused = try server.obsq(["logs", "{app=\"shop\"}"])
        #expect(refused.status == 1 && refused.errors == "obsq: parse error at line 1, col 3: syntax error\n")
        server.state.withLock { $0.failure = (401, "no org id") }
        #expect(try server.obsq(["logs", "{app=\"shop\"}"]).status == 3)
        server.state.withLock { $0.failure = (503, "starting") }
        #expect(try server.obsq(["logs", "{app=\"shop\"}", "--patterns"]).status == 3)
        let nobody = try run(Programs.obsq, ["logs", "{app=\"shop\"}", "--server", "127.0.0.1:1"])
        #expect(nobody.status == 3 && nobody.errors.contains("cannot reach"))
        for wrong in [
            ["--limit", "x"], ["--follow", "--context", "1"], ["--volume", "--metrics"], ["--by", "a"],
            ["--labels", "--no-labels"],
            ["--output", "xml"], ["--context", "1", "--limit", "0"], ["--from", "-1h", "--since", "2h"],
            ["--json", "-o", "raw"],
            ["--follow", "--data", "/tmp"],
        ] {
            let answer = try run(Programs.obsq, ["logs", "{app=\"shop\"}"] + wrong)
            #expect(
                answer.status == 2 && answer.errors.hasPrefix("obsq: ") && answer.output == "", "\(wrong): \(answer)")
        }
        let help = try run(Programs.obsq, ["logs", "--help"])
        #expect(help.status == 0 && help.output.contains("-f, --follow") && help.output.contains("--patterns"))
    }

    /// What a line holds can't steer a person's terminal; its colours may stay.
    @Test func terminalsGetNoControlCharacters() throws {
        let server = try server(["bell \u{07} title \u{1B}]0;x\u{07} \u{1B}[31mred\u{1B}[0m tab\tend"])
        // TIOCSPTLCK and TIOCGPTN, which Glibc's module doesn't show.
        let main = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (lock, number): (Int32, Int32) = (0, 0)
        guard main >= 0, ioctl(main, 0x4004_5431, &lock) == 0, ioctl(main, 0x8004_5430, &number) == 0,
            let terminal = FileHandle(forUpdatingAtPath: "/dev/pts/\(number)")
        else {
            print("skipped: there are no pseudo-terminals")
            return
        }
        let shown = LineCollector(FileHandle(fileDescriptor: main))
        let process = Process()
        process.executableURL = Programs.obsq
        process.arguments = ["logs", "{app=\"shop\"}", "--server", server.url]
        process.environment = ["TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": "/"]
        process.standardOutput = terminal
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = shown.wait(for: "bell", seconds: 20)
        process.waitUntilExit()
        #expect(
            line?.hasSuffix(
                " bell \\x07 title \\x1b]0;x\\x07 \u{1B}[31mred\u{1B}[0m tab\tend\u{1B}[0m\r") == true, "\(line ?? "")")
        #expect(line?.hasPrefix("\u{1B}[2m20") == true)
    }

    @Test func aClosedPipeEndsQuietly() throws {
        let server = try server([]) { state in
            state.entries = (0..<5_000).map {
                Entry(base + Int64($0), "a rather long line to fill the pipe with, number \($0)")
            }
            state.pageRows = 1_000
        }
        let shell = URL(fileURLWithPath: "/bin/sh")
        let ended = try run(
            shell,
            [
                "-c",
                "('\(Programs.obsq.path)' logs '{app=\"shop\"}' --limit 0 -o raw --server \(server.url); echo \"status $?\" >&2) | head -n 1",
            ])
        #expect(ended.output.split(separator: "\n").count == 1 && ended.errors == "status 0\n", "\(ended)")
    }
}
