import Formats
import Model
import Testing

@testable import Agent

@Suite struct ScrapeConfigurationTests {
    private func read(_ text: String) throws -> ScrapeConfiguration {
        try ScrapeConfiguration.read(text, file: "obs.yml", directory: "/etc/obs")
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch let problems as YAMLReader.Problems {
            return problems.list.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func defaultsAreThoseOfPrometheus() throws {
        let job = try #require(try read("scrape_configs: [{job_name: a}]").jobs.first)
        #expect(job.interval == 60_000 && job.timeout == 10_000)
        #expect(job.metricsPath == "/metrics" && job.scheme == .http)
        #expect(!job.honorLabels && job.honorTimestamps && !job.tracksTimestampsStaleness)
        #expect(job.http.followsRedirects && job.http.asksForCompression)
        #expect(ScrapeProtocol.accept(job.protocols) == ExpositionFormat.acceptHeader)
    }

    @Test func everythingIsRead() throws {
        let configuration = try read(
            """
            global:
              scrape_interval: 30s
              scrape_timeout: 20s
              external_labels: {zone: eu, a: b}
            scrape_configs:
              - job_name: web
                scrape_interval: 5s
                scheme: https
                metrics_path: /m
                params: {module: [x, y]}
                honor_labels: true
                honor_timestamps: false
                static_configs:
                  - targets: ["one:80", "two:80"]
                    labels: {env: test}
                file_sd_configs:
                  - files: [targets/*.json, /abs/t.yml]
                    refresh_interval: 1m
                relabel_configs:
                  - source_labels: [__address__]
                    regex: (.*):80
                    target_label: host
                metric_relabel_configs:
                  - {action: Drop, source_labels: [__name__], regex: go_.*}
                basic_auth: {username: u, password: p}
                tls_config: {ca_file: ca.pem, insecure_skip_verify: true}
                sample_limit: 10
                label_limit: 11
                label_name_length_limit: 12
                label_value_length_limit: 13
                body_size_limit: 1MiB
                target_limit: 14
                fallback_scrape_protocol: PrometheusText0.0.4
                enable_compression: false
                follow_redirects: false
            """)
        #expect(configuration.global.externalLabels == [LabelPair("a", "b"), LabelPair("zone", "eu")])
        let job = try #require(configuration.jobs.first)
        #expect(job.interval == 5_000 && job.timeout == 5_000)
        #expect(job.parameters == [ScrapeParameter("module", ["x", "y"])])
        #expect(
            job.staticTargets == [TargetGroup(addresses: ["one:80", "two:80"], labels: [LabelPair("env", "test")])])
        #expect(job.fileDiscovery.first?.files == ["/etc/obs/targets/*.json", "/abs/t.yml"])
        #expect(job.fileDiscovery.first?.refreshInterval == 60_000)
        #expect(job.relabelRules.map(\.action) == [.replace])
        #expect(job.metricRelabelRules.map(\.action) == [.drop])
        #expect(job.http.credentials == .basic(user: "u", password: .text(Secret("p"))))
        #expect(job.http.tls.authoritiesFile == "/etc/obs/ca.pem" && job.http.tls.skipsVerification)
        #expect(job.limits.samplesMax == 10 && job.limits.bodyBytesMax == 1 << 20 && job.limits.targetsMax == 14)
        #expect(job.fallbackProtocol == .text004)
    }

    @Test func typosNameThePlaceAndTheRightWord() {
        #expect(
            problems("scrape_configs:\n  - job_name: a\n    scrape_intervall: 1m\n") == [
                #"obs.yml:3:5: unknown key "scrape_intervall" in scrape_configs[0] (did you mean "scrape_interval"?)"#
            ])
        #expect(
            problems("scrape_configs:\n- job_name: a\n  static_configs: [{target: [x]}]\n") == [
                #"obs.yml:3:20: "targets" is missing here"#,
                #"obs.yml:3:21: unknown key "target" in scrape_configs[0].static_configs[0] (did you mean "targets"?)"#,
            ])
        #expect(
            problems("scrape_configs: [{job_name: a, scheme: htpp}]").first?.contains(#"did you mean "http"?"#) == true)
    }

    @Test func nonsenseIsRefused() {
        let cases: [(String, String)] = [
            ("scrape_configs: [{job_name: a}, {job_name: a}]", "job_name \"a\" is used twice"),
            ("scrape_configs: [{scrape_interval: 1s}]", "\"job_name\" is missing here"),
            ("scrape_configs: [{job_name: a, scrape_interval: 1s, scrape_timeout: 2s}]", "longer than scrape_interval"),
            ("scrape_configs: [{job_name: a, scrape_interval: 0s}]", "must be over 0"),
            ("scrape_configs: [{job_name: a, static_configs: [{targets: ['http://x/']}]}]", "no host and port"),
            ("scrape_configs: [{job_name: a, file_sd_configs: [{files: [x.txt]}]}]", "ends in .json"),
            ("scrape_configs: [{job_name: a, relabel_configs: [{action: replac}]}]", "did you mean \"replace\"?"),
            (
                "scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod, target_label: x}]}]",
                "non-zero modulus"
            ),
            (
                "scrape_configs: [{job_name: a, relabel_configs: [{target_label: x, regex: '('}]}]",
                "invalid regular expression"
            ),
            (
                "scrape_configs: [{job_name: a, bearer_token: x, bearer_token_file: y}]",
                "at most one of bearer_token and"
            ),
            (
                "scrape_configs: [{job_name: a, bearer_token: x, basic_auth: {username: u}}]",
                "at most one of basic_auth and bearer_token"
            ),
            ("scrape_configs: [{job_name: a, authorization: {type: Basic, credentials: x}}]", "a key of its own"),
            (
                "scrape_configs: [{job_name: a, consul_sd_configs: [{server: x}]}]",
                "consul_sd_configs is not supported"
            ),
            ("scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pods}]}]", "did you mean \"pod\""),
            ("scrape_configs: [{job_name: a, http_sd_configs: [{url: 'ftp://x'}]}]", "no http or https URL"),
            ("scrape_configs: [{job_name: a, dns_sd_configs: [{names: [x], type: A}]}]", "port is wanted"),
            ("scrape_configs: [{job_name: a, docker_sd_configs: [{host: /var/run/docker.sock}]}]", "host is unix"),
            ("scrape_configs: [{job_name: a, tls_config: {cert_file: x}}]", "belong together"),
            ("global: {scrape_interval: often}", "expected a duration"),
        ]
        for (text, expected) in cases {
            let found = problems(text)
            #expect(found.count == 1 && found[0].contains(expected), "\(text): \(found)")
        }
    }

    @Test func secretsStaySecret() throws {
        let configuration = try read(
            """
            scrape_configs:
              - job_name: a
                authorization: {credentials: hunter2}
              - job_name: b
                basic_auth: {username: u, password: hunter2}
            """)
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(!"\(configuration)".contains("hunter2"))
        #expect(!String(reflecting: configuration).contains("hunter2"))
    }

    @Test func equalTextsMeanEqualConfigurations() throws {
        let text = "scrape_configs: [{job_name: a, relabel_configs: [{target_label: x, replacement: y}]}]"
        #expect(try read(text) == read(text))
        #expect(try read(text) != read(text.replacing("y}", with: "z}")))
    }
}
