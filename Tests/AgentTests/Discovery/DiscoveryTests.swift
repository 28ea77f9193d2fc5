import Bedrock
import Formats
import Model
import Synchronization
import Testing

@testable import Agent

@Suite struct DiscoveryTests {
    let directory: TemporaryDirectory
    let clock = SimulatedClock()
    let log = MemorySink()

    init() throws { directory = try TemporaryDirectory() }

    private func discoverer(_ patterns: [String]) -> FileDiscoverer {
        FileDiscoverer(
            FileDiscovery(files: patterns.map { directory.path + "/" + $0 }), files: PosixFileSystem(),
            log: Logger("agent", sink: log, clock: clock))
    }

    @Test func filesOfBothKindsAreFollowed() throws {
        try directory.write("a.json", #"[{"targets": ["one:1"], "labels": {"env": "t\u0065st"}}]"#)
        try directory.write("b.yml", "- targets: ['two:2', 'three:3']\n")
        try directory.write("c.txt", "not ours")
        let discoverer = discoverer(["*.json", "b*.yml"])
        #expect(discoverer.poll(now: clock.monotonicNanoseconds()))
        #expect(discoverer.groups.map(\.addresses) == [["one:1"], ["two:2", "three:3"]])
        #expect(
            discoverer.groups[0].labels == [
                LabelPair("env", "test"), LabelPair("__meta_filepath", directory.path + "/a.json"),
            ])
        // Nothing is looked at before it is time, and nothing changes by looking.
        #expect(!discoverer.poll(now: clock.monotonicNanoseconds()))
        clock.advance(milliseconds: 6_000)
        #expect(!discoverer.poll(now: clock.monotonicNanoseconds()))
        try directory.write("a.json", #"[{"targets": ["four:4"]}]"#)
        clock.advance(milliseconds: 6_000)
        #expect(discoverer.poll(now: clock.monotonicNanoseconds()))
        #expect(discoverer.groups[0].addresses == ["four:4"])
    }

    @Test func brokenFilesKeepTheirTargetsAndGoneOnesLoseThem() throws {
        try directory.write("a.json", #"[{"targets": ["one:1"]}]"#)
        let discoverer = discoverer(["a.json"])
        _ = discoverer.poll(now: clock.monotonicNanoseconds())
        try directory.write("a.json", #"[{"target": ["one:1"]}]"#)
        clock.advance(milliseconds: 6_000)
        #expect(!discoverer.poll(now: clock.monotonicNanoseconds()))
        #expect(discoverer.groups.map(\.addresses) == [["one:1"]])
        #expect(log.lines.count == 1 && log.lines[0].contains("unknown key") && log.lines[0].contains("targets"))
        try PosixFileSystem().remove(directory.path + "/a.json")
        clock.advance(milliseconds: 6_000)
        #expect(discoverer.poll(now: clock.monotonicNanoseconds()))
        #expect(discoverer.groups.isEmpty)
    }

    @Test(arguments: [
        ("a.json", "*.json", true), ("a.json", "a*.json", true), ("a.json", "b*", false), ("abc", "a*c", true),
        ("abcbd", "a*b*d", true), ("ab", "a*b*b", false), ("", "*", true), ("x", "", false),
    ])
    func patternsMatchNames(_ name: String, _ pattern: String, _ expected: Bool) {
        #expect(WildcardText.matches(Array(name.utf8)[...], Array(pattern.utf8)[...]) == expected)
    }

    @Test func targetsAreMadeAsPrometheusMakesThem() throws {
        var job = ScrapeJob(name: "web", interval: 15_000, timeout: 10_000)
        job.parameters = [ScrapeParameter("module", ["http 2xx", "second"])]
        guard case .target(let target) = try TargetBuilder.build("host:80", [LabelPair("env", "test")], job) else {
            Issue.record("dropped")
            return
        }
        #expect(target.labels == Labels(["env": "test", "instance": "host:80", "job": "web"]))
        #expect(target.url == "http://host:80/metrics?module=http%202xx&module=second")
        #expect(
            target.discovered
                == Labels([
                    "__address__": "host:80", "__metrics_path__": "/metrics", "__param_module": "http 2xx",
                    "__scheme__": "http", "__scrape_interval__": "15s", "__scrape_timeout__": "10s", "env": "test",
                    "job": "web",
                ]))
        #expect((0..<15_000).contains(target.offset))
    }

    @Test func relabellingRulesTheTarget() throws {
        let configuration = try ScrapeConfiguration.read(
            """
            scrape_configs:
              - job_name: probe
                metrics_path: probe
                relabel_configs:
                  - {source_labels: [__address__], target_label: __param_target}
                  - {source_labels: [__param_target], target_label: instance}
                  - {target_label: __address__, replacement: "exporter:9115"}
                  - {target_label: __scheme__, replacement: https}
                  - {target_label: __scrape_interval__, replacement: 30s}
                  - {source_labels: [__meta_zone], target_label: zone}
                  - {source_labels: [zone], regex: off, action: drop}
            """, file: "t")
        let job = configuration.jobs[0]
        guard case .target(let target) = try TargetBuilder.build("a.example", [LabelPair("__meta_zone", "eu")], job)
        else {
            Issue.record("dropped")
            return
        }
        #expect(target.url == "https://exporter:9115/probe?target=a.example")
        #expect(target.labels == Labels(["instance": "a.example", "job": "probe", "zone": "eu"]))
        #expect(target.interval == 30_000)
        guard case .dropped(let dropped) = try TargetBuilder.build("b", [LabelPair("__meta_zone", "off")], job) else {
            Issue.record("kept")
            return
        }
        #expect(dropped.discovered["__address__"] == "b")
    }

    @Test func addressesThatMakeNoTargetSayWhy() {
        let job = ScrapeJob(name: "a", interval: 1_000, timeout: 1_000)
        let cases: [([LabelPair], String)] = [
            (
                [LabelPair("__scrape_timeout__", "2s")],
                "scrape timeout cannot be greater than scrape interval (\"2s\" > \"1s\")"
            ),
            ([LabelPair("__scrape_interval__", "soon")], "__scrape_interval__: not a valid duration string: \"soon\""),
            ([LabelPair("__scrape_interval__", "0s")], "__scrape_interval__ cannot be 0"),
            ([LabelPair("__scheme__", "ftp")], "scheme \"ftp\" is neither http nor https"),
        ]
        for (labels, expected) in cases {
            #expect { try TargetBuilder.build("h", labels, job) } throws: { "\($0)" == expected }
        }
        #expect { try TargetBuilder.build("", [], job) } throws: { "\($0)" == "no address" }
        #expect { try TargetBuilder.build("h/p", [], job) } throws: { "\($0)" == "\"h/p\" is no host and port" }
    }

    @Test func offsetsSpreadOverTheInterval() throws {
        let job = ScrapeJob(name: "a", interval: 60_000, timeout: 10_000)
        var perTenth = [Int](repeating: 0, count: 10)
        for i in 0..<1_000 {
            guard case .target(let target) = try TargetBuilder.build("host-\(i):80", [], job) else { continue }
            perTenth[Int(target.offset / 6_000)] += 1
        }
        #expect(perTenth.allSatisfy { $0 > 60 && $0 < 140 }, "\(perTenth)")
    }
}
