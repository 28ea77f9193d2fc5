import Collector
import Configuration
import LSM

/// Settings, as the storage takes them.
enum StorageOptions {
    static func metrics(_ settings: Settings) -> MetricStorage.Options {
        var options = MetricStorage.Options()
        options.limits = limits(settings)
        options.engine.shardCount = settings[SettingsTable.shards]
        let memtables = settings[SettingsTable.memtableBytes].bytes / settings[SettingsTable.shards]
        options.engine.memtableBytesMax = memtables / 3
        options.engine.memtablesBytesMax = memtables
        options.engine.logBytesMax = settings[SettingsTable.logBytes].bytes
        options.engine.retentionMilliseconds = settings[SettingsTable.retention].milliseconds
        apply(settings, to: &options.engine)
        return options
    }

    static func logs(_ settings: Settings) -> LogStorage.Options {
        var options = LogStorage.Options()
        options.limits = logLimits(settings)
        options.engine.shardCount = settings[SettingsTable.logsShards]
        let memtables = settings[SettingsTable.logsMemtableBytes].bytes / settings[SettingsTable.logsShards]
        options.engine.memtableBytesMax = memtables * 2 / 5
        options.engine.memtablesBytesMax = memtables
        options.engine.retentionMilliseconds = settings[SettingsTable.logsRetention].milliseconds
        apply(settings, to: &options.engine)
        return options
    }

    static func traces(_ settings: Settings) -> TraceStorage.Options {
        var options = TraceStorage.Options()
        options.limits = traceLimits(settings)
        options.engine.shardCount = settings[SettingsTable.tracesShards]
        let memtables = settings[SettingsTable.tracesMemtableBytes].bytes / settings[SettingsTable.tracesShards]
        options.engine.memtableBytesMax = memtables * 2 / 5
        options.engine.memtablesBytesMax = memtables
        options.engine.retentionMilliseconds = settings[SettingsTable.tracesRetention].milliseconds
        apply(settings, to: &options.engine)
        return options
    }

    /// What holds for every signal.
    private static func apply(_ settings: Settings, to engine: inout EngineOptions) {
        engine.diskFractionMax = max(0.01, Double(settings[SettingsTable.retentionDisk].value) / 100)
        switch settings[SettingsTable.durability] {
        case .sync: engine.durability = .sync
        case .interval:
            engine.durability = .interval(
                nanoseconds: UInt64(settings[SettingsTable.syncInterval].milliseconds) * 1_000_000)
        }
    }

    static func logLimits(_ settings: Settings) -> CollectorLimits {
        var limits = limits(settings)
        limits.retentionMilliseconds = settings[SettingsTable.logsRetention].milliseconds
        limits.outOfOrderMilliseconds = settings[SettingsTable.logsOutOfOrder].milliseconds
        return limits
    }

    static func traceLimits(_ settings: Settings) -> CollectorLimits {
        var limits = limits(settings)
        limits.retentionMilliseconds = settings[SettingsTable.tracesRetention].milliseconds
        limits.outOfOrderMilliseconds = settings[SettingsTable.tracesOutOfOrder].milliseconds
        return limits
    }

    static func limits(_ settings: Settings) -> CollectorLimits {
        var limits = CollectorLimits()
        limits.outOfOrderMilliseconds = settings[SettingsTable.outOfOrder].milliseconds
        limits.futureMilliseconds = settings[SettingsTable.future].milliseconds
        limits.retentionMilliseconds = settings[SettingsTable.retention].milliseconds
        limits.seriesPerTenantMax = settings[SettingsTable.seriesPerTenant]
        limits.streamsPerTenantMax = settings[SettingsTable.streamsPerTenant]
        return limits
    }
}
