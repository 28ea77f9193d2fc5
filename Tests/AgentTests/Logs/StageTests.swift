import Bedrock
import Formats
import Model
import Testing

@testable import Agent

/// Lines through the stages of a configuration.
private func run(
    _ stages: String, _ lines: [String], extra: String = "", clock: any ClockSource = FixedClock(),
    losses: MemoryLosses = MemoryLosses()
) throws -> [MemoryLogSink.Entry] {
    let text = """
        log_configs:
          - job_name: test
            static_configs:
              - labels: {__path__: /tmp/x.log, app: demo}
            pipeline_stages:
        \(stages.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n"))
        \(extra)
        """
    let configuration = try LogConfiguration.read(text, file: "test.yml")
    let job = TailJob(try #require(configuration.jobs.first), clock: clock, losses: losses)
    let pipeline = job.pipeline(Labels(["app": "demo"]))
    let builder = LogRecordBuilder()
    let sink = LogAppending(builder, LineTimes(clock))
    var at: UInt64 = 0
    for line in lines {
        let bytes = Array(line.utf8)
        let span = at..<at + UInt64(bytes.count) + 1
        bytes.withUnsafeBytes { pipeline.process($0, part: 0, span: span, into: sink) }
        at = span.upperBound
    }
    _ = pipeline.flush(into: sink, now: 0, all: true)
    #expect(pipeline.heldSpans.isEmpty)
    let store = MemoryLogSink()
    for section in builder.finish().sections {
        store.write(section.batch, origin: BatchOrigin(tenant: Tenant(section.tenant))) { _ in }
    }
    return store.entries
}

@Suite struct StageTests {
    @Test func takesValuesOutOfLines() throws {
        let entries = try run(
            """
            - json: {expressions: {level: , user: "request.user", code: "request.code"}}
            - labels: {level: }
            - structured_metadata: {user: , status: code}
            - output: {source: user}
            """, [#"{"level":"warn","request":{"user":"ada","code":404}}"#, "no json"])
        #expect(entries.map(\.line) == ["ada", "no json"] || entries.map(\.line).sorted() == ["ada", "no json"])
        let first = try #require(entries.first { $0.line == "ada" })
        #expect(first.labels == Labels(["app": "demo", "level": "warn"]))
        #expect(first.metadata == Labels(["status": "404", "user": "ada"]))
    }

    @Test func readsLogfmtAndExpressions() throws {
        let entries = try run(
            """
            - logfmt: {mapping: {lvl: level, msg: }}
            - regex: {expression: "took (?P<took>[0-9]+)ms", source: msg}
            - labels: {lvl: }
            - structured_metadata: {took: }
            """, [#"level=info msg="it took 35ms""#])
        #expect(entries.first?.labels["lvl"] == "info")
        #expect(entries.first?.metadata["took"] == "35")
    }

    @Test(arguments: [
        ("RFC3339", "2026-01-02T03:04:05.678Z", 1_767_323_045_678_000_000 as Int64),
        ("Unix", "1767323045.5", 1_767_323_045_500_000_000), ("UnixMs", "1767323045678", 1_767_323_045_678_000_000),
        ("UnixUs", "1767323045678901", 1_767_323_045_678_901_000),
        ("UnixNs", "1767323045678901234", 1_767_323_045_678_901_234),
        ("2006-01-02 15:04:05,000", "2026-01-02 03:04:05,678", 1_767_323_045_678_000_000),
        ("%Y-%m-%d %H:%M:%S", "2026-01-02 03:04:05", 1_767_323_045_000_000_000),
        ("RFC1123Z", "Fri, 02 Jan 2026 05:04:05 +0200", 1_767_323_045_000_000_000),
    ])
    func readsTimes(format: String, text: String, expected: Int64) throws {
        let entries = try run(
            """
            - regex: {expression: "^\\\\[(?P<t>[^\\\\]]+)\\\\]"}
            - timestamp: {source: t, format: "\(format)"}
            """, ["[\(text)] hello"])
        #expect(entries.first?.timestamp == expected)
    }

    @Test func givesSyslogTimesTheirYear() throws {
        // 2023-11-14
        let entries = try run(
            """
            - regex: {expression: "^(?P<t>\\\\w+ +\\\\d+ [0-9:]+)"}
            - timestamp: {source: t, format: "Jan _2 15:04:05"}
            """, ["Nov  3 01:02:03 host x", "Dec 31 23:00:00 host y"])
        #expect(
            entries.map { UTCTime(milliseconds: $0.timestamp / 1_000_000).iso8601 }.sorted()
                == ["2022-12-31T23:00:00.000Z", "2023-11-03T01:02:03.000Z"])
    }

    @Test func joinsLines() throws {
        let entries = try run(
            "- multiline: {firstline: '^\\d', max_lines: 3}",
            ["before", "1 begin", "  at a", "  at b", "  at c", "2 next"])
        #expect(entries.map(\.line) == ["before", "1 begin\n  at a\n  at b", "  at c", "2 next"])
    }

    @Test func unwrapsContainerLines() throws {
        let cri = try run(
            "- cri: {}",
            [
                "2026-01-02T03:04:05.000000001Z stdout P one ", "2026-01-02T03:04:05.000000002Z stderr F oops",
                "2026-01-02T03:04:05.000000003Z stdout F two", "2026-01-02T03:04:05Z stdout F ", "other",
            ])
        #expect(Set(cri.map(\.line)) == ["one two", "oops", "", "other"])
        #expect(cri.first { $0.line == "one two" }?.timestamp == 1_767_323_045_000_000_001)
        #expect(cri.first { $0.line == "oops" }?.labels["stream"] == "stderr")
        let docker = try run(
            "- docker: {}",
            [
                #"{"log":"a \"b\"","stream":"stdout","time":"2026-01-02T03:04:05Z"}"#,
                #"{"log":" c\n","stream":"stdout","time":"2026-01-02T03:04:06Z"}"#,
            ])
        #expect(docker.map(\.line) == [#"a "b" c"#])
    }

    @Test func dropsLimitsAndMatches() throws {
        let losses = MemoryLosses()
        let entries = try run(
            """
            - drop: {expression: debug, drop_counter_reason: noise}
            - drop: {longer_than: 20B}
            - match: {selector: '{app="demo"} |= "health"', action: drop}
            - match:
                selector: '{app="demo"}'
                stages:
                  - static_labels: {team: red}
            - limit: {rate: 1, burst: 3, drop: true}
            """, ["debug x", String(repeating: "y", count: 21), "GET /health", "a", "b", "c", "d"], losses: losses)
        #expect(entries.map(\.line) == ["a", "b", "c"])
        #expect(entries.allSatisfy { $0.labels["team"] == "red" })
        #expect(
            losses.all == [
                "agent_stage/noise": 1, "agent_stage/drop_stage": 1, "agent_stage/match_stage": 1,
                "agent_stage/limit_stage": 1,
            ])
    }

    @Test func rewritesAndPacks() throws {
        let entries = try run(
            """
            - replace: {expression: 'password=(\\S+)', replace: '***'}
            - regex: {expression: 'user=(?P<user>\\w+)'}
            - template: {source: user, template: '{{ ToUpper .Value }}'}
            - tenant: {source: user}
            - pack: {labels: [app, user]}
            """, ["user=ada password=secret x"])
        #expect(entries.first?.tenant == "ADA")
        #expect(entries.first?.line == #"{"app":"demo","user":"ADA","_entry":"user=ada password=*** x"}"#)
        #expect(entries.first?.labels == .empty)
    }

    @Test func redactsSecrets() throws {
        let redact = """
                redact: [bearer_tokens, aws_keys, private_keys, url_passwords, credit_cards, emails, {name: pin, regex: 'pin=\\d+', replacement: 'pin=?'}]
            """
        let cases = [
            ("Authorization: Bearer abc.def-123456", "Authorization: Bearer <redacted:bearer_tokens>"),
            ("key AKIAIOSFODNN7EXAMPLE used", "key <redacted:aws_keys> used"),
            ("get https://bob:hunter2@host/x", "get https://bob:<redacted:url_passwords>@host/x"),
            ("card 4111 1111 1111 1111 ok", "card <redacted:credit_cards> ok"),
            ("number 4111 1111 1111 1112 ok", "number 4111 1111 1111 1112 ok"),
            ("mail ada@example.com now", "mail <redacted:emails> now"), ("pin=1234", "pin=?"),
            ("-----BEGIN RSA PRIVATE KEY-----", "<redacted:private_keys>"), ("MIIEabc", "<redacted:private_keys>"),
            ("-----END RSA PRIVATE KEY-----", "<redacted:private_keys>"), ("after", "after"),
        ]
        let entries = try run("- static_labels: {a: b}", cases.map(\.0), extra: redact)
        #expect(entries.map(\.line) == cases.map(\.1))
    }

    @Test func refusesWhatIsWrongWithItsPlace() {
        let text = """
            log_configs:
              - job_name: a
                static_configs:
                  - labels: {__path__: relative/*.log}
                pipeline_stages:
                  - jsn: {}
                  - regex: {expresion: x}
                  - match: {selector: '{app="x"'}
            """
        var problems: [String] = []
        do { _ = try LogConfiguration.read(text, file: "c.yml") } catch { problems = error.list.map(\.description) }
        #expect(problems.contains { $0.hasPrefix("c.yml:6:") && $0.contains("json") })
        #expect(problems.contains { $0.hasPrefix("c.yml:7:") && $0.contains("expression") })
        #expect(problems.contains { $0.hasPrefix("c.yml:8:") })
        #expect(problems.contains { $0.hasPrefix("c.yml:4:") && $0.contains("begins with /") })
    }
}
