import Collector
import Configuration
import LSM

/// Settings, as the storage takes them.
enum StorageOptions {
    static func make(_ settings: Settings) -> MetricStorage.Options {
        var options = MetricStorage.Options()
        options.limits = limits(settings)
        options.engine.shardCount = settings[SettingsTable.shards]
        let memtables = settings[SettingsTable.memtableBytes].bytes / settings[SettingsTable.shards]
        options.engine.memtableBytesMax = memtables / 3
        options.engine.memtablesBytesMax = memtables
        options.engine.logBytesMax = settings[SettingsTable.logBytes].bytes
        options.engine.retentionMilliseconds = settings[SettingsTable.retention].milliseconds
        options.engine.diskFractionMax = max(0.01, Double(settings[SettingsTable.retentionDisk].value) / 100)
        switch settings[SettingsTable.durability] {
        case .sync: options.engine.durability = .sync
        case .interval:
            options.engine.durability = .interval(
                nanoseconds: UInt64(settings[SettingsTable.syncInterval].milliseconds) * 1_000_000)
        }
        return options
    }

    static func limits(_ settings: Settings) -> CollectorLimits {
        var limits = CollectorLimits()
        limits.outOfOrderMilliseconds = settings[SettingsTable.outOfOrder].milliseconds
        limits.futureMilliseconds = settings[SettingsTable.future].milliseconds
        limits.retentionMilliseconds = settings[SettingsTable.retention].milliseconds
        limits.seriesPerTenantMax = settings[SettingsTable.seriesPerTenant]
        return limits
    }
}
