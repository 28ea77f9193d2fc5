import Model

/// Every setting of obsd. Flags, environment variables, the YAML file, validation, `--help` and the reference page come from here.
public enum SettingsTable {
    public static let dataDirectory = Setting(
        "data_dir", "./data", "Folder of everything that is stored.",
        check: { $0.isEmpty ? "data_dir must not be empty" : nil })
    public static let listen = Setting(
        "listen", Address(host: "127.0.0.1", port: 7070),
        "Where the HTTP API listens. Beyond loopback it wants a token and TLS, or insecure.",
        check: { $0.isOff ? "listen can't be off" : nil })
    public static let insecure = Setting(
        "insecure", false, "Allow listening beyond loopback without a token and TLS.")
    public static let token = Setting(
        "token", "", secret: true, "Bearer token that every request must carry; empty: none.")
    public static let tokenFile = Setting("token_file", "", "File whose first line is the bearer token.")
    public static let tlsCertificate = Setting("tls.cert_file", "", "PEM certificate chain; turns TLS on.")
    public static let tlsKey = Setting("tls.key_file", "", "PEM private key of tls.cert_file.")
    public static let tlsClientCA = Setting(
        "tls.client_ca_file", "", "PEM authorities: clients must show a certificate signed by one of them.")
    public static let shutdownDeadline = Setting(
        "shutdown_deadline", Duration(milliseconds: 20_000), "How long a stop may take to finish requests and flush.",
        check: positive("shutdown_deadline"))

    public static let shards = Setting(
        "storage.shards", 2, "Shards a signal is split into; fixed when the data folder is made.",
        check: { (1...64).contains($0) ? nil : "storage.shards must be 1 to 64" })
    public static let memtableBytes = Setting(
        "storage.memtable_bytes", ByteSize(bytes: 256 << 20),
        "Memory of all memtables together before they are flushed.",
        check: { $0.bytes >= 4 << 20 ? nil : "storage.memtable_bytes must be at least 4MiB" })
    public static let logBytes = Setting(
        "storage.log_bytes", ByteSize(bytes: 64 << 20), "Write-ahead log of one shard; bounds the time of a restart.",
        check: { $0.bytes >= 1 << 20 ? nil : "storage.log_bytes must be at least 1MiB" })
    public static let durability = Setting(
        "storage.durability", Durability.sync,
        "sync: a write is on disk before it is acknowledged; interval: within sync_interval.")
    public static let syncInterval = Setting(
        "storage.sync_interval", Duration(milliseconds: 1_000),
        "Longest time an acknowledged write may be only in memory, with durability interval.",
        check: positive("storage.sync_interval"))
    public static let retention = Setting(
        "storage.retention", Duration(milliseconds: 15 * 86_400_000), "Age at which data is dropped.",
        check: { $0.milliseconds >= 3_600_000 ? nil : "storage.retention must be at least 1h" })
    public static let retentionDisk = Setting(
        "storage.retention_disk", Percent(80), "Share of the disk at which the oldest data is dropped early.")

    public static let logsShards = Setting(
        "logs.shards", 2, "Shards that logs are split into; fixed when the data folder is made.",
        check: { (1...64).contains($0) ? nil : "logs.shards must be 1 to 64" })
    public static let logsMemtableBytes = Setting(
        "logs.memtable_bytes", ByteSize(bytes: 80 << 20),
        "Memory of all memtables of logs together before they are flushed.",
        check: { $0.bytes >= 4 << 20 ? nil : "logs.memtable_bytes must be at least 4MiB" })
    public static let logsRetention = Setting(
        "logs.retention", Duration(milliseconds: 15 * 86_400_000), "Age at which logs are dropped.",
        check: { $0.milliseconds >= 3_600_000 ? nil : "logs.retention must be at least 1h" })
    public static let logsServiceName = Setting(
        "logs.service_name", false, "Give streams without it the label service_name, as Loki does.")
    public static let logsDetectedLevel = Setting(
        "logs.detected_level", false, "Give lines without it the metadata detected_level, as Loki does.")
    public static let ownLogs = Setting("logs.self_logs", true, "Store obsd's own log.")
    public static let tracesShards = Setting(
        "traces.shards", 2, "Shards that traces are split into; fixed when the data folder is made.",
        check: { (1...64).contains($0) ? nil : "traces.shards must be 1 to 64" })
    public static let tracesMemtableBytes = Setting(
        "traces.memtable_bytes", ByteSize(bytes: 160 << 20),
        "Memory of all memtables of traces together before they are flushed.",
        check: { $0.bytes >= 4 << 20 ? nil : "traces.memtable_bytes must be at least 4MiB" })
    public static let tracesRetention = Setting(
        "traces.retention", Duration(milliseconds: 15 * 86_400_000), "Age at which traces are dropped.",
        check: { $0.milliseconds >= 3_600_000 ? nil : "traces.retention must be at least 1h" })
    public static let spanMetrics = Setting(
        "traces.span_metrics", true, "Make metrics of spans: rate, errors, duration, and the service graph.")
    public static let spanMetricDimensions = Setting(
        "traces.span_metrics_dimensions", "",
        "Attributes of spans or their resource that become labels of span metrics, with commas between.")
    public static let samplingBytes = Setting(
        "traces.sampling_bytes", ByteSize(bytes: 128 << 20),
        "Memory of spans that wait for the decision on their trace, where sampling has policies.",
        check: { $0.bytes >= 1 << 20 ? nil : "traces.sampling_bytes must be at least 1MiB" })
    public static let otlpHTTP = Setting(
        "otlp.http", Address(host: "127.0.0.1", port: 4318), "Where OTLP over HTTP is received as well; off: nowhere.")
    public static let otlpGRPC = Setting(
        "otlp.grpc", Address(host: "127.0.0.1", port: 4317),
        "Where OTLP over gRPC is received, without TLS: beyond loopback it wants insecure; off: nowhere.")
    public static let syslogTCP = Setting(
        "syslog.tcp", Address.off, "Where syslog is received over TCP. Beyond loopback it wants insecure.")
    public static let syslogUDP = Setting(
        "syslog.udp", Address.off, "Where syslog is received over UDP. Beyond loopback it wants insecure.")

    public static let outOfOrder = Setting(
        "limits.out_of_order", Duration(milliseconds: 86_400_000), reloads: true,
        "How far behind the newest sample of its tenant another may be.")
    public static let logsOutOfOrder = Setting(
        "limits.logs_out_of_order", Duration(milliseconds: 15 * 86_400_000), reloads: true,
        "How far behind the newest line of its tenant another may be; within the retention, late lines cost little.")
    public static let tracesOutOfOrder = Setting(
        "limits.traces_out_of_order", Duration(milliseconds: 15 * 86_400_000), reloads: true,
        "How far behind the newest span of its tenant another may be; within the retention, late spans cost little.")
    public static let future = Setting(
        "limits.future", Duration(milliseconds: 600_000), reloads: true,
        "How far ahead of the clock a sample or line may be.")
    public static let bodyBytes = Setting(
        "limits.body_bytes", ByteSize(bytes: 32 << 20), "Largest write request, before and after decompression.",
        check: { $0.bytes > 0 ? nil : "limits.body_bytes must be over 0" })
    public static let labelsPerSeries = Setting(
        "limits.labels_per_series", 64, "Most labels a series may have.", check: atLeastOne("limits.labels_per_series"))
    public static let labelNameBytes = Setting(
        "limits.label_name_bytes", ByteSize(bytes: 1024), "Longest label name.")
    public static let labelValueBytes = Setting(
        "limits.label_value_bytes", ByteSize(bytes: 4096), "Longest label value.")
    public static let seriesPerTenant = Setting(
        "limits.series_per_tenant", 2_000_000, reloads: true,
        "Active series of a tenant at which new ones are refused.",
        check: atLeastOne("limits.series_per_tenant"))
    public static let streamsPerTenant = Setting(
        "limits.streams_per_tenant", 100_000, reloads: true,
        "Streams of logs that a tenant may write to within two hours; beyond, new ones are refused.",
        check: atLeastOne("limits.streams_per_tenant"))
    public static let lineBytes = Setting(
        "limits.line_bytes", ByteSize(bytes: 2 << 20), "Longest line of a log.",
        check: { (1...(2 << 20)).contains($0.bytes) ? nil : "limits.line_bytes must be 1B to 2MiB" })
    public static let connections = Setting(
        "limits.connections", 1_000, "Open HTTP connections.", check: atLeastOne("limits.connections"))

    public static let queryTimeout = Setting(
        "query.timeout", Duration(milliseconds: 120_000), "Longest a query may run.", check: positive("query.timeout"))
    public static let queryConcurrency = Setting(
        "query.concurrency", 8, "Queries that run at once; more wait.", check: atLeastOne("query.concurrency"))
    public static let querySamples = Setting(
        "query.samples", 50_000_000, "Most samples one query may hold.", check: atLeastOne("query.samples"))
    public static let lookback = Setting(
        "query.lookback", Duration(milliseconds: 300_000), "How old the newest sample of an instant selector may be.",
        check: positive("query.lookback"))
    public static let slowQuery = Setting(
        "query.slow_log", Duration(milliseconds: 10_000), "Queries that take longer are logged; 0 logs none.")

    public static let hostMetrics = Setting(
        "agent.host_metrics", true, "Collect this machine's metrics under node_exporter's names.")
    public static let selfMetrics = Setting("agent.self_metrics", true, "Store obsd's own metrics.")
    public static let agentInterval = Setting(
        "agent.interval", Duration(milliseconds: 15_000), "How often host and own metrics are collected.",
        check: positive("agent.interval"))
    public static let agentQueueBytes = Setting(
        "agent.queue_bytes", ByteSize(bytes: 256 << 20), "Disk for samples that can't be delivered yet.")
    public static let nodeExporter = Setting(
        "agent.node_exporter", "127.0.0.1:9100", "Scraped when it answers; off: never.")
    public static let remoteWrite = Setting(
        "agent.remote_write", "", "Where an agent of its own sends: URL of a remote-write receiver.",
        check: {
            // A URL is shown in logs and on status pages.
            $0.contains("@") ? "agent.remote_write must not hold a password: use agent.remote_token" : nil
        })
    public static let lokiPush = Setting(
        "agent.loki_push", "", "Where an agent of its own sends logs: URL of a Loki push receiver.",
        check: {
            $0.contains("@") ? "agent.loki_push must not hold a password: use agent.loki_token" : nil
        })
    public static let lokiToken = Setting("agent.loki_token", "", secret: true, "Bearer token for agent.loki_push.")
    public static let remoteToken = Setting(
        "agent.remote_token", "", secret: true, "Bearer token for agent.remote_write.")
    public static let hostRoot = Setting(
        "agent.host_root", "/", "Where /proc and /sys of the observed machine are mounted.")

    /// In the order of the reference page.
    public static let all: [any AnySetting] =
        [
            dataDirectory, listen, insecure, token, tokenFile, tlsCertificate, tlsKey, tlsClientCA, shutdownDeadline,
            shards, memtableBytes, logBytes, durability, syncInterval, retention, retentionDisk, logsShards,
            logsMemtableBytes,
            logsRetention, logsServiceName, logsDetectedLevel, ownLogs, tracesShards,
            tracesMemtableBytes, tracesRetention, tracesOutOfOrder, spanMetrics, spanMetricDimensions, samplingBytes,
            otlpHTTP,
            otlpGRPC, syslogTCP, syslogUDP, outOfOrder,
            logsOutOfOrder, future,
            bodyBytes, labelsPerSeries, labelNameBytes, labelValueBytes, seriesPerTenant, streamsPerTenant, lineBytes,
            connections,
            queryTimeout,
            queryConcurrency, querySamples, lookback, slowQuery, hostMetrics, selfMetrics, agentInterval,
            agentQueueBytes,
            nodeExporter, remoteWrite, remoteToken, lokiPush, lokiToken, hostRoot,
        ] + otlpMetrics

    private static func positive(_ name: String) -> @Sendable (Duration) -> String? {
        { $0.milliseconds > 0 ? nil : "\(name) must be over 0" }
    }

    private static func atLeastOne(_ name: String) -> @Sendable (Int) -> String? {
        { $0 > 0 ? nil : "\(name) must be at least 1" }
    }
}
