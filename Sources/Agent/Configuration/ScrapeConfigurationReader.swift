import Bedrock
import Formats
import Model

/// Decodes scrape jobs out of YAML, under Prometheus' keys, with its defaults and its checks.
struct ScrapeConfigurationReader {
    let directory: String

    /// Keys of Prometheus that ask for what is not here; said so rather than called unknown.
    private static let unsupported = [
        "consul_sd_configs", "ec2_sd_configs", "azure_sd_configs", "gce_sd_configs", "dockerswarm_sd_configs", "oauth2",
        "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "native_histogram_bucket_limit",
    ]

    func global(_ keys: YAMLMapping) -> GlobalConfiguration {
        var global = GlobalConfiguration()
        global.scrapeInterval = positive(keys, "scrape_interval") ?? global.scrapeInterval
        let timeout = positive(keys, "scrape_timeout")
        global.scrapeTimeout = timeout ?? min(global.scrapeTimeout, global.scrapeInterval)
        if let timeout, timeout > global.scrapeInterval {
            keys.note("scrape_timeout is longer than scrape_interval", at: "scrape_timeout")
        }
        global.evaluationInterval = positive(keys, "evaluation_interval") ?? global.evaluationInterval
        global.externalLabels = labels(keys["external_labels"]).sorted { utf8Precedes($0.name, $1.name) }
        return global
    }

    func job(_ keys: YAMLMapping, _ global: GlobalConfiguration, _ place: String) -> ScrapeJob? {
        keys.require("job_name")
        let name = keys["job_name"]?.string ?? ""
        let interval = positive(keys, "scrape_interval") ?? global.scrapeInterval
        let timeout = positive(keys, "scrape_timeout")
        if let timeout, timeout > interval {
            keys.note("scrape_timeout is longer than scrape_interval", at: "scrape_timeout")
        }
        var job = ScrapeJob(name: name, interval: interval, timeout: timeout ?? min(global.scrapeTimeout, interval))
        job.metricsPath = keys["metrics_path"]?.string ?? job.metricsPath
        job.scheme =
            keys["scheme"]?.choice(of: ScrapeScheme.allCases.map(\.rawValue))
            .flatMap { ScrapeScheme(rawValue: $0) } ?? .http
        job.parameters = (keys["params"]?.entries ?? []).map { ScrapeParameter($0.key, $0.value.strings ?? []) }
        job.honorLabels = keys["honor_labels"]?.bool ?? false
        job.honorTimestamps = keys["honor_timestamps"]?.bool ?? true
        job.tracksTimestampsStaleness = keys["track_timestamps_staleness"]?.bool ?? false
        job.staticTargets = groups(keys["static_configs"], "\(place).static_configs")
        job.fileDiscovery = discovery(keys["file_sd_configs"], "\(place).file_sd_configs")
        job.remoteDiscovery = RemoteDiscoveryReader(directory: directory).read(keys, place)
        job.relabelRules = RelabelRule.list(keys["relabel_configs"], place: "\(place).relabel_configs")
        job.metricRelabelRules = RelabelRule.list(
            keys["metric_relabel_configs"], place: "\(place).metric_relabel_configs")
        job.http = ScrapeHTTPReader(directory: directory).read(keys, place)
        job.limits = limits(keys)
        if let protocols = keys["scrape_protocols"]?.list {
            job.protocols = protocols.compactMap(Self.scrapeProtocol)
        }
        job.fallbackProtocol = keys["fallback_scrape_protocol"].flatMap(Self.scrapeProtocol)
        for key in Self.unsupported where keys[key] != nil {
            keys.note(
                "\(key) is not supported; targets come from static_configs, file_sd_configs, http_sd_configs, dns_sd_configs, docker_sd_configs and kubernetes_sd_configs",
                at: key)
        }
        return name.isEmpty ? nil : job
    }

    private func limits(_ keys: YAMLMapping) -> ScrapeLimits {
        var limits = ScrapeLimits()
        func count(_ key: String) -> Int { keys[key]?.int(in: 0...Int.max) ?? 0 }
        limits.samplesMax = count("sample_limit")
        limits.labelsMax = count("label_limit")
        limits.labelNameBytesMax = count("label_name_length_limit")
        limits.labelValueBytesMax = count("label_value_length_limit")
        limits.targetsMax = count("target_limit")
        limits.droppedTargetsKept = count("keep_dropped_targets")
        limits.bodyBytesMax = keys["body_size_limit"]?.size ?? 0
        return limits
    }

    private func groups(_ value: YAMLValue?, _ place: String) -> [TargetGroup] {
        (value?.list ?? []).enumerated().compactMap { index, item in
            item.mapping("\(place)[\(index)]") { keys in
                keys.require("targets")
                let targets = keys["targets"]?.list ?? []
                for target in targets {
                    guard let address = target.string, address.contains("/") else { continue }
                    target.note("\"\(address)\" is no host and port; scheme and path have keys of their own")
                }
                return TargetGroup(addresses: targets.compactMap { $0.node.scalar }, labels: labels(keys["labels"]))
            }
        }
    }

    private func discovery(_ value: YAMLValue?, _ place: String) -> [FileDiscovery] {
        (value?.list ?? []).enumerated().compactMap { index, item in
            item.mapping("\(place)[\(index)]") { keys in
                keys.require("files")
                let files = keys["files"]?.list ?? []
                for file in files where !FileDiscovery.isSupported(file.node.scalar ?? "") {
                    file.note("a discovery file ends in .json, .yml or .yaml, with * in its last part at most")
                }
                var discovery = FileDiscovery(files: files.compactMap { $0.node.scalar.map(resolved) })
                discovery.refreshInterval = positive(keys, "refresh_interval") ?? discovery.refreshInterval
                return discovery
            }
        }
    }

    private func labels(_ value: YAMLValue?) -> [LabelPair] {
        (value?.entries ?? []).compactMap { entry in
            if entry.key.isEmpty || entry.key == Labels.metricName {
                entry.value.note("\"\(entry.key)\" can't be a label of targets")
                return nil
            }
            return entry.value.string.map { LabelPair(entry.key, $0) }
        }
    }

    private func positive(_ keys: YAMLMapping, _ key: String) -> Int64? {
        guard let value = keys[key]?.duration else { return nil }
        if value > 0 { return value }
        keys.note("\(key) must be over 0", at: key)
        return nil
    }

    private func resolved(_ path: String) -> String { path.hasPrefix("/") ? path : Path.join(directory, path) }

    private static func scrapeProtocol(_ value: YAMLValue) -> ScrapeProtocol? {
        value.choice(of: ScrapeProtocol.allCases.map(\.rawValue)).flatMap { ScrapeProtocol(rawValue: $0) }
    }
}

extension FileDiscovery {
    /// Whether a pattern is one that discovery understands.
    static func isSupported(_ pattern: String) -> Bool {
        let known = [".json", ".yml", ".yaml"].contains { pattern.hasSuffix($0) }
        return known && !Path.parent(pattern).contains("*")
    }
}
