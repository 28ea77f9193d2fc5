import Agent
import Bedrock
import Configuration
import Formats
import Glibc
import Instruments
import Model
import QueryServer
import Receivers
import Transport

extension LossLedger: LossRecorder {
    public func lost(samples: Int, place: String, reason: String) { enter(samples, place: place, reason: reason) }

    public func lost(lines: Int, place: String, reason: String) {
        enter(lines, place: place, reason: reason, signal: .logs)
    }

    public func lost(spans: Int, place: String, reason: String) {
        enter(spans, place: place, reason: reason, signal: .traces)
    }
}

extension Server {
    /// Starts the agent: host metrics, own metrics, scraping, logs; everything goes to its destination through a queue on disk.
    func startAgent(
        into destination: any Destination, logs: (any LogDestination)?, directory: String
    ) throws {
        let settings = configuration.settings
        var options = AgentOptions(queueDirectory: Path.join(directory, "agent"), hostName: hostname())
        options.builtInInterval = settings[SettingsTable.agentInterval].milliseconds
        options.lane.queue.bytesMax = settings[SettingsTable.agentQueueBytes].bytes
        options.scraping = configuration.scraping
        options.logs = configuration.logs
        options.logWorker.queue.bytesMax = settings[SettingsTable.agentQueueBytes].bytes
        options.hostMetrics = settings[SettingsTable.hostMetrics] ? hostOptions(settings) : nil
        let exporter = settings[SettingsTable.nodeExporter]
        options.nodeExporter = exporter == "off" || exporter.isEmpty ? nil : exporter
        var dependencies = AgentDependencies(
            caller: HTTPClient(clientOptions()), destination: destination, losses: ledger)
        dependencies.logDestination = logs
        dependencies.clock = clock
        dependencies.log = log.named("agent")
        dependencies.registry = registry
        if settings[SettingsTable.selfMetrics] {
            dependencies.ownMetrics = { [registry, clock] batch in
                registry.collect(into: batch, timestamp: clock.now())
            }
        }
        let agent = try Agent(options, dependencies)
        agent.start()
        self.agent = agent
    }

    /// Where an agent of its own sends.
    func remoteDestination(_ settings: Settings) throws -> any Destination {
        let url = settings[SettingsTable.remoteWrite]
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw SettingError(
                "the agent role wants agent.remote_write, the URL of a remote-write receiver such as http://collector:7070/api/v1/write"
            )
        }
        var options = clientOptions()
        let token = settings[SettingsTable.remoteToken]
        if !token.isEmpty { options.defaults.credentials = .bearer(token) }
        var destination = RemoteWriteDestination.Options(url: url)
        destination.externalLabels = configuration.scraping.global.externalLabels
        return RemoteWriteDestination(destination, caller: HTTPClient(options), clock: clock)
    }

    /// Where an agent of its own sends logs; nil: it reads none.
    func remoteLogDestination(_ settings: Settings) throws -> (any LogDestination)? {
        let url = settings[SettingsTable.lokiPush]
        if url.isEmpty {
            guard configuration.logs.jobs.isEmpty else {
                throw SettingError(
                    "log_configs want agent.loki_push, the URL of a Loki push receiver such as http://collector:7070/loki/api/v1/push"
                )
            }
            return nil
        }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw SettingError("agent.loki_push is no URL: \(url)")
        }
        var options = clientOptions()
        let token = settings[SettingsTable.lokiToken]
        if !token.isEmpty { options.defaults.credentials = .bearer(token) }
        var destination = RemoteWriteDestination.Options(url: url)
        destination.externalLabels = configuration.scraping.global.externalLabels
        return LokiPushDestination(destination, caller: HTTPClient(options), clock: clock)
    }

    private func clientOptions() -> HTTPClientOptions {
        var options = HTTPClientOptions()
        options.userAgent = "obsd/\(version)"
        return options
    }

    private func hostOptions(_ settings: Settings) -> HostOptions {
        var options = HostOptions()
        let root = settings[SettingsTable.hostRoot]
        if root != "/" {
            options.paths = HostPaths(
                proc: Path.join(root, "proc"), sys: Path.join(root, "sys"), root: root,
                udev: Path.join(root, "run/udev/data"))
        }
        return options
    }
}

/// The agent's targets as the API shows them.
func targetsStatus(_ targets: TargetStatuses) -> TargetsStatus {
    TargetsStatus(
        active: targets.active.map { target in
            TargetsStatus.Active(
                discoveredLabels: target.discoveredLabels, labels: target.labels, scrapePool: target.scrapePool,
                scrapeURL: target.scrapeURL, globalURL: target.globalURL, lastError: target.lastError,
                lastScrape: target.lastScrape, lastScrapeSeconds: target.lastScrapeSeconds,
                health: target.health.rawValue, scrapeInterval: target.scrapeInterval,
                scrapeTimeout: target.scrapeTimeout)
        },
        dropped: targets.dropped.map {
            TargetsStatus.Dropped(discoveredLabels: $0.discoveredLabels, scrapePool: $0.scrapePool)
        }, droppedCounts: targets.droppedCounts)
}

/// This machine's name, as the kernel knows it.
func hostname() -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
