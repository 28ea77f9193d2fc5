import Bedrock
import Model

/// The targets that are there without configuration: the host, this process, a node_exporter beside it.
enum BuiltInTargets {
    static let nodeJob = "node"

    static func make(_ options: AgentOptions, _ dependencies: AgentDependencies) throws(AgentError) -> [DiscoveryWorker
        .BuiltIn]
    {
        var result: [DiscoveryWorker.BuiltIn] = []
        if let hostOptions = options.hostMetrics {
            let host: HostMetrics
            do throws(RegexError) { host = try HostMetrics(hostOptions, clock: dependencies.clock) } catch {
                throw .pattern(error)
            }
            result.append(builtIn("host", options) { host.collect(into: $0) })
        }
        if let ownMetrics = dependencies.ownMetrics { result.append(builtIn("obs", options, ownMetrics)) }
        return result
    }

    /// Asked often for nothing it is not: before the first answer it leaves no trace.
    static func nodeExporter(_ address: String, interval: Int64) -> ScrapeJob {
        var job = ScrapeJob(name: nodeJob, interval: interval, timeout: min(10_000, interval))
        job.staticTargets = [TargetGroup(addresses: [address])]
        job.isOptional = true
        return job
    }

    private static func builtIn(
        _ name: String, _ options: AgentOptions, _ collect: @escaping @Sendable (MetricBatch) -> Void
    ) -> DiscoveryWorker.BuiltIn {
        let interval = options.builtInInterval
        let job = ScrapeJob(name: name, interval: interval, timeout: min(10_000, interval))
        let target = ScrapeTarget(
            job: job, labels: Labels(["instance": options.hostName, "job": name]),
            discovered: Labels(["__address__": options.hostName, "__scheme__": "builtin", "job": name]),
            url: "builtin:" + name, interval: interval, timeout: job.timeout)
        return DiscoveryWorker.BuiltIn(target: target, source: LocalScrapeSource(name: name, collect: collect))
    }
}
