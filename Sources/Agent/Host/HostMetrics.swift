import Bedrock
import Model
import Synchronization

/// What is collected of the host, and with which patience.
public struct HostOptions: Sendable {
    public var paths = HostPaths()
    /// Collectors left out, by name (`processes`, `hwmon`, …).
    public var disabled: Set<String> = []
    /// Unanchored patterns, as node_exporter's flags of the same purpose.
    public var mountExclusion = #"^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"#
    public var filesystemTypeExclusion =
        "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc"
        + "|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$"
    public var diskExclusion = #"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"#
    public var networkDeviceExclusion = "^lo$"
    /// How long one mounted file system may take to answer.
    public var mountSecondsMax = 1.0
    /// How long one collector may take before the others go on without it.
    public var collectorSecondsMax = 3.0

    public init() {}
}

/// The machine's metrics under node_exporter's names: one collector per area, none of which can spoil the others.
///
/// Thread-safe; collections run one after the other. This is the one place that reads files past the file-system seam:
/// /proc and /sys are interfaces of the kernel, not storage; tests point `HostPaths` at trees of their own.
public final class HostMetrics: Sendable {
    private let paths: HostPaths
    private let clock: any ClockSource
    private let collectors: [any HostCollector]
    private let collectorSecondsMax: Double
    private let patience = Patience()
    private let failures = Mutex<[String: HostError]>([:])

    /// - Throws: when one of the patterns doesn't compile.
    public init(_ options: HostOptions = HostOptions(), clock: any ClockSource = SystemClock()) throws(RegexError) {
        paths = options.paths
        self.clock = clock
        collectorSecondsMax = options.collectorSecondsMax
        let all: [any HostCollector] = [
            CPUCollector(),
            ConntrackCollector(),
            DiskCollector(exclusion: try HostExclusion(options.diskExclusion)),
            EntropyCollector(),
            FileDescriptorCollector(),
            FilesystemCollector(
                mountExclusion: try HostExclusion(options.mountExclusion),
                typeExclusion: try HostExclusion(options.filesystemTypeExclusion), secondsMax: options.mountSecondsMax),
            HardwareMonitorCollector(),
            LoadCollector(),
            MemoryCollector(),
            NetworkClassCollector(),
            NetworkDeviceCollector(exclusion: try HostExclusion(options.networkDeviceExclusion)),
            NetworkStatisticsCollector(),
            OSCollector(),
            PressureCollector(),
            ProcessesCollector(),
            SocketCollector(),
            SoftnetCollector(),
            StatCollector(),
            ThermalCollector(),
            TimeCollector(clock: clock),
            UnameCollector(),
            VMStatCollector(),
        ]
        collectors = all.filter { !options.disabled.contains($0.name) }
    }

    /// Why collectors failed last time, by name; a machine without sensors has a failing `hwmon`.
    public var lastFailures: [String: HostError] { failures.withLock { $0 } }

    /// Appends a sample of every series to `batch`, all at the clock's time now. Blocks for as long as the kernel takes, within the limits.
    public func collect(into batch: MetricBatch) {
        let timestamp = clock.now()
        var seconds: [Double] = []
        var errors: [String: HostError] = [:]
        for collector in collectors {
            let began = clock.monotonicNanoseconds()
            switch run(collector, timestamp) {
            case .success(let part): batch.append(contentsOf: part)
            case .failure(let error): errors[collector.name] = error
            }
            seconds.append(Double(clock.monotonicNanoseconds() - began) / 1e9)
        }
        var out = HostSamples(into: batch, timestamp: timestamp)
        for (collector, duration) in zip(collectors, seconds) {
            out.gauge(
                "node_scrape_collector_duration_seconds", "node_exporter: Duration of a collector scrape.", duration,
                ["collector": collector.name])
            out.gauge(
                "node_scrape_collector_success", "node_exporter: Whether a collector succeeded.",
                errors[collector.name] == nil ? 1 : 0, ["collector": collector.name])
        }
        failures.withLock { $0 = errors }
    }

    /// Each collector fills a batch of its own, so that one which hangs or fails half-way leaves nothing behind.
    private func run(_ collector: any HostCollector, _ timestamp: Int64) -> Result<MetricBatch, HostError> {
        let paths = paths
        let result = patience.run(key: collector.name, seconds: collectorSecondsMax) {
            let part = MetricBatch()
            var out = HostSamples(into: part, timestamp: timestamp)
            do throws(HostError) {
                try collector.collect(paths, into: &out)
                return Result<MetricBatch, HostError>.success(part)
            } catch {
                return .failure(error)
            }
        }
        return result ?? .failure(.stuck(seconds: collectorSecondsMax))
    }
}

extension MetricBatch {
    /// Appends all series, rows and metadata of another batch.
    func append(contentsOf other: MetricBatch) {
        for (index, entry) in other.entries.enumerated() {
            other.withLabels(index) { beginSeries(canonical: $0) }
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                append(timestamp: other.timestamps[row], value: other.values[row])
            }
            for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
                append(timestamp: other.histograms[row].timestamp, histogram: other.histograms[row].histogram)
            }
            appendExemplars(of: index, in: other)
        }
        for item in other.metadata { append(item) }
    }
}
