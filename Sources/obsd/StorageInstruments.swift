import Collector
import Instruments
import LSM

/// Shows the engine's own counts as metrics.
enum StorageInstruments {
    static func register(_ storage: MetricStorage, in registry: InstrumentRegistry) {
        let engine = storage.engine
        func counter(_ name: String, _ help: String, _ read: @escaping @Sendable (EngineStatistics) -> Int) {
            registry.observe("obs_lsm_" + name, help: help, kind: .counter) { Double(read(engine.statistics)) }
        }
        func perShard(_ name: String, _ help: String, _ read: @escaping @Sendable (EngineStatistics.Shard) -> Int) {
            registry.observe("obs_lsm_" + name, help: help, labels: ["shard"]) {
                engine.statistics.shards.map { .init(Double(read($0)), labels: [String($0.index)]) }
            }
        }
        counter("records_written_total", "Queue records written.") { $0.recordsWritten }
        counter("written_bytes_total", "Bytes of queue records written.") { $0.bytesWritten }
        counter("retries_dropped_total", "Records recognised as retries.") { $0.retriesDropped }
        counter("records_set_aside_total", "Records that could not be applied.") { $0.recordsSetAside }
        counter("writes_refused_total", "Writes refused: overload, full disk, shutdown.") { $0.writesRefused }
        counter("syncs_total", "Syncs of the write-ahead log.") { $0.syncs }
        counter("checkpoints_total", "Head checkpoints written.") { $0.checkpoints }
        counter("flushes_total", "Memtables flushed to segments.") { $0.flushes }
        counter("flush_failures_total", "Flushes that failed and are tried again.") { $0.flushFailures }
        counter("compactions_total", "Merges of segments.") { $0.compactions }
        counter("compaction_failures_total", "Merges that failed.") { $0.compactionFailures }
        counter("segments_expired_total", "Segments dropped by retention.") { $0.segmentsExpired }
        counter("damages_total", "Damaged blocks and files found.") { $0.damages }
        counter("disk_full_events_total", "Times the disk was full.") { $0.diskFullEvents }
        registry.observe("obs_lsm_sync_seconds_total", help: "Time spent in syncs.", kind: .counter) {
            Double(engine.statistics.syncNanoseconds) / 1e9
        }
        registry.observe("obs_lsm_disk_full", help: "1 while writes are refused for lack of room.") {
            engine.statistics.isDiskFull ? 1 : 0
        }
        registry.observe("obs_lsm_recovery_seconds", help: "How long the last start took to recover.") {
            Double(engine.statistics.recoveryNanoseconds) / 1e9
        }
        perShard("log_bytes", "Write-ahead log kept.") { $0.logBytes }
        perShard("queue_bytes", "Accepted writes that wait for the shard's worker.") { $0.queueBytes }
        perShard("memtable_bytes", "Memory of memtables.") { $0.memtableBytes }
        perShard("memtable_rows", "Samples in memtables.") { $0.memtableRows }
        registry.observe("obs_lsm_segment_bytes", help: "Bytes of segments, by tier.", labels: ["tier"]) {
            tiers(engine.statistics) { $0.bytes }
        }
        registry.observe("obs_lsm_segments", help: "Segments, by tier.", labels: ["tier"]) {
            tiers(engine.statistics) { $0.segments }
        }
    }

    private static func tiers(
        _ statistics: EngineStatistics, _ read: (EngineStatistics.Tier) -> Int
    ) -> [InstrumentRegistry.Observation] {
        var totals: [Int: Int] = [:]
        for shard in statistics.shards { for (tier, value) in shard.tiers { totals[tier, default: 0] += read(value) } }
        return totals.sorted { $0.key < $1.key }.map { .init(Double($0.value), labels: [String($0.key)]) }
    }
}
