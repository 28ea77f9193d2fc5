import Bedrock
import Model
import Testing
import Transport

@testable import Agent

@Suite struct ScrapeTests {
    let harness = ScrapeHarness()
    static let url = "http://h:1/metrics"

    private func start(_ settings: String = "") throws {
        try harness.configure(
            """
            scrape_configs:
              - job_name: j
                scrape_interval: 10s
                scrape_timeout: 5s
                static_configs: [{targets: ['h:1']}]
                \(settings.replacing("\n", with: "\n    "))
            """)
    }

    @Test func samplesGetTheTargetsLabels() throws {
        harness.server.answer(Self.url, "# TYPE a counter\na{x=\"1\"} 1\nb 2 1234\n")
        try start()
        harness.runOneScrape()
        #expect(
            harness.last == [
                #"a{instance="h:1", job="j", x="1"} 1"#, #"b{instance="h:1", job="j"} 2"#,
                #"up{instance="h:1", job="j"} 1"#,
            ])
        let scraping = harness.scrapes[0].filter {
            $0.hasPrefix("scrape_") && !$0.hasPrefix("scrape_duration_seconds{")
        }
        #expect(
            scraping == [
                #"scrape_samples_post_metric_relabeling{instance="h:1", job="j"} 2"#,
                #"scrape_samples_scraped{instance="h:1", job="j"} 2"#,
                #"scrape_series_added{instance="h:1", job="j"} 2"#,
            ])
        let call = try #require(harness.server.calls.first)
        #expect(call.headers["X-Prometheus-Scrape-Timeout-Seconds"] == "5")
        #expect(call.headers["Accept"]?.hasPrefix("application/openmetrics-text;version=1.0.0") == true)
        #expect(call.timeoutSeconds == 5)
    }

    @Test func exemplarsComeOnce() throws {
        func text(_ a: String, _ b: String) -> String {
            "# TYPE a counter\na_total 1 # \(a)\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 4 # \(b)\nh_count 4\n# EOF\n"
        }
        let type = "application/openmetrics-text; version=1.0.0"
        let first = text(#"{trace_id="x"} 0.5 100.25"#, #"{trace_id="y",span_id="z"} 3"#)
        harness.server.answer(Self.url, first, type: type)
        try start()
        harness.runOneScrape()
        let traced = Exemplar(labels: Labels(["trace_id": "x"]), value: 0.5, timestamp: 100_250)
        #expect(harness.exemplars[0].first == traced)
        #expect(harness.exemplars[0].last?.labels == Labels(["span_id": "z", "trace_id": "y"]))
        #expect(harness.exemplars[0].last.map { harness.timestamps.contains($0.timestamp) } == true)
        harness.runOneScrape()
        #expect(harness.exemplars[1].isEmpty)
        // One label set is bad, which costs the exemplar only.
        harness.server.answer(
            Self.url, text(#"{trace_id="x"} 0.5 101"#, #"{a="y",a="z"} 3"#), type: type)
        harness.runOneScrape()
        #expect(harness.exemplars[2].map(\.timestamp) == [101_000])
        #expect(harness.last.count == 4)
    }

    @Test func scrapesComeAtTheirTimeWithRegularTimestamps() throws {
        harness.server.answer(Self.url, "a 1\n")
        try start()
        harness.run(milliseconds: 65_000)
        // The first within two seconds, the others on the grid of the target's own offset.
        let times = harness.timestamps
        #expect(times.count == 7 || times.count == 8, "\(times)")
        let gaps = zip(times.dropFirst(2), times.dropFirst()).map { $0 - $1 }
        #expect(gaps.allSatisfy { $0 == 10_000 }, "\(gaps)")
        #expect(times[1] - times[0] <= 10_000)
    }

    @Test func aClockThatIsSetStartsTheRhythmAnew() throws {
        harness.server.answer(Self.url, "a 1\n")
        try start()
        harness.run(milliseconds: 25_000)
        let offset = (harness.timestamps.last ?? 0) % 10_000
        harness.clock.jump(milliseconds: 3_000)
        harness.run(milliseconds: 40_000)
        #expect(harness.timestamps.suffix(3).allSatisfy { $0 % 10_000 == offset }, "\(harness.timestamps)")
    }

    @Test func vanishedSeriesAndFailuresLeaveMarkers() throws {
        harness.server.answer(Self.url, "a 1\nb 2\n")
        try start()
        harness.runOneScrape()
        harness.server.answer(Self.url, "a 3\n")
        harness.runOneScrape()
        #expect(
            harness.last == [
                #"a{instance="h:1", job="j"} 3"#, #"b{instance="h:1", job="j"} stale"#,
                #"up{instance="h:1", job="j"} 1"#,
            ])
        harness.server.answer(Self.url) { _ in .success(HTTPResponse(status: 503)) }
        harness.runOneScrape()
        #expect(harness.last == [#"a{instance="h:1", job="j"} stale"#, #"up{instance="h:1", job="j"} 0"#])
        // Once only.
        harness.runOneScrape()
        #expect(harness.last == [#"up{instance="h:1", job="j"} 0"#])
        #expect(harness.worker.statuses.first?.lastError == "server returned HTTP status 503")
        #expect(harness.worker.statuses.first?.health == .down)
        harness.server.answer(Self.url, "a 4\n")
        harness.runOneScrape()
        #expect(harness.last == [#"a{instance="h:1", job="j"} 4"#, #"up{instance="h:1", job="j"} 1"#])
        #expect(harness.scrapes.last?.contains(#"scrape_series_added{instance="h:1", job="j"} 0"#) == true)
    }

    @Test func removedTargetsLeaveMarkersAndOthersGoOn() throws {
        harness.server.answer(Self.url, "a 1\n")
        try start()
        harness.runOneScrape()
        try harness.configure("scrape_configs: []")
        harness.run(milliseconds: 100)
        #expect(harness.last == [#"a{instance="h:1", job="j"} stale"#, #"up{instance="h:1", job="j"} stale"#])
        #expect(harness.scrapes.last?.filter { $0.hasSuffix(" stale") }.count == 6)
        #expect(harness.worker.statuses.isEmpty)
    }

    @Test func aReloadKeepsWhatDidNotChange() throws {
        harness.server.answer(Self.url, "a 1\nb 1\n")
        try start()
        harness.runOneScrape()
        harness.server.answer(Self.url, "a 2\nb 2\n")
        // Another timeout, the same target: no markers, nothing added.
        try start("body_size_limit: 1MiB")
        harness.runOneScrape()
        #expect(harness.last.filter { $0.hasSuffix("stale") } == [])
        #expect(harness.scrapes.last?.contains(#"scrape_series_added{instance="h:1", job="j"} 0"#) == true)
        // Another rule: the series it drops end, the others go on.
        try start("metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: b}]")
        harness.runOneScrape()
        #expect(
            harness.last == [
                #"a{instance="h:1", job="j"} 2"#, #"b{instance="h:1", job="j"} stale"#,
                #"up{instance="h:1", job="j"} 1"#,
            ])
    }

    @Test func conflictingLabelsAreRenamedOrHonoured() throws {
        let text = "a{job=\"theirs\", exported_job=\"x\", instance=\"\"} 1\n"
        harness.server.answer(Self.url, text)
        try start()
        harness.runOneScrape()
        #expect(
            harness.last.first
                == #"a{exported_exported_job="theirs", exported_job="x", instance="h:1", job="j"} 1"#)
        let honouring = ScrapeHarness()
        honouring.server.answer(Self.url, text)
        try honouring.configure(
            "scrape_configs: [{job_name: j, honor_labels: true, static_configs: [{targets: ['h:1'], labels: {zone: eu}}]}]"
        )
        honouring.runOneScrape()
        // An empty label keeps the target's away, as the Pushgateway wants it.
        #expect(honouring.last.first == #"a{exported_job="x", job="theirs", zone="eu"} 1"#)
    }

    @Test func timestampsOfTheirOwn() throws {
        harness.server.answer(Self.url, "a 1 1600000000000\nb 1\n")
        try start()
        harness.runOneScrape()
        #expect(harness.timestamps.contains(1_600_000_000_000))
        // A self-timed series that vanishes gets no marker.
        harness.server.answer(Self.url, "b 1\n")
        harness.runOneScrape()
        #expect(!harness.last.contains { $0.hasSuffix("stale") })
        let ignoring = ScrapeHarness()
        ignoring.server.answer(Self.url, "a 1 1600000000000\n")
        try ignoring.configure(
            "scrape_configs: [{job_name: j, honor_timestamps: false, static_configs: [{targets: ['h:1']}]}]")
        ignoring.runOneScrape()
        #expect(!ignoring.timestamps.contains(1_600_000_000_000))
        let tracking = ScrapeHarness()
        tracking.server.answer(Self.url, "a 1 1600000000000\n")
        try tracking.configure(
            "scrape_configs: [{job_name: j, track_timestamps_staleness: true, static_configs: [{targets: ['h:1']}]}]")
        tracking.runOneScrape()
        tracking.server.answer(Self.url, "b 1\n")
        tracking.runOneScrape()
        #expect(tracking.last.contains(#"a{instance="h:1", job="j"} stale"#))
    }

    @Test(arguments: [
        ("sample_limit: 1", "sample limit exceeded (limit: 1)"),
        ("label_limit: 3", "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"),
        (
            "label_name_length_limit: 8",
            "label_name_length_limit exceeded (metric: a, label name: long_name, length: 9, limit: 8)"
        ),
        (
            "label_value_length_limit: 4",
            "label_value_length_limit exceeded (metric: a, label name: long_name, value: \"value\", length: 5, limit: 4)"
        ),
        (
            "target_limit: 0\nmetric_relabel_configs: [{action: labeldrop, regex: __name__}]",
            "metric name label mandatory"
        ),
    ])
    func limitsFailTheScrapeWithAReason(_ setting: String, _ reason: String) throws {
        harness.server.answer(Self.url, "a{long_name=\"value\"} 1\nb 2\n")
        try start(setting)
        harness.runOneScrape()
        #expect(harness.last == [#"up{instance="h:1", job="j"} 0"#])
        #expect(harness.worker.statuses.first?.lastError.hasPrefix(reason) == true, "\(harness.worker.statuses)")
    }

    @Test func sampleCountsTellHowFarOverTheLimitItWas() throws {
        harness.server.answer(Self.url, "a 1\nb 2\nc 3\ndropped 1\n")
        try start(
            "sample_limit: 1\nmetric_relabel_configs: [{action: drop, source_labels: [__name__], regex: dropped}]")
        harness.runOneScrape()
        #expect(harness.scrapes[0].contains(#"scrape_samples_scraped{instance="h:1", job="j"} 4"#))
        #expect(harness.scrapes[0].contains(#"scrape_samples_post_metric_relabeling{instance="h:1", job="j"} 3"#))
    }

    @Test func tooManyTargetsFailAll() throws {
        let harness = ScrapeHarness()
        try harness.configure(
            "scrape_configs: [{job_name: j, target_limit: 1, static_configs: [{targets: [a, b]}]}]")
        harness.run(milliseconds: 5_000)
        #expect(harness.scrapes.count == 2)
        #expect(
            harness.worker.statuses.allSatisfy {
                $0.lastError == "target_limit exceeded (number of targets: 2, limit: 1)"
            })
        #expect(harness.server.calls.isEmpty)
    }

    @Test func answersThatAreNoExpositionSayWhy() throws {
        harness.server.answer(Self.url, "a 1\n", type: nil)
        try start()
        harness.runOneScrape()
        #expect(harness.worker.statuses.first?.lastError.contains("blank Content-Type") == true)
        harness.server.answer(Self.url, "<html>", type: "text/html")
        harness.runOneScrape()
        #expect(harness.worker.statuses.first?.lastError.contains("unsupported Content-Type \"text/html\"") == true)
        harness.server.answer(Self.url, "a 1\nb x\n")
        harness.runOneScrape()
        #expect(harness.worker.statuses.first?.lastError.hasPrefix("2:3: ") == true, "\(harness.worker.statuses)")
        #expect(harness.last == [#"up{instance="h:1", job="j"} 0"#])
        harness.server.answer(Self.url) { _ in .failure(.tooLarge(limit: 100)) }
        harness.runOneScrape()
        #expect(harness.worker.statuses.first?.lastError.hasPrefix("body size limit exceeded") == true)
        try start("fallback_scrape_protocol: PrometheusText0.0.4")
        harness.server.answer(Self.url, "a 1\n", type: nil)
        harness.runOneScrape()
        #expect(harness.worker.statuses.first?.health == .up)
    }

    @Test func credentialsAreSentAndFilesReadAnew() throws {
        let directory = try TemporaryDirectory()
        try directory.write("token", "first\n")
        harness.server.answer(Self.url, "a 1\n")
        try start("authorization: {credentials_file: '\(directory.path)/token'}")
        harness.runOneScrape()
        #expect(harness.server.calls.last?.options?.credentials == .bearer("first"))
        try directory.write("token", "second\n")
        harness.runOneScrape()
        #expect(harness.server.calls.last?.options?.credentials == .bearer("second"))
        try PosixFileSystem().remove(directory.path + "/token")
        harness.runOneScrape()
        #expect(harness.worker.statuses.first?.lastError.contains("cannot open") == true)
        try start("basic_auth: {username: u, password: p}\nenable_compression: false\nfollow_redirects: false")
        harness.runOneScrape()
        let call = try #require(harness.server.calls.last)
        #expect(call.options?.credentials == .basic(user: "u", password: "p"))
        #expect(call.headers["Accept-Encoding"] == "identity" && call.options?.redirectsMax == 0)
        try start("authorization: {type: Token, credentials: t}")
        harness.runOneScrape()
        #expect(harness.server.calls.last?.headers["Authorization"] == "Token t")
    }

    @Test func twoSamplesOfOneSeriesCountOnce() throws {
        harness.server.answer(Self.url, "a{x=\"1\"} 1\na{x=\"2\"} 2\n")
        try start("metric_relabel_configs: [{action: labeldrop, regex: x}]")
        harness.runOneScrape()
        #expect(harness.last == [#"a{instance="h:1", job="j"} 1"#, #"up{instance="h:1", job="j"} 1"#])
        harness.server.answer(Self.url, "a{x=\"2\"} 3\n")
        harness.runOneScrape()
        #expect(harness.last == [#"a{instance="h:1", job="j"} 3"#, #"up{instance="h:1", job="j"} 1"#])
    }

    @Test func builtInSourcesGoTheSamePath() throws {
        let source = LocalScrapeSource(name: "own") { batch in
            batch.beginSeries(Labels(["__name__": "obs_x_total"]))
            batch.append(timestamp: 1, value: 7)
        }
        let job = ScrapeJob(name: "obs", interval: 10_000, timeout: 5_000)
        let target = ScrapeTarget(
            job: job, labels: Labels(["instance": "here", "job": "obs"]), discovered: .empty, url: "builtin:obs",
            interval: 10_000, timeout: 5_000)
        let harness = ScrapeHarness(builtIns: [DiscoveryWorker.BuiltIn(target: target, source: source)])
        try harness.configure("scrape_configs: []")
        harness.runOneScrape()
        #expect(
            harness.last == [#"obs_x_total{instance="here", job="obs"} 7"#, #"up{instance="here", job="obs"} 1"#])
        #expect(!harness.timestamps.contains(1))
    }

    @Test func aSourceThatNeverAnswersIsGivenUp() throws {
        struct Silent: ScrapeSource {
            func fetch(_ target: ScrapeTarget, done: @escaping @Sendable (Result<ScrapeBody, ScrapeError>) -> Void) {}
        }
        let target = ScrapeTarget(
            job: ScrapeJob(name: "x", interval: 10_000, timeout: 1_000), labels: Labels(["job": "x"]),
            discovered: .empty,
            url: "builtin:x", interval: 10_000, timeout: 1_000)
        let harness = ScrapeHarness(builtIns: [DiscoveryWorker.BuiltIn(target: target, source: Silent())])
        try harness.configure("scrape_configs: []")
        harness.run(milliseconds: 6_000)
        #expect(harness.last == [#"up{job="x"} 0"#])
        #expect(harness.worker.statuses.first?.lastError == "no answer within 1.0 s")
    }

    @Test func loopbackURLsAreShownUnderTheHostsName() {
        #expect(GlobalURL.of("http://localhost:9100/metrics", hostName: "vm") == "http://vm:9100/metrics")
        #expect(GlobalURL.of("https://[::1]/m", hostName: "vm") == "https://vm/m")
        #expect(GlobalURL.of("http://127.0.0.10:1/", hostName: "vm") == "http://127.0.0.10:1/")
        #expect(GlobalURL.of("http://localhost.example/", hostName: "vm") == "http://localhost.example/")
    }
}
